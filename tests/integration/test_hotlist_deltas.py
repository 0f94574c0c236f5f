"""Changes of a hotlist by delta, the whole way; and what a box does with a delta that is of no use."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.adapters import hotlist_deltas
from aggregator.adapters import hotlist_store as store
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.hotlist_publisher import sign_current
from aggregator.settings import Settings
from protocol.envelope import parse
from protocol.hotlist import MAX_MANIFEST_BYTES, Manifest
from protocol.wire import from_bytes
from tests.simulators.broker import Broker
from tests.simulators.enrolment import CITY, Box
from tests.simulators.hotlist_box import HotlistBox
from tests.simulators.hotlist_house import House, opened_house, publishing
from tests.simulators.officers import now

MANY = [f"E{number:06d}" for number in range(300)]
DELTAS = "SELECT count(*) FROM hotlist_delta"
DROP_DELTAS = "DELETE FROM hotlist_artefact WHERE sha256 IN (SELECT sha256 FROM hotlist_delta)"
DAMAGE = "UPDATE hotlist_artefact SET {} WHERE sha256 IN (SELECT sha256 FROM hotlist_delta)"


@pytest.fixture
async def house(
    registry: Pool, database: Access, installation: Settings, broker: Broker, tmp_path: Path
) -> AsyncIterator[House]:
    """A command centre with three hundred plates listed; nothing is published yet."""
    async with opened_house(registry, database, installation, tmp_path) as opened:
        await opened.list_plates(*MANY)
        yield opened


async def fetched(house: House, here: HotlistBox) -> None:
    """Let a box that runs fetch the list of this moment, and let it hear nothing more."""
    async with publishing(house):
        await here.until(lambda: here.plate_matches(MANY[-1]))


async def test_each_change_comes_by_delta(house: House, box: Box) -> None:
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.plate_matches(MANY[-1]))
        await house.list_plates("FAB123C")
        await here.until(lambda: here.plate_matches("FAB123C"))
        await house.withdraw(MANY[7])
        await here.until(lambda: not here.plate_matches(MANY[7]))
        await house.withdraw("FAB123C")
        await here.until(lambda: not here.plate_matches("FAB123C"))
        status = here.receiver.status
        assert (status.brought, status.useless_deltas, status.refused) == ({"whole": 1, "delta": 3}, {}, {})
        assert (status.entries, here.kept_version) == (len(MANY) - 1, status.list_version)
        assert here.plate_matches(MANY[8])


async def test_a_box_that_missed_some_lists_takes_one_delta_from_where_it_is(house: House, box: Box) -> None:
    async with HotlistBox(box, house.settings) as here:
        await fetched(house, here)
        for plate in ("FAB123C", "EUA1234", "RKA9999"):
            await house.list_plates(plate)
        async with publishing(house):
            await here.until(lambda: here.plate_matches("RKA9999"))
        assert here.plate_matches("FAB123C")
        assert here.receiver.status.brought == {"whole": 1, "delta": 1}


async def test_a_box_that_missed_too_many_takes_the_whole_list(
    house: House, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hotlist_deltas, "BASES", 2)
    async with HotlistBox(box, house.settings) as here:
        await fetched(house, here)
        for plate in ("FAB123C", "EUA1234", "RKA9999"):
            await house.list_plates(plate)
        async with publishing(house):
            await here.until(lambda: here.plate_matches("RKA9999"))
        assert (here.receiver.status.brought, here.receiver.status.useless_deltas) == ({"whole": 2}, {})


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("bytes = set_byte(bytes, 300, get_byte(bytes, 300) # 1)", "wrong_hash"),
        ("bytes = set_byte(bytes, 0, 0)", "bad_form"),
        ("bytes = substring(bytes FOR 200)", "cut"),
        ("bytes = bytes || bytes, size_bytes = 2 * size_bytes", "wrong_size"),
    ],
    ids=["wrong", "no delta", "cut", "longer"],
)
async def test_a_useless_delta_costs_the_whole_list_and_is_counted(
    house: House, box: Box, damage: str, why: str
) -> None:
    async with HotlistBox(box, house.settings) as here:
        await fetched(house, here)
        await house.list_plates("FAB123C")
        assert await house.pool.fetchval(DELTAS) == 1
        await house.pool.execute(DAMAGE.format(damage))
        async with publishing(house):
            await here.until(lambda: here.plate_matches("FAB123C"))
        status = here.receiver.status
        assert (status.brought, status.useless_deltas, status.refused) == ({"whole": 2}, {why: 1}, {})
        assert here.plate_matches(MANY[0])
        await house.list_plates("EUA1234")
        async with publishing(house):
            await here.until(lambda: here.plate_matches("EUA1234"))
        assert here.receiver.status.brought == {"whole": 2, "delta": 1}, "the next list comes by delta again"


async def test_a_delta_that_is_gone_costs_the_whole_list(house: House, box: Box) -> None:
    async with HotlistBox(box, house.settings) as here:
        await fetched(house, here)
        await house.list_plates("FAB123C")
        manifest = await signed_manifest(house)
        await house.pool.execute(DROP_DELTAS)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.plate_matches("FAB123C"))
        status = here.receiver.status
        assert (status.brought, status.useless_deltas) == ({"whole": 2}, {"not_found": 1})


async def test_a_dismissed_officers_batch_leaves_by_delta_too(house: House, box: Box) -> None:
    house.officers.grant("eva", cities=(CITY,))
    keys = house.officers.keys
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await house.officers.list_plates(house.desk, ["EUA1234"], keys["eva"], keys["luis"])
        await here.until(lambda: here.plate_matches("EUA1234") and here.plate_matches(MANY[0]))
        house.officers.dismiss("eva")
        await house.look()
        await here.until(lambda: not here.plate_matches("EUA1234"))
        assert here.plate_matches(MANY[0])


async def test_deltas_stay_as_long_as_the_list_that_they_make(house: House) -> None:
    await house.list_plates("FAB123C")
    await house.desk.expire(now=now() + timedelta(hours=25))
    assert len(await current_deltas(house)) == 1
    await house.list_plates("EUA1234")
    assert len(await current_deltas(house)) == 2
    await house.desk.expire(now=now() + timedelta(hours=50))
    assert await house.pool.fetchval("SELECT count(*) FROM hotlist_artefact") == 3, "the list, and the two deltas to it"


async def test_a_short_list_has_no_deltas(
    registry: Pool, database: Access, installation: Settings, tmp_path: Path
) -> None:
    async with opened_house(registry, database, installation, tmp_path) as small:
        await small.list_plates("FAB123C")
        await small.list_plates("EUA1234")
        assert await current_deltas(small) == ()


async def test_what_was_read_of_a_batch_is_kept_without_plates_until_it_leaves_the_list(house: House) -> None:
    await house.list_plates("FAB123C")
    kept = [row["reading"] for row in await house.pool.fetch("SELECT reading FROM hotlist_reading")]
    assert len(kept) == 2
    assert not [reading for reading in kept if b"FAB123C" in reading or MANY[0].encode() in reading]
    await house.pool.execute("UPDATE hotlist_reading SET reading = '\\x00'")
    await house.withdraw("FAB123C")
    assert (await house.pool.fetchval("SELECT reading FROM hotlist_reading"))[:1] != b"\0", "read again"
    async with store.transaction(house.pool) as connection:
        current = await store.current_snapshot(connection, CITY)
    assert current is not None
    assert current.entries == len(MANY)


async def current_deltas(house: House) -> tuple[object, ...]:
    """What the next manifest will say of the ways to the current list."""
    async with store.transaction(house.pool) as connection:
        current = await store.current_snapshot(connection, CITY)
        assert current is not None
        return await hotlist_deltas.deltas_to(connection, current.sha256)


async def signed_manifest(house: House) -> bytes:
    """The manifest of the current list under the server's key."""
    async with store.transaction(house.pool) as connection:
        current = await store.current_snapshot(connection, CITY)
        assert current is not None
        deltas = await hotlist_deltas.deltas_to(connection, current.sha256)
    raw = sign_current(current, house.server, now=now(), valid=timedelta(hours=1), deltas=deltas)
    assert from_bytes(parse(raw).payload, Manifest, max_bytes=MAX_MANIFEST_BYTES).deltas == deltas
    return raw
