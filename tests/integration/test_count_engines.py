"""The same minutes and the same questions on plain PostgreSQL and on TimescaleDB: the same answers, at every moment.

`TIMESCALE_DSN` names a real TimescaleDB server, with a database whose user may create others; the questions then go
there as well.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from aggregator.adapters import timescale
from aggregator.adapters.database import Access, Connection, Pool, pooled
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.migrations import migrate
from aggregator.adapters.retention_store import RetentionStore
from aggregator.adapters.rollup_maker import RollupMaker
from aggregator.adapters.timescale import Engine, Kind
from aggregator.adapters.timescale_sums import TimescaleSums
from aggregator.core.retention import Keeping, Rule
from tests.simulators import street_counts
from tests.simulators.street_counts import Minute, asked, found_streets, store
from tests.simulators.timescale_server import TimescaleServer

ENGINES: Final = ("plain", "timescale", *(["server"] if "TIMESCALE_DSN" in os.environ else []))
VIEWS: Final = ("minute", "hour", "day", "city_hour")
# The night in which the border's clocks go back: 25 hours in Ojinaga, 24 in Chihuahua and Monterrey.
NIGHT: Final = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)


# All that holds counts: partitions or chunks, compressed or not, sums, and TimescaleDB's own views over them.
UNDER_THE_VIEWS: Final = """
SELECT format('%I.%I', nspname, relname) AS name
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v')
  AND (nspname = 'public' AND relname ~ '^(camera|city|count)_'
       OR nspname = '_timescaledb_internal'
          AND relname ~ '^(_hyper_|compress_hyper_|_compressed_|_materialized_|_partial_|_direct_)')
"""


@dataclass(frozen=True)
class Place:
    """A database with its engine turned on, and what makes its sums."""

    pool: Pool
    maker: RollupMaker | TimescaleSums

    async def check(self, minutes: list[Minute]) -> None:
        """Every view answers what the minutes add up to."""
        wanted = {
            "minute": street_counts.minutes_of(minutes),
            "hour": street_counts.hours_of(minutes),
            "day": street_counts.days_of(minutes),
            "city_hour": street_counts.city_hours_of(minutes),
        }
        for view in VIEWS:
            assert await self.asked(view) == wanted[view], view

    async def asked(self, view: str) -> street_counts.Answer:
        """What a view answers the service."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL atalaya.cities = '*'")
            return await asked(connection, view)

    async def purge(self, kind: Keeping, before: datetime, folder: Path) -> int:
        """Remove what is older, as retention does once a day has passed; how many rows went."""
        store = RetentionStore(self.pool, EvidenceFiles(folder))
        rule = Rule(kind, days=1)
        return sum([receipt.count async for receipt in store.purge(rule, before + timedelta(days=1), actor="os:ana")])

    async def store(self, minutes: list[Minute]) -> None:
        """Store minutes, as ingest would."""
        async with self.pool.acquire() as connection:
            await store(connection, minutes)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine, its server started."""
    return started(request)


@pytest.fixture(scope="session", params=ENGINES[1:])
def timescale_engine(request: pytest.FixtureRequest) -> str:
    """TimescaleDB alone, its server started."""
    return started(request)


def started(request: pytest.FixtureRequest) -> str:
    """Start the server of an engine, before any test counts the processes that it leaves behind."""
    if request.param == "plain":
        request.getfixturevalue("postgres")
    if request.param == "timescale":
        server: TimescaleServer = request.getfixturevalue("timescale_server")
        server.fresh("migrated")
        asyncio.run(found(Access(server.dsn)))
        server.keep("founded")
    return str(request.param)


@pytest.fixture
def offered(request: pytest.FixtureRequest, engine: str) -> Access | None:
    """The engine's migrated database; of a real server none yet."""
    return request.getfixturevalue("database") if engine == "plain" else taken(request, engine, "founded")


@pytest.fixture
def offered_timescale(request: pytest.FixtureRequest, timescale_engine: str) -> Access | None:
    """The same of TimescaleDB alone."""
    return taken(request, timescale_engine, "founded")


@pytest.fixture
def unturned(request: pytest.FixtureRequest, timescale_engine: str) -> Access | None:
    """TimescaleDB that nobody has turned to yet."""
    return taken(request, timescale_engine, "migrated")


