"""The whole way of a hotlist: officers, database, publisher, broker, HTTPS, box. And what the box refuses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import hotlist_publisher
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.hotlist_publisher import Publisher, Wake
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import parse
from protocol.hotlist import MAX_MANIFEST_BYTES, Manifest, sign_manifest
from protocol.wire import from_bytes
from tests.simulators.broker import Broker
from tests.simulators.enrolment import CITY, Box
from tests.simulators.hotlist_box import HotlistBox
from tests.simulators.hotlist_house import House, batch_of, opened_house, publishing, signed
from tests.simulators.officers import now
from tests.simulators.trickle import Trickle


@pytest.fixture
async def house(
    registry: Pool, database: Access, installation: Settings, *, broker: Broker, box: Box, tmp_path: Path
) -> AsyncIterator[House]:
    """Officers Ana and Luis, the artefacts over HTTPS, which know the box; nothing is published yet."""
    async with opened_house(registry, database, installation, tmp_path) as opened:
        yield opened


async def test_what_two_officers_signed_is_armed_and_what_one_withdrew_is_disarmed(house: House, box: Box) -> None:
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await house.list_plates("FAB123C", "EUA1234")
        await here.until(lambda: here.plate_matches("FAB123C") and here.plate_matches("EUA1234"))
        status = here.receiver.status
        assert (status.list_version, status.entries, status.refused) == (here.kept_version, 2, {})
        assert here.vouched
        await house.withdraw("FAB123C")
        await here.until(lambda: not here.plate_matches("FAB123C"))
        assert here.plate_matches("EUA1234")


async def test_a_box_that_comes_later_or_back_gets_the_retained_list(house: House, box: Box) -> None:
    async with publishing(house):
        await house.list_plates("FAB123C")
        async with HotlistBox(box, house.settings) as here:
            await here.until(lambda: here.plate_matches("FAB123C"))
        async with HotlistBox(box, house.settings, kept_version=here.kept_version) as again:
            await again.until(lambda: again.plate_matches("FAB123C"))


async def test_a_rolled_back_list_is_refused_also_after_a_restart(house: House, box: Box) -> None:
    both = [house.officers.keys["ana"], house.officers.keys["luis"]]
    old, _ = await house.offer([signed(batch_of("FAB123C"), *both)], version=7)
    new, _ = await house.offer([], version=8)
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(new)
        await here.until(lambda: here.index.list_version == 8)
        here.receiver.take_manifest(old)
        await here.refuses("rolled_back")
        assert not here.plate_matches("FAB123C")
    async with publishing(house), HotlistBox(box, house.settings, kept_version=here.kept_version) as again:
        await again.until(lambda: again.trust.number > 0)
        again.receiver.take_manifest(old)
        await again.refuses("rolled_back")
        assert len(again.index) == 0


async def test_an_entry_that_expires_stops_matching_and_an_expired_one_is_never_armed(house: House, box: Box) -> None:
    both = [house.officers.keys["ana"], house.officers.keys["luis"]]
    short = signed(batch_of("FAB123C", expires_in=timedelta(minutes=1)), *both)
    past = signed(batch_of("EUA1234", expires_in=timedelta(minutes=-1)), *both)
    manifest, _ = await house.offer([short, past], version=3)
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.plate_matches("FAB123C"))
        assert not here.plate_matches("EUA1234")
        here.shift_ms = 61_000
        assert not here.plate_matches("FAB123C")


async def test_a_list_expires_with_its_manifest_though_nothing_is_heard_any_more(house: House, box: Box) -> None:
    manifest, _ = await house.offer(
        [signed(batch_of("FAB123C"), house.officers.keys["ana"], house.officers.keys["luis"])], version=3
    )
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.plate_matches("FAB123C"))
        here.shift_ms = 3_600_000
        assert not here.plate_matches("FAB123C")


@pytest.mark.parametrize("case", ["one", "twice", "two_keys", "server", "swapped"])
async def test_what_the_server_forges_is_not_armed(house: House, box: Box, case: str) -> None:
    ana, luis = house.officers.keys["ana"], house.officers.keys["luis"]
    other = house.officers.grant("ana", cities=(CITY,))
    batch = batch_of("FAB123C")
    forged = {
        "one": signed(batch, ana),
        "twice": signed(batch, ana, ana),
        "two_keys": signed(batch, ana, other),
        "server": signed(batch, ana, house.server),
        "swapped": signed(batch_of("EUA1234"), ana, luis).replace(b"EUA1234", b"FAB123C"),
    }[case]
    word = {"server": "unknown_officer", "swapped": "bad_signature"}.get(case, "one_officer")
    honest = signed(batch_of("RKA9999"), ana, luis)
    manifest, _ = await house.offer([forged, honest], version=3)
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.plate_matches("RKA9999"))
        assert here.receiver.status.refused == {word: 1}
        assert not here.plate_matches("FAB123C")


async def test_an_officer_who_is_dismissed_takes_his_batches_along(house: House, box: Box) -> None:
    house.officers.grant("eva", cities=(CITY,))
    keys = house.officers.keys
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await house.list_plates("FAB123C")
        await house.officers.list_plates(house.desk, ["EUA1234"], keys["eva"], keys["luis"])
        await here.until(lambda: here.plate_matches("FAB123C") and here.plate_matches("EUA1234"))
        house.officers.dismiss("ana")
        await house.look()
        await here.until(lambda: not here.plate_matches("FAB123C"))
        await here.until(lambda: here.plate_matches("EUA1234"))


async def test_a_box_judges_by_the_new_trust_bundle_even_if_the_server_keeps_the_old_list(
    house: House, box: Box
) -> None:
    """The server's own key is dismissed too: nobody can sign another manifest, and the batch goes all the same."""
    keys = house.officers.keys
    manifest, _ = await house.offer([signed(batch_of("FAB123C"), keys["ana"], keys["luis"])], version=3)
    async with HotlistBox(box, house.settings) as here:
        here.receiver.take_trust(house.officers.trust)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.plate_matches("FAB123C"))
        house.officers.dismiss("ana")
        house.officers.dismiss_key(house.server.public_key.key_id)
        here.receiver.take_trust(house.officers.trust)
        await here.until(lambda: not here.plate_matches("FAB123C"))


