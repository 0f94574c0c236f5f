"""Ingest on the real broker and the real database: what is stored, receipted, refused, and survives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from aggregator.adapters import keyfiles, mosquitto
from aggregator.adapters.database import Pool
from aggregator.adapters.founding import EVIDENCE_KEY_NAME
from aggregator.core.founding import BACKUP
from aggregator.settings import Settings
from protocol import cbor
from protocol.envelope import MAX_ENVELOPE_BYTES, Context, envelope_hash, parse, sign
from protocol.keys import KeySigner
from protocol.messages import (
    Alarm,
    CameraMinute,
    CameraState,
    Clock,
    Dropped,
    Health,
    HitAmended,
    HitKey,
    Kind,
    Report,
    Tombstone,
)
from protocol.order import NO_PREVIOUS, Position, seal_message
from protocol.presence import Life, sign_presence
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.sealing import Purpose, unseal
from protocol.topics import PRESENCE, device_topic, message_topic
from tests.simulators.box_line import BoxLine, box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box, enrol
from tests.simulators.running import TIMEOUT_S, make_hit, running, until

ALARM = Alarm(alarm="panic_button", started_ms=1_800_000_000_000)


@pytest.fixture
def line(broker: Broker, box: Box, installation: Settings) -> Iterator[BoxLine]:
    """The enrolled box, connected."""
    with connected(box, installation) as it:
        yield it


def connected(box: Box, settings: Settings) -> contextlib.AbstractContextManager[BoxLine]:
    """A box's line to the test's broker."""
    server = keyfiles.read_signer(settings.keys.server_key).public_key
    return box_line(box.who, box.certificate, box.key, ca=settings.broker.ca, port=settings.broker.port, server=server)


@pytest.fixture
async def aggregator(broker: Broker, installation: Settings, box: Box) -> AsyncIterator[None]:
    """The aggregator, running, with the box registered."""
    async with running(installation):
        yield


async def send(line: BoxLine, raw: bytes, kind: Kind = Kind.ALARM, *, topic: str | None = None) -> ReceiptItem:
    """Publish, and wait for the next receipt of these bytes."""
    digest = envelope_hash(raw)
    before = len(line.receipts.get(digest, []))
    await asyncio.to_thread(lambda: line.publish(raw, kind, topic=topic))
    return await asyncio.to_thread(line.receipt, digest, before + 1)


def refused(item: ReceiptItem) -> Refusal:
    """Why a receipt says no."""
    assert item.status is Status.REFUSED
    assert item.is_final is Refusal(item.reason).is_final
    return Refusal(item.reason)


@pytest.mark.usefixtures("aggregator")
async def test_a_hit_is_stored_with_its_bytes_and_receipted(pool: Pool, box: Box, line: BoxLine) -> None:
    raw = box.say(make_hit())
    assert (await send(line, raw, Kind.HIT)).status is Status.STORED
    row = await pool.fetchrow("SELECT plate, envelope, is_historical, is_clock_suspect FROM hit")
    assert row is not None
    assert tuple(row) == ("ABC123D", raw, False, False)
    assert await pool.fetchval("SELECT entry_id FROM hit_match WHERE envelope_hash = $1", envelope_hash(raw)) == "e-1"


@pytest.mark.usefixtures("aggregator")
async def test_every_kind_of_message_finds_its_table(pool: Pool, box: Box, line: BoxLine) -> None:
    hit = box.say(make_hit())
    key = HitKey(outbox=box.position.outbox, epoch=1, sequence=1, hash=envelope_hash(hit))
    minute = CameraMinute(camera="cam-1", state=CameraState.LIVE, frames_in=600, reads=9, faces=4)
    report = Report(
        from_ms=1_800_000_000_000,
        to_ms=1_800_000_060_000,
        cameras=(minute,),
        health=Health(temperature_mc=-5_000, uptime_s=5),
        versions=("agent 1.0", "model a"),
    )
    stones = (Tombstone(epoch=1, sequence=99, kind=Kind.REPORT, hash=bytes(32)),)
    for kind, body in (
        (Kind.HIT_AMENDED, HitAmended(hit=key)),
        (Kind.ALARM, msgspec.structs.replace(ALARM, note="puerta 'norte'; {1,2}")),
        (Kind.REPORT, report),
        (Kind.DROPPED, Dropped(reason="disk_full", tombstones=stones)),
    ):
        assert (await send(line, box.say(body), kind)).status is Status.STORED
    assert await pool.fetchval("SELECT is_withdrawal FROM hit_amendment") is True
    assert await pool.fetchval("SELECT note FROM alarm") == "puerta 'norte'; {1,2}"
    assert await pool.fetchval("SELECT versions FROM report") == ["agent 1.0", "model a"]
    minutes = await pool.fetchrow("SELECT camera_id, frames_in, reads, faces, interval_ms FROM camera_minute")
    assert minutes is not None
    assert tuple(minutes) == ("cam-1", 600, 9, 4, 60_000)
    assert await pool.fetchval("SELECT sequence FROM tombstone") == 99


@pytest.mark.usefixtures("aggregator")
async def test_a_redelivery_is_counted_once_and_receipted_again(pool: Pool, box: Box, line: BoxLine) -> None:
    raw = box.say(ALARM)
    for _ in range(3):
        assert (await send(line, raw)).status is Status.STORED
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 1
    assert await pool.fetchval("SELECT redeliveries FROM delivery") == 2


@pytest.mark.usefixtures("aggregator")
async def test_copies_in_one_batch_are_counted_once_and_receipted(pool: Pool, box: Box, line: BoxLine) -> None:
    raws = [box.say(ALARM) for _ in range(40)]
    topic = str(message_topic(box.who, Kind.ALARM))
    for raw in raws * 3:
        line.client.publish(topic, raw, qos=1)
    for raw in raws:
        assert (await asyncio.to_thread(line.receipt, envelope_hash(raw))).status is Status.STORED
    await until(pool, "SELECT sum(redeliveries) = 80 FROM delivery")
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 40


@pytest.mark.usefixtures("aggregator")
async def test_one_key_with_two_envelopes_is_refused_as_equivocation(pool: Pool, box: Box, line: BoxLine) -> None:
    place = box.position
    first = box.say(ALARM)
    clone = seal_message(
        msgspec.structs.replace(ALARM, note="another"), place, box.who, box.signer, created_ms=1_800_000_000_000
    )
    assert (await send(line, first)).status is Status.STORED
    assert refused(await send(line, clone)) is Refusal.EQUIVOCATION
    row = await pool.fetchrow("SELECT first_hash, other_hash FROM equivocation")
    assert row is not None
    assert tuple(row) == (envelope_hash(first), envelope_hash(clone))
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 1


@pytest.mark.usefixtures("aggregator")
async def test_a_revoked_key_is_refused_at_once(pool: Pool, box: Box, line: BoxLine) -> None:
    assert (await send(line, box.say(ALARM))).status is Status.STORED
    await pool.execute("UPDATE device_key SET revoked_at = now(), revoked_reason = 'stolen'")
    await until_refused(line, box, Refusal.REVOKED_KEY)


@pytest.mark.usefixtures("aggregator")
async def test_a_revoked_device_is_refused_at_once(pool: Pool, box: Box, line: BoxLine) -> None:
    await pool.execute("UPDATE device SET state = 'revoked'")
    await until_refused(line, box, Refusal.REVOKED_KEY)


async def until_refused(line: BoxLine, box: Box, why: Refusal) -> None:
    """Send until the revocation is known: long before the registry is read again anyhow, every 30 s."""
    async with asyncio.timeout(20):
        while (item := await send(line, box.say(ALARM))).status is Status.STORED:
            await asyncio.sleep(0.02)
    assert refused(item) is why


@pytest.mark.usefixtures("aggregator")
async def test_an_unknown_key_is_told_to_try_again_and_then_taken(pool: Pool, box: Box, line: BoxLine) -> None:
    newer = KeySigner.generate()
    raw = seal_message(ALARM, box.position, box.who, newer, created_ms=1_800_000_000_000)
    item = await send(line, raw)
    assert (refused(item), item.is_final) == (Refusal.UNKNOWN_KEY, False)
    await pool.execute(
        "INSERT INTO device_key (key_id, device_id, spki, algorithm, certificate_pem, serial, not_after)"
        " VALUES ($1, 'box-1', $2, -19, '', 'ff', now() + interval '1 day')",
        *(newer.public_key.key_id, newer.public_key.spki),
    )
    async with asyncio.timeout(TIMEOUT_S):
        while (await send(line, raw)).status is not Status.STORED:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("aggregator")
async def test_a_device_on_another_devices_topic_is_not_heard(
    pool: Pool, installation: Settings, box: Box, line: BoxLine, tmp_path: Path
) -> None:
    other = await enrol(pool, installation, "box-2", tmp_path)
    with connected(other, installation) as stranger:
        topic = str(message_topic(box.who, Kind.ALARM))
        await asyncio.to_thread(lambda: stranger.publish(box.say(ALARM), Kind.ALARM, topic=topic))
        own = other.say(ALARM)
        receipts = stranger.receipts.setdefault(envelope_hash(own), [])
        async with asyncio.timeout(TIMEOUT_S):  # until the registry knows box-2 it is not even answered
            while not receipts or receipts[-1].status is not Status.STORED:
                await asyncio.to_thread(stranger.publish, own, Kind.ALARM)
                await asyncio.sleep(0.05)
        answers = list(receipts)
        assert {refused(item) for item in answers if item.status is not Status.STORED} <= {Refusal.UNKNOWN_KEY}
    assert await pool.fetchval("SELECT array_agg(device_id) FROM alarm") == ["box-2"]


@pytest.mark.usefixtures("aggregator")
async def test_a_valid_signature_under_another_devices_topic_is_refused(
    pool: Pool, installation: Settings, box: Box, line: BoxLine, tmp_path: Path
) -> None:
    other = await enrol(pool, installation, "box-2", tmp_path)
    stolen = other.say(ALARM)
    async with asyncio.timeout(TIMEOUT_S):  # box-1 publishes what box-2 signed, once the registry knows both
        while refused(item := await send(line, stolen)) is Refusal.UNKNOWN_KEY:
            await asyncio.sleep(0.02)
    assert refused(item) is Refusal.NOT_YOUR_TOPIC
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 0


@pytest.mark.usefixtures("aggregator")
async def test_garbage_oversize_and_unknown_versions_are_refused_and_kept_sealed(
    pool: Pool, founded: Settings, box: Box, line: BoxLine
) -> None:
    version_2 = sign(cbor.encode({0: 2, 1: "of another shape"}), box.signer, Context.MESSAGE)
    for raw, why in (
        (b"garbage of no form", Refusal.BAD_FORM),
        (bytes(MAX_ENVELOPE_BYTES + 1), Refusal.TOO_LARGE),
        (version_2, Refusal.UNKNOWN_VERSION),
    ):
        assert refused(await send(line, raw)) is why
    rows = await pool.fetch("SELECT * FROM refused ORDER BY reason")
    assert [(row["reason"], row["bytes"]) for row in rows] == [
        (1, MAX_ENVELOPE_BYTES + 1),
        (2, 18),
        (3, len(version_2)),
    ]
    assert rows[2]["key_id"] == box.signer.public_key.key_id
    folder = founded.keys.root_spki.parent.parent / BACKUP
    key = keyfiles.read_evidence_key(folder / EVIDENCE_KEY_NAME, b"an evidence passphrase")
    opened = unseal(rows[1]["sealed"], key, Purpose.REFUSED, device="box-1", sha256=rows[1]["sha256"])
    assert opened == b"garbage of no form"
    assert b"garbage" not in rows[1]["sealed"]


@pytest.mark.usefixtures("aggregator")
async def test_a_sender_who_is_refused_again_and_again_has_one_line_of_the_log(
    pool: Pool, line: BoxLine, caplog: pytest.LogCaptureFixture
) -> None:
    for each in range(20):
        assert refused(await send(line, b"garbage %d" % each)) is Refusal.BAD_FORM
    assert await pool.fetchval("SELECT count(*) FROM refused") == 20
    lines = [each for each in caplog.messages if "ingest_refused" in each]
    assert len(lines) == 1
    assert "reason=BAD_FORM" in lines[0]


@pytest.mark.usefixtures("aggregator")
async def test_what_a_sender_adds_to_a_packet_is_passed_over(pool: Pool, box: Box, line: BoxLine) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.MessageExpiryInterval, properties.UserProperty = 600, [("of", "somebody else"), ("long", 200 * "x")]
    raw = box.say(ALARM)
    line.client.publish(str(message_topic(box.who, Kind.ALARM)), raw, qos=1, properties=properties)
    item = await asyncio.to_thread(line.receipt, envelope_hash(raw))
    assert item.status is Status.STORED
    assert await pool.fetchval("SELECT envelope FROM alarm") == raw


@pytest.mark.usefixtures("aggregator")
async def test_late_resent_reordered_and_wrongly_clocked_messages_are_taken(
    pool: Pool, box: Box, line: BoxLine
) -> None:
    now = datetime.now(UTC)
    late = box.say(make_hit(captured_at=now - timedelta(days=1)), at=now - timedelta(days=1))
    ahead = box.say(ALARM, at=now + timedelta(days=30))
    floored = box.say(ALARM, at=now, clock=Clock.BELOW_FLOOR)
    for raw, kind in ((floored, Kind.ALARM), (ahead, Kind.ALARM), (late, Kind.HIT), (late, Kind.HIT)):
        assert (await send(line, raw, kind)).status is Status.STORED
    marks = await pool.fetch(
        "SELECT is_historical, is_clock_suspect, counted_at = received_at FROM hit UNION ALL"
        " SELECT is_historical, is_clock_suspect, counted_at = received_at FROM alarm"
    )
    assert [tuple(row) for row in marks] == [(True, False, False), (False, True, True), (False, True, True)]
    await until(pool, "SELECT head = 3 AND breaks = '{}' AND forks = '{}' FROM chain")


@pytest.mark.usefixtures("aggregator")
async def test_a_gap_is_asked_for_and_closes_when_it_arrives(
    pool: Pool, box: Box, line: BoxLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.core.chain.GRACE", timedelta(0))
    one, two, three = (box.say(ALARM) for _ in range(3))
    for raw in (one, three):
        await send(line, raw)
    async with asyncio.timeout(TIMEOUT_S):
        while not line.resends:
            await asyncio.sleep(0.02)
    asked = line.resends[0]
    assert (asked.device, asked.outbox) == ("box-1", box.position.outbox)
    assert [(r.first, r.last) for r in asked.ranges] == [(2, 2)]
    await send(line, two)
    await until(pool, "SELECT NOT EXISTS (SELECT FROM gap) AND (SELECT head FROM chain) = 3")


@pytest.mark.usefixtures("aggregator")
async def test_a_tombstone_makes_a_gap_dropped(pool: Pool, box: Box, line: BoxLine) -> None:
    one, two = box.say(ALARM), box.say(ALARM)
    stone = Tombstone(epoch=1, sequence=2, kind=Kind.ALARM, hash=envelope_hash(two))
    dropped = box.say(Dropped(reason="disk_full", tombstones=(stone,)))
    await send(line, one)
    await send(line, dropped, Kind.DROPPED)
    await until(pool, "SELECT head = 3 AND breaks = '{}' FROM chain")
    assert await pool.fetchval("SELECT sequence FROM chain_dropped") == 2
    assert await pool.fetchval("SELECT count(*) FROM gap") == 0


@pytest.mark.usefixtures("aggregator")
async def test_a_broken_chain_is_flagged_and_stored(pool: Pool, box: Box, line: BoxLine) -> None:
    box.say(ALARM)
    await send(line, box.say(ALARM))
    forged = seal_message(
        ALARM, Position(box.position.outbox, 1, 3, NO_PREVIOUS), box.who, box.signer, created_ms=1_800_000_000_000
    )
    assert (await send(line, forged)).status is Status.STORED
    await until(pool, "SELECT breaks = '{3}' FROM chain")


@pytest.mark.usefixtures("aggregator")
async def test_a_death_counts_against_the_birth_of_its_number_only(pool: Pool, box: Box, line: BoxLine) -> None:
    topic = str(device_topic(box.who, PRESENCE))

    async def say(life: Life, connection: int) -> None:
        raw = sign_presence(life, box.who, box.signer, connection=connection, time_ms=1_800_000_000_000)
        await asyncio.to_thread(lambda: line.client.publish(topic, raw, qos=1).wait_for_publish(TIMEOUT_S))

    await say(Life.BIRTH, 1)
    await until(pool, "SELECT is_online FROM presence")
    await say(Life.BIRTH, 2)
    await say(Life.DEATH, 1)
    assert (await send(line, box.say(ALARM))).status is Status.STORED
    row = await pool.fetchrow("SELECT connection, is_online FROM presence")
    assert row is not None
    assert tuple(row) == (2, True)
    await say(Life.DEATH, 2)
    await until(pool, "SELECT NOT is_online FROM presence")


@pytest.mark.usefixtures("aggregator")
async def test_a_poisonous_message_does_not_hold_up_its_batch(pool: Pool, box: Box, line: BoxLine) -> None:
    await pool.execute("ALTER TABLE alarm ADD CONSTRAINT poison CHECK (note <> 'poison')")
    raws = [box.say(msgspec.structs.replace(ALARM, note=note)) for note in ("good", "poison", "good")]
    topic = str(message_topic(box.who, Kind.ALARM))
    for raw in raws:
        line.client.publish(topic, raw, qos=1)
    items = [await asyncio.to_thread(line.receipt, envelope_hash(raw)) for raw in raws]
    assert [item.status for item in items] == [Status.STORED, Status.REFUSED, Status.STORED]
    assert (refused(items[1]), items[1].is_final) == (Refusal.INTERNAL, False)


async def test_processes_check_signatures_as_the_thread_does(
    broker: Broker, pool: Pool, installation: Settings, box: Box, line: BoxLine
) -> None:
    two = msgspec.structs.replace(installation, ingest=msgspec.structs.replace(installation.ingest, verify_processes=2))
    async with running(two):
        raws = [box.say(ALARM) for _ in range(50)]
        topic = str(message_topic(box.who, Kind.ALARM))
        forged = raws[-1][:-1] + bytes([raws[-1][-1] ^ 1])
        for raw in [*raws, forged]:
            line.client.publish(topic, raw, qos=1)
        for raw in raws:
            assert (await asyncio.to_thread(line.receipt, envelope_hash(raw))).status is Status.STORED
        assert refused(await asyncio.to_thread(line.receipt, envelope_hash(forged))) is Refusal.BAD_SIGNATURE


async def test_what_came_while_the_aggregator_was_away_is_taken_when_it_is_back(
    pool: Pool, installation: Settings, box: Box, line: BoxLine
) -> None:
    async with running(installation):
        await send(line, box.say(ALARM))
    raw = box.say(ALARM)
    await asyncio.to_thread(line.publish, raw, Kind.ALARM)
    async with running(installation):
        assert (await asyncio.to_thread(line.receipt, envelope_hash(raw))).status is Status.STORED


@pytest.mark.usefixtures("aggregator")
async def test_a_broker_that_was_killed_is_found_again(
    pool: Pool, installation: Settings, broker: Broker, box: Box, line: BoxLine
) -> None:
    await send(line, box.say(ALARM))
    broker.kill()
    broker.start()
    raw = box.say(ALARM)
    async with asyncio.timeout(2 * TIMEOUT_S):  # as a box does: again until there is a receipt
        while envelope_hash(raw) not in line.receipts:
            line.client.publish(str(message_topic(box.who, Kind.ALARM)), raw, qos=1)
            await asyncio.sleep(0.2)
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 2
    assert parse(raw).key_id == box.signer.public_key.key_id
    assert mosquitto.running(installation) == broker.pid