def taken(request: pytest.FixtureRequest, engine: str, state: str) -> Access | None:
    """A database of TimescaleDB as it was kept; of a real server none yet."""
    if engine == "server":
        return None
    server: TimescaleServer = request.getfixturevalue("timescale_server")
    server.fresh(state)
    return Access(server.dsn)


@pytest.fixture
async def place(offered: Access | None) -> AsyncIterator[Place]:
    """Each engine with the streets' registry."""
    async with made(offered) as access, opened(access) as found:
        yield found


@pytest.fixture
async def turned(offered_timescale: Access | None) -> AsyncIterator[Place]:
    """TimescaleDB alone, with the streets' registry."""
    async with made(offered_timescale) as access, opened(access) as found:
        yield found


async def found(access: Access) -> Engine:
    """Turn the engine on and found the registry, each if need be."""
    connection = await access.connect()
    chosen = await timescale.turned_on(connection)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM city)"):
        await found_streets(connection)
    await connection.close()
    return chosen


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Place]:
    """The engine with the streets' registry, and what makes its sums."""
    chosen = await found(access)
    async with pooled(access, 1) as pool:
        is_plain = chosen.kind is Kind.PLAIN
        yield Place(pool, RollupMaker(pool) if is_plain else TimescaleSums(pool, pause_s=0))