async def test_what_was_seen_withdrawn_stays_so_when_the_officer_is_dismissed(house: House, box: Box) -> None:
    house.officers.grant("eva", cities=(CITY,))
    async with HotlistBox(box, house.settings) as here:
        async with publishing(house):
            await house.list_plates("FAB123C", "EUA1234")
            await here.until(lambda: here.plate_matches("FAB123C"))
            await house.withdraw("FAB123C", "eva")
            await here.until(lambda: not here.plate_matches("FAB123C"))
        house.officers.dismiss("eva")
        before = here.index
        here.receiver.take_trust(house.officers.trust)
        await here.until(lambda: here.index is not before)
        assert not here.plate_matches("FAB123C")
        assert here.plate_matches("EUA1234")


async def test_a_tampered_artefact_is_refused_until_the_right_bytes_come(house: House, box: Box) -> None:
    keys = house.officers.keys
    manifest, artefact = await house.offer([signed(batch_of("FAB123C"), keys["ana"], keys["luis"])], version=3)
    tampered = artefact[:-1] + bytes([artefact[-1] ^ 1])
    await house.pool.execute("UPDATE hotlist_artefact SET bytes = $1", tampered)
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(manifest)
        await here.refuses("wrong_hash")
        assert (len(here.index), here.kept_version) == (0, 0)
        await house.pool.execute("UPDATE hotlist_artefact SET bytes = $1", artefact)
        await here.until(lambda: here.plate_matches("FAB123C"))


async def test_an_artefact_longer_than_announced_is_not_taken_in(house: House, box: Box) -> None:
    keys = house.officers.keys
    manifest, artefact = await house.offer([signed(batch_of("FAB123C"), keys["ana"], keys["luis"])], version=3)
    longer = artefact + bytes(1_000_000)
    await house.pool.execute("UPDATE hotlist_artefact SET bytes = $1, size_bytes = $2", longer, len(longer))
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(manifest)
        await here.until(lambda: here.receiver.status.fetch_problems.get("wrong_size", 0) >= 2)
        assert len(here.index) == 0


