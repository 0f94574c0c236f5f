"""The store on the real database: workers side by side, bounds on what was refused, crashes between commits."""

import asyncio
import hashlib
import random
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.database import Pool
from aggregator.adapters.store import Refused, Said, Store
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.rows import Taken
from protocol.envelope import envelope_hash, parse
from protocol.messages import (
    Alarm,
    CameraMinute,
    CameraState,
    Dropped,
    Health,
    Kind,
    Report,
    Tombstone,
    body_of,
    decode_message,
)
from protocol.order import Identity
from protocol.presence import Life, Presence
from protocol.refusals import Refusal
from tests.simulators.enrolment import Box
from tests.simulators.running import until

ALARM = Alarm(alarm="panic_button", started_ms=1_800_000_000_000)
NOW = datetime.now(UTC)
REPORT = Report(
    from_ms=1_800_000_000_000,
    to_ms=1_800_000_060_000,
    cameras=tuple(CameraMinute(camera="cam-1", state=CameraState.LIVE, reads=reads) for reads in (7, 9)),
    health=Health(uptime_s=5),
    versions=("agent 1.0", "model a"),
)


def taken(raw: bytes) -> Taken:
    """A message as verification hands it over."""
    message = decode_message(parse(raw).payload)
    return Taken(message, body_of(message), raw, envelope_hash(raw), NOW)


def make_said(life: Life, who: Identity, *, connection: int, outbox: bytes) -> Said:
    """A birth or death as verification hands it over."""
    presence = Presence(
        version=1, life=life, device=who.device, city=who.city, point=who.point,
        connection=connection, time_ms=1_800_000_000_000, outbox=outbox,
    )  # fmt: skip
    return Said(presence, b"the signed bytes", NOW)


def make_refused(n: int, *, age: timedelta = timedelta(0), length_bytes: int = 100) -> Refused:
    """Refused bytes, sealed or as good as."""
    digest = hashlib.sha256(str(n).encode()).digest()
    return Refused(
        digest, Refusal.BAD_FORM, "topic", None, None, length_bytes, NOW - age, bytes(length_bytes), bytes(16)
    )


async def test_workers_that_get_the_same_messages_store_each_once(pool: Pool, box: Box) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(60)]
    store = Store(pool, TimeRules())

    async def work(seed: int) -> list[Fate]:
        mine = random.Random(seed).sample(messages, len(messages))
        fates: list[Fate] = []
        for at in range(0, len(mine), 20):
            fates += (await store.write(mine[at : at + 20], [])).values()
        return fates

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(seed)) for seed in range(4)]
    fates = [fate for task in tasks for fate in task.result()]
    assert (fates.count(Fate.NEW), fates.count(Fate.REDELIVERED)) == (60, 180)
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 60
    assert await pool.fetchval("SELECT sum(redeliveries) FROM delivery") == 180


async def test_a_batch_that_fails_leaves_nothing_behind(pool: Pool, box: Box) -> None:
    def fail(step: str) -> None:
        if step == "ingest.rows_written":
            raise ConnectionError

    messages = [taken(box.say(ALARM)) for _ in range(3)]
    with pytest.raises(ConnectionError):
        await Store(pool, TimeRules(), fail).write(messages, [])
    assert await pool.fetchval("SELECT count(*) FROM delivery") == 0
    assert set((await Store(pool, TimeRules()).write(messages, [])).values()) == {Fate.NEW}


async def test_a_poisonous_message_has_no_fate_and_the_others_have(pool: Pool, box: Box) -> None:
    await pool.execute("ALTER TABLE alarm ADD CONSTRAINT poison CHECK (note <> 'poison')")
    messages = [taken(box.say(msgspec.structs.replace(ALARM, note=note))) for note in ("a", "poison", "b")]
    store = Store(pool, TimeRules())
    with pytest.raises(asyncpg.CheckViolationError):
        await store.write(messages, [])
    assert set(await store.write_each(messages, [])) == {messages[0].hash, messages[2].hash}


async def test_rows_are_the_same_in_bulk_and_message_by_message(pool: Pool, box: Box) -> None:
    store = Store(pool, TimeRules())
    for write in (store.write, store.write_each):
        messages = [taken(box.say(REPORT)), taken(box.say(ALARM))]
        assert set((await write(messages, [])).values()) == {Fate.NEW}
    reports = await pool.fetch("SELECT versions, uptime_s, temperature_mc, envelope_hash FROM report")
    assert len(reports) == await pool.fetchval("SELECT count(*) FROM alarm") == 2
    for report in reports:
        assert tuple(report)[:3] == (["agent 1.0", "model a"], 5, None)
        reads = "SELECT array_agg(reads) FROM camera_minute WHERE report_hash = $1"
        assert await pool.fetchval(reads, report["envelope_hash"]) == [7], "a camera named twice is one row"


async def test_a_row_that_outlived_its_ledger_line_does_not_refuse_the_message(pool: Pool, box: Box) -> None:
    store, message = Store(pool, TimeRules()), taken(box.say(ALARM))
    await store.write([message], [])
    await pool.execute("DELETE FROM delivery")
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.write([message], [])
    assert await store.write_each([message], []) == {message.hash: Fate.NEW}


async def test_the_same_refused_bytes_are_kept_once_and_counted(pool: Pool) -> None:
    store = Store(pool, TimeRules())
    for _ in range(3):
        await store.write_refused([make_refused(1)])
    assert await pool.fetchval("SELECT array_agg(times) FROM refused") == [3]


async def test_the_auditor_passes_over_no_transaction_that_commits_late(pool: Pool, box: Box) -> None:
    early = taken(box.say(ALARM))
    stone = Tombstone(epoch=1, sequence=9, kind=Kind.REPORT, hash=bytes(32))
    late = taken(box.say(Dropped(reason="disk_full", tombstones=(stone,))))
    store, chains = Store(pool, TimeRules()), ChainStore(pool)
    async with asyncio.TaskGroup() as group, pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE alarm IN EXCLUSIVE MODE")
        group.create_task(store.write([early], []))  # has its ledger row, and waits to write the alarm
        await until(pool, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        await store.write([late], [])
        await chains.audit(NOW)
        assert await pool.fetchval("SELECT count(*) FROM chain") == 0, "an older transaction still runs"
    await chains.audit(NOW)
    assert await pool.fetchval("SELECT (head, highest) = (2, 9) FROM chain")


async def test_a_box_imaged_anew_is_on_line_although_it_counts_its_connections_from_one_again(
    pool: Pool, box: Box
) -> None:
    store, before, after = Store(pool, TimeRules()), bytes(15) + b"a", bytes(15) + b"b"
    for life, connection, outbox, is_online in (
        (Life.BIRTH, 7, before, True),
        (Life.DEATH, 7, before, False),
        (Life.BIRTH, 1, after, True),
        (Life.DEATH, 7, before, True),  # the late will of the life before
        (Life.DEATH, 1, after, False),
    ):
        await store.write([], [make_said(life, box.who, connection=connection, outbox=outbox)])
        assert await pool.fetchval("SELECT is_online FROM presence") is is_online, (life, connection)
    assert await pool.fetchval("SELECT outbox FROM presence") == after
