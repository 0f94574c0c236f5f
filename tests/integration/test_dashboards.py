"""Grafana's panels on a real PostgreSQL: each asks, each answers what the story of two cities holds, none more.

`tests/simulators/asked_city.py` tells the story, so that every figure below can be counted by hand: six hours of a
Monday, in which p-2's camera goes blind halfway.
"""

import re
import secrets
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from aggregator.adapters.database import Access, Connection, Pool
from aggregator.adapters.embedded_postgres import ANALYSTS
from aggregator.adapters.timescale import Kind, turned_on
from tests.simulators.asked_city import CITIES, FIRST, LAST, seed
from tests.simulators.grafana import Target, dashboards, expanded, targets

POINTS = ("a-1", "p-1", "p-2")
BUCKETS = ("minute", "hour", "day")
OF_DATABASE = [pytest.param(each, id=f"{each.dashboard}-{each.panel}") for each in targets() if each.sql]
Cell = str | float | bool | None
Rows = list[tuple[Cell, ...]]
HOURS = ("12:00", "13:00", "14:00", "15:00", "16:00", "17:00")

EXPECTED: dict[str, Rows] = {
    "atalaya-cameras/Cameras": [(4,)],
    "atalaya-cameras/Blind now": [(1,)],
    "atalaya-cameras/Seen": [(0.875,)],  # one camera of four for half of the time
    "atalaya-cameras/Dropped frames": [(0,)],
    "atalaya-cameras/Reconnects": [(180,)],  # one a minute while it is blind
    "atalaya-cameras/Bad pictures": [(2,)],
    "atalaya-cameras/Blind cameras": [("saltillo", "p-2", "cam-1", "gate", "14:00")],
    "atalaya-cameras/Least seen": [
        ("saltillo", "p-2", "cam-1", "gate", 0.5), ("acuna", "a-1", "cam-1", "bridge", 1),
        ("saltillo", "p-1", "cam-1", "north", 1), ("saltillo", "p-1", "cam-2", "south", 1),
    ],
    "atalaya-cameras/Cameras that were live": [
        row for hour in HOURS for row in ((hour, "acuna", 1), (hour, "saltillo", 3 if hour < "15" else 2))
    ],
    "atalaya-cameras/Frames": [
        (hour, 15, 10, 0) if hour < "15" else (hour, 11.25, 7.5, 0) for hour in HOURS
    ],
    "atalaya-cameras/Stalls, reconnects and bad frames": [
        (hour, 0, 0 if hour < "15" else 60, 0) for hour in HOURS
    ],
    "atalaya-cameras/What went wrong with pictures": [
        ("15:00", "acuna", "a-1", "cam-1", "blocked", "begins"),
        ("15:00", "saltillo", "p-2", "cam-1", "blocked", "begins"),
    ],
    "atalaya-operations/Boxes": [("acuna", "never seen", 1), ("saltillo", "offline", 1), ("saltillo", "online", 1)],
    "atalaya-operations/Boxes that want a look": [
        ("box-2", "saltillo", "p-2", "offline", "17:59", 120, 0, 0, 0, 0),
    ],
    "atalaya-operations/Hotlists on the boxes": [("acuna", 7, 1), ("saltillo", 7, 1), ("saltillo", 6, 1)],
    "atalaya-operations/What happened last": [
        ("15:20", "hit", "acuna", "a-1", "cam-1", "possible: wanted"),
        ("15:00", "camera-condition", "acuna", "a-1", "cam-1", "blocked"),
        ("15:00", "camera-condition", "saltillo", "p-2", "cam-1", "blocked"),
        ("13:30", "alarm", "acuna", "a-1", "cam-1", "line_crossing"),
        ("13:00", "hit", "acuna", "a-1", "cam-1", "exact: stolen"),
        ("12:30", "hit", "saltillo", "p-2", "cam-1", "possible: wanted"),
        ("12:20", "alarm", "saltillo", "p-1", "cam-1", "panic"),
        ("12:15", "hit", "saltillo", "p-1", "cam-2", "exact: stolen"),
        ("12:10", "hit", "saltillo", "p-1", "cam-1", "exact: stolen"),
    ],
    "atalaya-reactions/Alerts": [(5,)],
    "atalaya-reactions/Nobody has seen": [(1,)],
    "atalaya-reactions/Seen, median": [(30,)],  # of 10, 20, 40, 50
    "atalaya-reactions/On site, median": [(300,)],  # of 240, 360
    "atalaya-reactions/Were right": [(0.667,)],
    "atalaya-reactions/Open": [(3,)],
    "atalaya-reactions/Each step": [
        ("raised", 5, 3, 3, 3, 3), ("seen", 4, 30, 47, 49.7, 50), ("decided", 3, 40, 64, 69.4, 70),
        ("dispatched", 3, 60, 92, 99.2, 100), ("on_site", 2, 300, 348, 358.8, 360),
        ("closed", 1, 1200, 1200, 1200, 1200),
    ],
    "atalaya-reactions/By city": [("acuna", 2, 40, 40, 100, None), ("saltillo", 3, 20, 50, 50, 300)],
    "atalaya-reactions/Seconds to be seen": [("12:00", "acuna", 40), ("12:00", "saltillo", 20)],
    "atalaya-reactions/Alerts raised": [("12:00", "hit", 4), ("12:00", "panic", 1)],
    "atalaya-reactions/How they stand and ended": [
        ("closed", "recovered", 1), ("dispatched", "", 1), ("new", "", 1), ("on_site", "", 1), ("rejected", "", 1),
    ],
    "atalaya-reactions/Wrong reads": [
        ("list", "batch-1", 3, 1), ("reader", "reader-1", 3, 1), ("camera", "p-2/cam-1", 1, 1),
        ("quality", "possible", 1, 1), ("reason", "wanted", 1, 1), ("quality", "exact", 2, 0),
        ("reason", "stolen", 2, 0), ("camera", "a-1/cam-1", 1, 0), ("camera", "p-1/cam-1", 1, 0),
    ],
    "atalaya-reactions/Waited longest": [
        ("5", "acuna", "a-1", "hit", "new", 9600), ("3", "saltillo", "p-2", "hit", "rejected", 50),
        ("4", "acuna", "a-1", "hit", "dispatched", 40), ("2", "saltillo", "p-1", "panic", "on_site", 20),
        ("1", "saltillo", "p-1", "hit", "closed", 10),
    ],
    "atalaya-traffic/Vehicles": [(1980,)],  # (2 + 1) * 360 + 3 * 180 + 1 * 360
    "atalaya-traffic/Plates read": [(1080,)],
    "atalaya-traffic/Unreadable": [(0,)],
    "atalaya-traffic/Hits": [(0,)],
    "atalaya-traffic/Seen": [(0.875,)],
    "atalaya-traffic/Vehicles an hour and camera": [(94.286,)],  # 1980 in 21 hours of a camera
    "atalaya-traffic/Vehicles by city": [
        row for hour in HOURS for row in ((hour, "acuna", 60), (hour, "saltillo", 360 if hour < "15" else 180))
    ],
    "atalaya-traffic/Share of the time that was seen": [
        row for hour in HOURS for row in ((hour, "acuna", 1), (hour, "saltillo", 1 if hour < "15" else 0.667))
    ],
    "atalaya-traffic/Busiest points": [
        ("saltillo", "p-1", "Plaza", 1080, 90, 12), ("saltillo", "p-2", "Market", 540, 180, 3),
        ("acuna", "a-1", "Bridge", 360, 60, 6),
    ],
    # noon in UTC is six in the morning there; 420 vehicles in four camera-hours, then 240 in three
    "atalaya-traffic/Hours of the day": [
        ("06", 105), ("07", 105), ("08", 105), ("09", 80), ("10", 80), ("11", 80),
    ],
    "atalaya-traffic/Days": [("2026-11-02", "acuna", 360, 0, 0, 6), ("2026-11-02", "saltillo", 1620, 1080, 0, 15)],
}  # fmt: skip