@asynccontextmanager
async def made(access: Access | None) -> AsyncIterator[Access]:
    """A database, on the real server if there is none yet: migrated, the test's own."""
    if access is not None:
        yield access
        return
    name, dsn = f"test_{secrets.token_hex(6)}", os.environ["TIMESCALE_DSN"]
    server = await asyncpg.connect(dsn)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        connection = await asyncpg.connect(dsn, database=name)
        await connection.execute("CREATE EXTENSION timescaledb")
        await migrate(connection)
        await connection.close()
        yield Access(f"{dsn.rpartition('/')[0]}/{name}")
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@asynccontextmanager
async def analyst(pool: Pool, city: str) -> AsyncIterator[Connection]:
    """An analyst of one city, for a transaction of which nothing stays."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            name = f"analyst_{secrets.token_hex(6)}"
            await connection.execute(f"CREATE ROLE {name}; GRANT USAGE ON SCHEMA ask TO {name}")
            await connection.execute("INSERT INTO city_reader (role_name, city_id) VALUES ($1, $2)", name, city)
            await connection.execute(f"SET LOCAL ROLE {name}")
            yield connection
        finally:
            await transaction.rollback()


def a_night(*, report: str = "first", at: datetime = NIGHT, hours: int = 28) -> list[Minute]:
    """A minute every half hour at each camera, a blind camera, and one that was told of twice in a minute."""
    times = [at + timedelta(minutes=30 * n) for n in range(2 * hours)]
    cameras = [(point, camera) for point in street_counts.POINTS for camera in ("cam-1", "cam-2")]
    minutes = [
        Minute(each, point, camera, n, live_ms=0 if camera == "cam-2" else 60_000, report=report)
        for n, each in enumerate(times)
        for point, camera in cameras
    ]
    return [*minutes, Minute(at, "n-2", "cam-1", 7, live_ms=90_000, interval_ms=61_000, report=f"{report} again")]


async def test_the_same_minutes_give_the_same_answers_before_and_after_they_are_summed(place: Place) -> None:
    minutes = a_night()
    await place.store(minutes)
    await place.check(minutes)
    assert await place.maker.make() > 0
    assert await place.maker.left() == 0
    await place.check(minutes)


async def test_minutes_that_come_late_are_in_the_answers_at_once_and_stay(place: Place) -> None:
    minutes = a_night()
    await place.store(minutes)
    await place.maker.make()
    late = a_night(report="late", at=NIGHT + timedelta(hours=3), hours=2)
    await place.store(late)
    await place.check([*minutes, *late])
    await place.maker.make()
    await place.check([*minutes, *late])
    await place.store(late)  # byte for byte again, as if the ledger had let it through
    await place.check([*minutes, *late])


async def test_a_point_that_moves_into_another_zone_has_other_days(place: Place) -> None:
    minutes = a_night()
    await place.store(minutes)
    await place.maker.make()
    before = await place.asked("day")
    await place.pool.execute("UPDATE point SET time_zone = 'America/Tijuana' WHERE point_id = 'i-1'")
    moved = await place.asked("day")
    await place.maker.make()
    await place.maker.make()  # the zone is new: it has an aggregate of its own from here on
    assert await place.asked("day") == moved
    assert {key for key in before if key[2] == "i-1"}.isdisjoint(key for key in moved if key[2] == "i-1")
    assert {key for key in before if key[2] != "i-1"} == {key for key in moved if key[2] != "i-1"}
    assert sum(sums[0] for sums in moved.values()) == sum(minute.sums[0] for minute in minutes)


async def test_an_analyst_sees_his_city_in_every_view_of_counts_and_cannot_widen_it(place: Place) -> None:
    minutes = a_night(hours=3)
    await place.store(minutes)
    await place.maker.make()
    await place.store(a_night(report="late", hours=1))
    async with analyst(place.pool, "inland") as connection:
        await connection.execute("SET LOCAL atalaya.cities = '*'")
        for view in VIEWS:
            answer = await connection.fetch(f"SELECT DISTINCT city FROM ask.{view}")  # noqa: S608  our own words
            assert [row["city"] for row in answer] == ["inland"], view


async def test_an_analyst_has_no_way_to_what_lies_under_the_views(place: Place) -> None:
    await place.store(a_night(hours=3))
    await place.maker.make()
    if await place.pool.fetchval("SELECT to_regclass('timescale_step') IS NOT NULL"):
        await place.pool.fetch("SELECT compress_chunk(chunk) FROM show_chunks('camera_minute') AS chunk")
    tables = [row["name"] for row in await place.pool.fetch(UNDER_THE_VIEWS)]
    assert len(tables) >= 5
    for table in tables:
        async with analyst(place.pool, "inland") as connection:
            assert not await connection.fetchval(
                "SELECT has_table_privilege($1, 'SELECT, INSERT, UPDATE, DELETE')", table
            )
            # The inner table of a compressed chunk is no table that anybody can read by its name.
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InternalServerError)):
                await connection.fetch(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608  names quoted by format()


async def test_retention_takes_minutes_and_leaves_what_they_added_up_to(place: Place, tmp_path: Path) -> None:
    minutes = a_night(hours=50)
    await place.store(minutes)
    cutoff = NIGHT.replace(hour=0, minute=0) + timedelta(days=1)
    assert await place.purge(Keeping.COUNTS, cutoff, tmp_path) == 0  # no sum has them in
    await place.maker.make()
    wanted = {view: await place.asked(view) for view in VIEWS}
    gone = [minute for minute in minutes if minute.at < cutoff]
    assert await place.purge(Keeping.COUNTS, cutoff, tmp_path) == len(gone)
    assert {view: await place.asked(view) for view in VIEWS[1:]} == {view: wanted[view] for view in VIEWS[1:]}
    assert await place.asked("minute") == street_counts.minutes_of([m for m in minutes if m.at >= cutoff])


async def test_a_minute_that_comes_after_retention_is_added_to_what_went(place: Place, tmp_path: Path) -> None:
    minutes = a_night(hours=50)
    await place.store(minutes)
    await place.maker.make()
    cutoff = NIGHT.replace(hour=0, minute=0) + timedelta(days=1)
    assert await place.purge(Keeping.COUNTS, cutoff, tmp_path) > 0
    late = a_night(report="late", hours=2)
    await place.store(late)
    both = [*minutes, *late]
    for _ in range(2):
        assert await place.asked("hour") == street_counts.hours_of(both)
        assert await place.asked("day") == street_counts.days_of(both)
        assert await place.asked("city_hour") == street_counts.city_hours_of(both)
        await place.maker.make()


async def test_sums_go_by_their_own_rules(place: Place, tmp_path: Path) -> None:
    minutes = a_night(hours=50)
    await place.store(minutes)
    await place.maker.make()
    await place.maker.make()
    cutoff = NIGHT.replace(hour=0, minute=0) + timedelta(days=1)
    await place.purge(Keeping.COUNTS, cutoff, tmp_path)
    hours, days = await place.asked("hour"), await place.asked("day")
    assert await place.purge(Keeping.HOURLY, cutoff, tmp_path) > 0
    kept = {key: sums for key, sums in hours.items() if key[0] >= cutoff}  # type: ignore[operator]  # keys begin with a time
    assert await place.asked("hour") == kept
    assert {key[0] for key in await place.asked("city_hour")} == {key[0] for key in kept}
    assert await place.asked("day") == days
    assert await place.purge(Keeping.DAILY, cutoff, tmp_path) > 0
    assert {key[1] for key in await place.asked("day")} == {key[1] for key in days} - {date(2026, 10, 31)}


async def test_late_minutes_reach_a_day_that_is_compressed(turned: Place) -> None:
    minutes = a_night()
    await turned.store(minutes)
    await turned.maker.make()
    await turned.pool.fetch("SELECT compress_chunk(chunk) FROM show_chunks('camera_minute') AS chunk")
    assert await turned.pool.fetchval("SELECT bool_and(is_compressed) FROM timescaledb_information.chunks"
                                      " WHERE hypertable_name = 'camera_minute'")  # fmt: skip
    late = a_night(report="late", hours=2)
    await turned.store(late)
    await turned.check([*minutes, *late])
    await turned.store(late)
    await turned.maker.make()
    await turned.check([*minutes, *late])


async def test_a_compressed_day_goes_whole_and_its_sums_stay(turned: Place, tmp_path: Path) -> None:
    minutes = a_night(hours=50)
    await turned.store(minutes)
    await turned.maker.make()
    await turned.pool.fetch("SELECT compress_chunk(chunk) FROM show_chunks('camera_minute') AS chunk")
    hours, cutoff = await turned.asked("hour"), NIGHT.replace(hour=0, minute=0) + timedelta(days=1)
    packed = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'compress\\_hyper\\_%'"
    before = await turned.pool.fetchval(packed)
    assert await turned.purge(Keeping.COUNTS, cutoff, tmp_path) == sum(minute.at < cutoff for minute in minutes)
    assert await turned.asked("hour") == hours
    chunks = await turned.pool.fetchval("SELECT count(*) FROM show_chunks('camera_minute')")
    assert (before - 1, chunks) == (await turned.pool.fetchval(packed), before - 1)


async def test_a_policy_compresses_days_once_little_comes_late(turned: Place) -> None:
    await turned.store(a_night(at=datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=9)))
    jobs = "SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'camera_minute'"
    for job in await turned.pool.fetch(f"{jobs} AND proc_name = 'policy_compression'"):
        await turned.pool.execute(f"CALL run_job({job['job_id']})")
    chunks = "SELECT is_compressed FROM timescaledb_information.chunks WHERE hypertable_name = 'camera_minute'"
    packed = [row["is_compressed"] for row in await turned.pool.fetch(f"{chunks} ORDER BY range_end")]
    assert packed[0]


async def test_turning_it_on_again_changes_nothing(unturned: Access | None) -> None:
    async with made(unturned) as access:
        connection = await access.connect()
        first = await timescale.turned_on(connection)
        views = "SELECT string_agg(pg_get_viewdef(oid), '' ORDER BY oid) FROM pg_class WHERE relkind = 'v'"
        before = await connection.fetchval(views)
        assert await timescale.turned_on(connection) == first
        assert await connection.fetchval(views) == before
        assert (first.kind, await connection.fetchval("SELECT count(*) FROM timescale_step")) == (Kind.TIMESCALE, 1)
        await connection.close()


async def test_what_plain_postgresql_kept_is_there_after_timescaledb_took_over(
    unturned: Access | None, tmp_path: Path
) -> None:
    minutes, cutoff = a_night(hours=80), NIGHT.replace(hour=0, minute=0) + timedelta(days=2)
    async with made(unturned) as access:
        async with pooled(access, 1) as pool:  # the extension is there, and nobody has turned to it yet
            before = Place(pool, RollupMaker(pool))
            async with pool.acquire() as held:
                await found_streets(held)
            await before.store(minutes)
            await before.maker.make()
            await before.purge(Keeping.COUNTS, cutoff, tmp_path)
            await before.purge(Keeping.HOURLY, cutoff - timedelta(days=1), tmp_path)
            wanted = {view: await before.asked(view) for view in VIEWS}
        connection = await access.connect()
        await timescale.turned_on(connection)
        await connection.close()
        async with pooled(access, 1) as pool:
            after = Place(pool, TimescaleSums(pool, pause_s=0))
            await after.maker.make()
            assert {view: await after.asked(view) for view in VIEWS} == wanted
            await after.store(a_night(report="late", at=cutoff, hours=1))
            await after.maker.make()
            assert len(await after.asked("day")) == len(wanted["day"])