async def test_a_manifest_under_a_key_that_is_not_the_servers_is_refused(house: House, box: Box) -> None:
    manifest, _ = await house.offer([], version=3)
    envelope = parse(manifest, max_bytes=MAX_MANIFEST_BYTES)
    said = from_bytes(envelope.payload, Manifest, max_bytes=MAX_MANIFEST_BYTES)
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await here.until(lambda: here.trust.number > 0)
        here.receiver.take_manifest(sign_manifest(said, house.officers.keys["ana"]))
        await here.refuses("unknown_key")
        here.receiver.take_manifest(manifest[:-1] + bytes([manifest[-1] ^ 1]))
        await here.refuses("bad_signature")
        here.receiver.take_manifest(sign_manifest(msgspec.structs.replace(said, city="torreon"), house.server))
        await here.refuses("other_city")
        here.receiver.take_manifest(b"no manifest")
        await here.refuses("bad_form")
        assert here.index.list_version == 0


async def test_a_download_that_is_cut_goes_on_where_it_stopped(house: House, box: Box) -> None:
    plates = [f"E{number:06d}" for number in range(8_000)]
    await house.list_plates(*plates)
    size = await house.pool.fetchval("SELECT max(size_bytes) FROM hotlist_artefact")
    cut_at = size // 2
    async with (
        Trickle(house.settings.http.port, cut_at=[cut_at]) as line,
        publishing(house),
        HotlistBox(box, house.settings, port=line.port) as here,
    ):
        await here.until(lambda: here.plate_matches(plates[-1]))
        assert here.receiver.status.fetch_problems == {"cut": 1}
    assert line.connections == 2
    assert line.sent_bytes < size + cut_at // 2


async def test_a_newer_list_ends_the_download_of_an_older_one(house: House, box: Box) -> None:
    await house.list_plates(*[f"E{number:06d}" for number in range(8_000)])
    keys = house.officers.keys
    async with (
        Trickle(house.settings.http.port, stall_at=200_000) as line,
        publishing(house),
        HotlistBox(box, house.settings, port=line.port) as here,
    ):
        await here.until(lambda: line.is_stalled)
        manifest, _ = await house.offer([signed(batch_of("FAB123C"), keys["ana"], keys["luis"])], version=2**40)
        here.receiver.take_manifest(manifest)
        line.go_on()
        await here.until(lambda: here.plate_matches("FAB123C"))
        assert here.receiver.status.fetch_problems == {"superseded": 1}


async def test_the_publisher_tells_a_broker_that_has_forgotten(house: House, box: Box, broker: Broker) -> None:
    async with publishing(house):
        await house.list_plates("FAB123C")
        async with HotlistBox(box, house.settings) as here:
            await here.until(lambda: here.plate_matches("FAB123C"))
        broker.kill()
        for state in house.settings.mosquitto.directory.glob("*.db"):
            state.unlink()
        broker.start()
        async with HotlistBox(box, house.settings) as again:
            await again.until(lambda: again.plate_matches("FAB123C"))


async def test_the_publisher_outlives_its_connections_to_the_database(house: House, box: Box) -> None:
    async with publishing(house), HotlistBox(box, house.settings) as here:
        await house.list_plates("FAB123C")
        await here.until(lambda: here.plate_matches("FAB123C"))
        async with pooled(house.database.access, 1) as others:
            await others.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            house.pool = others
            await house.list_plates("EUA1234")
        await here.until(lambda: here.plate_matches("EUA1234"))


async def test_a_manifest_is_signed_anew_long_before_it_expires(house: House, box: Box) -> None:
    await house.list_plates("FAB123C")
    wake = Wake()
    async with hotlist_publisher.opened_line(house.settings, wake) as client:
        async with asyncio.timeout(30):
            await wake.event.wait()
        publisher = Publisher(house.settings, house.pool, client, wake)
        async with HotlistBox(box, house.settings) as here:
            started = now()
            valid_ms = house.settings.hotlist.manifest_valid_hours * 3_600_000
            await publisher.look(started)
            await here.until(lambda: here.index.expires_ms == to_ms(started) + valid_ms)
            await publisher.look(started + timedelta(hours=1))
            later = started + timedelta(hours=house.settings.hotlist.manifest_valid_hours / 3)
            await publisher.look(later)
            await here.until(lambda: here.index.expires_ms == to_ms(later) + valid_ms)
            assert len(set(here.vouched)) == 2, "nothing new was told in between"