def quarters(acuna: float, saltillo: float) -> Rows:
    """The same two figures in every quarter of an hour."""
    times = [f"{FIRST + number * timedelta(minutes=15):%H:%M}" for number in range(24)]
    return [row for at in times for row in ((at, "acuna", acuna), (at, "saltillo", saltillo))]


EXPECTED["atalaya-operations/Messages that wait on the boxes"] = quarters(0, 120)
EXPECTED["atalaya-operations/Hottest box"] = quarters(81.5, 55)


@pytest.fixture
async def asked(pool: Pool) -> AsyncIterator[Connection]:
    """The service's own connection to a database with the story in it; it has yet to say which cities it asks for."""
    async with pool.acquire() as connection:
        await seed(connection)
        yield connection


@pytest.fixture
async def viewer(asked: Connection, database: Access) -> AsyncIterator[Connection]:
    """Grafana's own: a role that may ask, and may read Saltillo."""
    role = f"grafana-{secrets.token_hex(4)}"
    await asked.execute(
        f"DO $$ BEGIN CREATE ROLE {ANALYSTS} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        f'CREATE ROLE "{role}" LOGIN IN ROLE {ANALYSTS}; GRANT USAGE ON SCHEMA ask TO "{role}"'
    )
    await asked.execute("INSERT INTO city_reader VALUES ($1, 'saltillo')", role)
    login = await asyncpg.connect(database.dsn, user=role)
    try:
        yield login
    finally:
        await login.close()
        await asked.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


