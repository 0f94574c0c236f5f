"""The registry in a real PostgreSQL: what it takes, what it refuses, and that listeners are told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.registry_store import Certified, Registry
from aggregator.core.registry import Camera, City, Device, Outcome, Partner, Point, Row
from aggregator.errors import AlreadyThere, BadKey, NotThere
from protocol.keys import KeySigner

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SALTILLO, MONCLOVA = City(city_id="saltillo", name="Saltillo"), City(city_id="monclova", name="Monclova")
OXXO = Partner(partner_id="oxxo", name="Oxxo", terms="folio 12", signed_on=date(2026, 3, 1))
UNO = Point(point_id="p-1", city_id="saltillo", name="Uno", latitude=25.4, longitude=-101.0, partner_id="oxxo")
CAMERA = Camera(point_id="p-1", camera_id="cam-1", heading_deg=90, lane="1")
BOX = Device(device_id="box-1", point_id="p-1")
ALL: dict[str, Row] = {"city": SALTILLO, "partner": OXXO, "point": UNO, "camera": CAMERA, "device": BOX}


@pytest.fixture
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as one:
        yield one


@pytest.fixture
async def registry(connection: Connection) -> Registry:
    """A registry with one of everything."""
    made = Registry(connection)
    for noun, row in ALL.items():
        assert await made.add(noun, row) is Outcome.ADDED
    return made


def make_certified(key: KeySigner, serial: str = "a1") -> Certified:
    return Certified(key.public_key, "-----BEGIN CERTIFICATE-----", serial, NOW + timedelta(days=30))


@pytest.mark.parametrize("noun", ALL)
async def test_a_row_is_read_back_as_it_was_registered(registry: Registry, noun: str) -> None:
    assert await registry.find(noun, ALL[noun]) == ALL[noun]


@pytest.mark.parametrize("noun", ALL)
async def test_the_same_row_again_changes_nothing(registry: Registry, noun: str) -> None:
    assert await registry.add(noun, ALL[noun]) is Outcome.UNCHANGED


async def test_another_row_of_the_same_name_is_refused_unless_it_is_to_replace(registry: Registry) -> None:
    turned = Camera(point_id="p-1", camera_id="cam-1", heading_deg=180)
    with pytest.raises(AlreadyThere, match="--replace"):
        await registry.add("camera", turned)
    assert await registry.find("camera", turned) == CAMERA
    assert await registry.add("camera", turned, replace=True) is Outcome.REPLACED
    assert await registry.find("camera", turned) == turned


@pytest.mark.parametrize(
    ("noun", "row"),
    [
        ("point", Point(point_id="p-1", city_id="monclova", name="Uno", latitude=25.4, longitude=-101.0)),
        ("device", Device(device_id="box-1", point_id="p-2")),
    ],
)
async def test_what_a_row_belongs_to_is_never_replaced(registry: Registry, noun: str, row: Row) -> None:
    await registry.add("city", MONCLOVA)
    await registry.add("point", Point(point_id="p-2", city_id="monclova", name="Dos", latitude=26.9, longitude=-101.4))
    with pytest.raises(AlreadyThere, match="belongs elsewhere"):
        await registry.add(noun, row, replace=True)
    assert await registry.find(noun, row) == ALL[noun]


@pytest.mark.parametrize(
    ("noun", "row", "column"),
    [
        ("point", Point(point_id="p-9", city_id="torreon", name="x", latitude=0, longitude=0), "city_id"),
        (
            "point",
            Point(point_id="p-9", city_id="saltillo", name="x", latitude=0, longitude=0, partner_id="none"),
            "partner_id",
        ),
        ("camera", Camera(point_id="p-9", camera_id="cam-1", heading_deg=0), "point_id"),
        ("device", Device(device_id="box-9", point_id="p-9"), "point_id"),
    ],
)
async def test_what_a_row_refers_to_must_be_there(registry: Registry, noun: str, row: Row, column: str) -> None:
    with pytest.raises(NotThere, match=column):
        await registry.add(noun, row)


async def test_a_device_is_in_its_points_city(registry: Registry) -> None:
    place = await registry.place("box-1")
    assert (place.city, place.point, place.is_revoked) == ("saltillo", "p-1", False)


@pytest.mark.parametrize("noun", ALL)
async def test_a_list_has_its_columns_also_when_it_is_empty(connection: Connection, noun: str) -> None:
    empty = Registry(connection)
    assert await empty.rows(noun) == []
    assert (await empty.columns(noun))[0].endswith("_id")


async def test_a_point_without_a_time_zone_is_listed_with_its_citys(registry: Registry) -> None:
    (row,) = await registry.rows("point")
    assert (row["time_zone"], row["cameras"]) == ("America/Monterrey", 1)


class TestImport:
    ROWS: tuple[tuple[int, Row | str], ...] = (
        (2, Device(device_id="box-2", point_id="p-1")),
        (3, Device(device_id="box-3", point_id="nowhere")),
        (4, "device_id: want 1 to 32 of a-z"),
        (5, BOX),
        (6, Device(device_id="box-2", point_id="p-1")),
    )

    async def test_all_lines_or_none(self, registry: Registry) -> None:
        lines = await registry.import_rows("device", self.ROWS, replace=False, keep_going=False)
        assert [line.outcome.value for line in lines] == ["left out", "refused", "refused", "left out", "left out"]
        assert lines[1].reason == "point_id: no such point is registered"
        assert [row["device_id"] for row in await registry.rows("device")] == ["box-1"]

    async def test_the_good_lines_when_asked_to_keep_going(self, registry: Registry) -> None:
        lines = await registry.import_rows("device", self.ROWS, replace=False, keep_going=True)
        assert [line.outcome.value for line in lines] == ["added", "refused", "refused", "unchanged", "unchanged"]
        assert [row["device_id"] for row in await registry.rows("device")] == ["box-1", "box-2"]

    async def test_a_good_file_is_registered_and_can_be_imported_again(self, registry: Registry) -> None:
        rows = self.ROWS[:1]
        for outcome in (Outcome.ADDED, Outcome.UNCHANGED):
            (line,) = await registry.import_rows("device", rows, replace=False, keep_going=False)
            assert line.outcome is outcome


class TestKeys:
    async def test_a_devices_key_is_kept_with_its_algorithm(self, registry: Registry) -> None:
        key = KeySigner(ec.generate_private_key(ec.SECP256R1()))
        await registry.keep_key("box-1", make_certified(key))
        (row,) = await registry.keys("box-1")
        assert (row["key_id"], row["algorithm"], row["revoked_at"]) == (bytes(key.public_key.key_id), -9, None)

    async def test_a_revocation_list_waits_for_the_one_that_is_being_written(
        self, registry: Registry, connection: Connection, pool: Pool
    ) -> None:
        async with pool.acquire() as second:

            async def other() -> Sequence[tuple[int, datetime]]:
                async with second.transaction():
                    return await Registry(second).revoked_serials()

            async with connection.transaction():
                await registry.revoked_serials()
                waiting = asyncio.create_task(other(), name="other")
                done, _ = await asyncio.wait([waiting], timeout=0.3)
                assert not done
            assert await asyncio.wait_for(waiting, 30) == []

    async def test_revoking_lists_every_certificate_that_the_key_ever_had(
        self, registry: Registry, connection: Connection
    ) -> None:
        key = KeySigner.generate()
        await registry.keep_key("box-1", make_certified(key, "a1"))
        await registry.keep_key("box-1", make_certified(key, "a2"))
        assert await registry.revoke("box-1", "stolen", now=NOW) == 1
        async with connection.transaction():
            assert {serial for serial, _ in await registry.revoked_serials()} == {0xA1, 0xA2}
        assert (await registry.place("box-1")).is_revoked

    async def test_a_second_revocation_changes_no_date_and_no_reason(self, registry: Registry) -> None:
        await registry.keep_key("box-1", make_certified(KeySigner.generate()))
        await registry.revoke("box-1", "stolen", now=NOW)
        assert await registry.revoke("box-1", "again", now=NOW + timedelta(days=1)) == 0
        (row,) = await registry.keys("box-1")
        assert (row["revoked_at"], row["revoked_reason"]) == (NOW, "stolen")

    async def test_a_revoked_key_is_not_certified_again(self, registry: Registry) -> None:
        key = KeySigner.generate()
        await registry.keep_key("box-1", make_certified(key))
        await registry.revoke("box-1", "stolen", now=NOW)
        with pytest.raises(BadKey, match="revoked"):
            await registry.keep_key("box-1", make_certified(key, "a2"))

    async def test_another_devices_key_is_refused(self, registry: Registry) -> None:
        key = KeySigner.generate()
        await registry.add("device", Device(device_id="box-2", point_id="p-1"))
        await registry.keep_key("box-1", make_certified(key))
        with pytest.raises(BadKey, match="box-1's"):
            await registry.keep_key("box-2", make_certified(key, "a2"))


class TestTheSchemaItself:
    """What no code of ours may get past."""

    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO city (city_id, name, time_zone) VALUES ('San Pedro', 'x', 'x')",
            "INSERT INTO device (device_id, point_id, city_id) VALUES ('worker.1', 'p-1', 'saltillo')",
            "INSERT INTO device (device_id, point_id, city_id) VALUES ('box-2', 'p-1', 'monclova')",
            "UPDATE point SET latitude = 91",
            "UPDATE point SET latitude = 'NaN'",
            "UPDATE camera SET heading_deg = 360",
            "UPDATE device SET state = 'asleep'",
            "DELETE FROM point",
            "DELETE FROM city",
        ],
    )
    async def test_it_refuses(self, registry: Registry, connection: Connection, sql: str) -> None:
        await registry.add("city", MONCLOVA)
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await connection.execute(sql)

    async def test_listeners_hear_of_every_change_whoever_makes_it(self, registry: Registry, pool: Pool) -> None:
        async with listening(pool) as heard:
            await registry.add("city", MONCLOVA)
            assert await asyncio.wait_for(heard.get(), 30) == "city"
            await registry.keep_key("box-1", make_certified(KeySigner.generate()))
            assert await asyncio.wait_for(heard.get(), 30) == "device_key"
            await pool.execute("UPDATE device SET profile = 'nuc'")
            assert await asyncio.wait_for(heard.get(), 30) == "device"


@asynccontextmanager
async def listening(pool: Pool) -> AsyncIterator["asyncio.Queue[object]"]:
    """What is notified on `registry_changed`."""
    heard: asyncio.Queue[object] = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        heard.put_nowait(payload)

    async with pool.acquire() as connection:
        await connection.add_listener("registry_changed", hear)
        yield heard
        await connection.remove_listener("registry_changed", hear)
