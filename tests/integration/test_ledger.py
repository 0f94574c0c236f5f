"""The ledger on the real database: old lines become ranges, and every key answers as it did."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.database import Pool
from aggregator.adapters.ledger_store import STEPS, LedgerStore
from aggregator.adapters.statements import statements
from aggregator.adapters.store import Store
from aggregator.cli.app import run
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.ledger import Run
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.messages import Alarm, HitAmended, HitKey, body_of, decode_message
from tests.simulators.enrolment import Box
from tests.simulators.running import make_hit, until
from tests.simulators.settings_file import write_settings

ALARM = Alarm(alarm="panic_button", started_ms=1_800_000_000_000)
NOW = datetime.now(UTC)
AFTER = NOW + timedelta(seconds=1)


@pytest.fixture
def store(pool: Pool) -> Store:
    return Store(pool, TimeRules())


def taken(raw: bytes) -> Taken:
    """A message as verification hands it over."""
    message = decode_message(parse(raw).payload)
    return Taken(message, body_of(message), raw, envelope_hash(raw), NOW)


async def stored(pool: Pool, store: Store, messages: list[Taken]) -> None:
    """Messages stored, and read by the chain auditor."""
    assert set((await store.write(messages, [])).values()) == {Fate.NEW}
    await chained(pool)


async def chained(pool: Pool) -> None:
    """The chain auditor has read all that there is."""
    while (await ChainStore(pool).audit(NOW))[1]:
        pass


async def folded(pool: Pool, *, least: int = 2, stretch: int = 4096) -> list[Run]:
    return [each async for each in LedgerStore(pool, least=least, stretch=stretch).fold(AFTER)]


async def spans(pool: Pool) -> list[tuple[int, int]]:
    return [tuple(row) for row in await pool.fetch("SELECT first, last FROM delivery_range ORDER BY epoch, first")]


async def test_a_message_that_comes_again_after_its_line_was_folded_is_counted_and_not_stored(
    pool: Pool, store: Store, box: Box
) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(50)]
    await stored(pool, store, messages)
    await store.write(messages[:2], [])
    [found] = await folded(pool)
    assert (found.first, found.last, found.lines) == (1, 50, 50)
    assert await pool.fetchval("SELECT count(*) FROM delivery") == 0
    for again in (messages[::7], messages[::-1]):
        assert set((await store.write(again, [])).values()) == {Fate.REDELIVERED}
    assert await pool.fetchval("SELECT redeliveries FROM delivery_range") == 2 + 8 + 50
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 50


async def test_another_message_under_a_folded_key_is_refused_and_told(pool: Pool, store: Store, box: Box) -> None:
    start = box.position
    messages = [taken(box.say(ALARM)) for _ in range(20)]
    await stored(pool, store, messages)
    await folded(pool)
    box.position = start  # a clone, imaged at the start
    clones = [taken(box.say(Alarm(alarm="intrusion", started_ms=1))) for _ in range(20)]
    assert set((await store.write([clones[3], clones[19]], [])).values()) == {Fate.EQUIVOCATION}
    told = await pool.fetch("SELECT sequence, first_hash, other_hash FROM equivocation ORDER BY sequence")
    expected = [(4, messages[3].hash, clones[3].hash), (20, messages[19].hash, clones[19].hash)]
    assert [tuple(row) for row in told] == expected


async def test_new_and_known_messages_in_one_batch_have_their_own_fates(pool: Pool, store: Store, box: Box) -> None:
    old = [taken(box.say(ALARM)) for _ in range(10)]
    await stored(pool, store, old)
    await folded(pool)
    new = [taken(box.say(ALARM)) for _ in range(5)]
    fates = await store.write([*new, *old, *old], [])
    assert {fates[each.hash] for each in new} == {Fate.NEW}
    assert {fates[each.hash] for each in old} == {Fate.REDELIVERED}
    assert await pool.fetchval("SELECT redeliveries FROM delivery_range") == 20


async def test_ranges_keep_to_their_stretch_and_to_what_is_consecutive(pool: Pool, store: Store, box: Box) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(24)]
    box.position = box.position.restarted()
    later = [taken(box.say(ALARM)) for _ in range(6)]
    await stored(pool, store, [*messages[:12], *messages[13:], *later])  # the 13th is still missing
    await folded(pool, least=3, stretch=10)
    assert await spans(pool) == [(1, 9), (10, 12), (14, 19), (20, 24), (25, 29)]
    assert await pool.fetchval("SELECT array_agg(sequence) FROM delivery") == [30], "a range of one would save nothing"
    assert (await store.write([messages[12]], []))[messages[12].hash] is Fate.NEW


async def test_lines_of_hits_and_their_neighbours_stay(pool: Pool, store: Store, box: Box) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(10)]
    hit = taken(box.say(make_hit()))
    key = HitKey(outbox=box.position.outbox, epoch=1, sequence=11, hash=hit.hash)
    messages += [hit, taken(box.say(HitAmended(hit=key))), *(taken(box.say(ALARM)) for _ in range(10))]
    await stored(pool, store, messages)
    await folded(pool)
    assert await spans(pool) == [(1, 9), (14, 22)]
    assert [row["sequence"] for row in await pool.fetch("SELECT sequence FROM delivery ORDER BY 1")] == [10, 11, 12, 13]


async def test_what_is_young_or_not_yet_in_the_chain_stays(pool: Pool, store: Store, box: Box) -> None:
    await store.write([taken(box.say(ALARM)) for _ in range(5)], [])
    assert await folded(pool) == [], "the auditor has not read it"
    await chained(pool)
    assert [each async for each in LedgerStore(pool, least=2).fold(NOW)] == [], "it is not older"
    assert len(await folded(pool)) == 1


async def test_the_chain_goes_on_over_folded_lines(pool: Pool, store: Store, box: Box) -> None:
    await stored(pool, store, [taken(box.say(ALARM)) for _ in range(8)])
    await folded(pool)
    await stored(pool, store, [taken(box.say(ALARM)) for _ in range(8)])
    chain = await pool.fetchrow("SELECT head, highest, forks, breaks FROM chain")
    assert chain is not None
    assert tuple(chain) == (16, 16, [], [])
    assert await pool.fetchval("SELECT count(*) FROM gap") == 0


async def test_workers_that_store_while_lines_are_folded_store_each_once(pool: Pool, store: Store, box: Box) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(400)]
    fates: list[Fate] = []
    done = asyncio.Event()

    async def work(order: int) -> None:
        mine = messages[::order]
        for at in range(0, len(mine), 25):
            fates.extend((await store.write(mine[at : at + 25], [])).values())

    async def fold() -> None:
        while not done.is_set():
            await chained(pool)
            with contextlib.suppress(asyncpg.LockNotAvailableError):  # a worker that takes long is not waited for
                await folded(pool)

    async with asyncio.TaskGroup() as group:
        folding = group.create_task(fold())
        async with asyncio.TaskGroup() as workers:
            for order in (1, -1, 1, -1):
                workers.create_task(work(order))
        done.set()
    await folding
    await chained(pool)
    await folded(pool)
    assert (fates.count(Fate.NEW), fates.count(Fate.REDELIVERED)) == (400, 1200)
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 400
    assert await pool.fetchval("SELECT count(*) FROM equivocation") == 0
    sums = "SELECT (SELECT count(*) FROM delivery) + (SELECT sum(last - first + 1) FROM delivery_range)"
    assert await pool.fetchval(sums) == 400, "a key is in a line or in a range, never in both"


async def test_a_worker_that_waited_for_the_fold_sees_the_range(pool: Pool, store: Store, box: Box) -> None:
    messages = [taken(box.say(ALARM)) for _ in range(5)]
    await stored(pool, store, messages)
    sql = statements("ledger")
    async with asyncio.TaskGroup() as group, pool.acquire() as folding, folding.transaction():
        await folding.execute(sql["ledger_alone"])
        await folding.execute(sql["fold"], box.who.device, box.position.outbox, 1, 1, 5)
        again = group.create_task(store.write(messages, []))
        await until(pool, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    assert set(again.result().values()) == {Fate.REDELIVERED}
    assert await pool.fetchval("SELECT count(*) FROM alarm") == 5


async def test_a_fold_does_without_a_ledger_that_is_busy(pool: Pool, store: Store, box: Box) -> None:
    await stored(pool, store, [taken(box.say(ALARM)) for _ in range(5)])
    async with pool.acquire() as writer, writer.transaction():
        await writer.execute("LOCK TABLE delivery IN ROW EXCLUSIVE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await folded(pool)
    assert len(await folded(pool)) == 1


@pytest.mark.parametrize("step", STEPS)
async def test_a_fold_that_is_cut_off_leaves_all_or_nothing(step: str, pool: Pool, store: Store, box: Box) -> None:
    def fail(at: str) -> None:
        if at == step:
            raise ConnectionError

    messages = [taken(box.say(ALARM)) for _ in range(5)]
    await stored(pool, store, messages)
    with pytest.raises(ConnectionError):
        async for _ in LedgerStore(pool, fail, least=2).fold(AFTER):
            pass
    lines, ranges = await pool.fetchval("SELECT count(*) FROM delivery"), await spans(pool)
    assert (lines, ranges) == ((5, []) if step == "ledger.folded" else (0, [(1, 5)]))
    assert set((await store.write(messages, [])).values()) == {Fate.REDELIVERED}


async def test_a_dry_run_tells_what_is_due_and_the_command_folds_it(
    pool: Pool, store: Store, box: Box, installation: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await stored(pool, store, [taken(box.say(ALARM)) for _ in range(20)])
    await pool.execute("UPDATE delivery SET received_at = received_at - interval '31 days'")
    config = ("--config", str(write_settings(installation, installation.evidence_dir.with_name("aggregator.toml"))))
    assert await asyncio.to_thread(run, ["retention", "compact", "--dry-run", "--json", *config]) == 0
    dry = capsys.readouterr().out
    assert '"lines":20' in dry
    assert await spans(pool) == []
    assert await asyncio.to_thread(run, ["retention", "compact", "--json", *config]) == 0
    assert capsys.readouterr().out == dry
    assert await spans(pool) == [(1, 20)]