async def answer(connection: Connection, sql: str, *, bucket: str = "hour", cities: Iterable[str] = CITIES) -> Rows:
    """What a panel shows, with everything chosen."""
    chosen = {"city": tuple(cities), "point": POINTS, "bucket": (bucket,)}
    rows = await connection.fetch(expanded(sql, from_at=FIRST, to_at=LAST, chosen=chosen))
    return [tuple(_plain(name, cell) for name, cell in row.items()) for row in rows]


def _plain(name: str, cell: object) -> Cell:
    """A cell as one writes it by hand: a time by its hour, a number to three places."""
    if isinstance(cell, Decimal) and name == "time":
        return f"{FIRST.fromtimestamp(float(cell), FIRST.tzinfo):%H:%M}"
    if isinstance(cell, datetime):
        return f"{cell:%H:%M}"
    if isinstance(cell, Decimal | float):
        return round(float(cell), 3)
    assert cell is None or isinstance(cell, str | int)
    return cell


async def test_every_panel_shows_what_the_story_holds(asked: Connection) -> None:
    await asked.execute("SET atalaya.cities = '*'")
    shown = {f"{each.dashboard}/{each.panel}": await answer(asked, each.sql) for each in targets() if each.sql}
    assert set(shown) == set(EXPECTED)
    wrong = {panel: (rows, EXPECTED[panel]) for panel, rows in shown.items() if rows != EXPECTED[panel]}
    assert wrong == {}


@pytest.mark.slow
async def test_every_panel_shows_the_same_where_timescaledb_keeps_the_counts(timescale: Access) -> None:
    connection = await timescale.connect()
    engine = await turned_on(connection)
    await seed(connection)
    await connection.execute("SET atalaya.cities = '*'")
    shown = {f"{each.dashboard}/{each.panel}": await answer(connection, each.sql) for each in targets() if each.sql}
    await connection.close()
    assert engine.kind is Kind.TIMESCALE
    assert {panel: rows for panel, rows in shown.items() if rows != EXPECTED[panel]} == {}


async def test_every_panel_asks_in_every_bucket(asked: Connection) -> None:
    await asked.execute("SET atalaya.cities = '*'")
    for each in targets():
        if "${bucket" in each.sql:
            counted = {bucket: len(await answer(asked, each.sql, bucket=bucket)) for bucket in BUCKETS}
            assert counted["minute"] == 60 * counted["hour"] > 0, each.panel


async def test_a_role_of_one_city_sees_no_other_by_any_panel(asked: Connection, viewer: Connection) -> None:
    """Whatever is chosen, and whatever the role sets: as much as the service shows of Saltillo alone."""
    await asked.execute("SET atalaya.cities = 'saltillo'")
    await viewer.execute("SET atalaya.cities = '*'")
    for each in targets():
        if each.sql:
            rows = await answer(viewer, each.sql)
            assert rows == await answer(asked, each.sql), each.panel
            assert not re.search(r"acuna|a-1|box-a", repr(rows)), each.panel


async def test_variables_offer_what_the_role_may_see(viewer: Connection) -> None:
    offered = {}
    for dashboard in dashboards():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                offered[variable["name"]] = [row[0] for row in await answer(viewer, variable["query"])]
    assert offered == {"city": ["saltillo"], "point": ["p-1", "p-2"]}


async def test_the_role_of_the_dashboards_reads_no_table_and_no_plate(viewer: Connection) -> None:
    for table in ("camera_minute", "hit", "alert", "ask.hit_plate"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await viewer.execute(f"SELECT FROM {table}")


@pytest.mark.parametrize("target", OF_DATABASE)
def test_a_panel_reads_the_asking_surface_and_nothing_else(target: Target) -> None:
    read = set(re.findall(r"(?<!epoch )\b(?:FROM|JOIN)\s+([a-z_.$\{:}]+)", target.sql))
    assert read
    assert all(re.fullmatch(r"ask\.[a-z_]+|ask\.\$\{bucket:raw\}", name) for name in read), read
