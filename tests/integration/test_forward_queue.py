"""The queue of what goes on to the region, in the real database: noted as it is stored, read lane by lane, settled."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from protocol_samples_minor import BODIES as OF_POINTS

from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.forward_queue import ForwardQueue, dead_letters, standing
from aggregator.adapters.retention_store import RetentionStore
from aggregator.core.forwarding import MOST_DEAD, MOST_UNTOLD, Passing, PutOff, Settled, Standing
from aggregator.core.retention import Keeping, Rule
from aggregator.settings import Settings
from protocol.delivery import LANE, Lane
from protocol.envelope import envelope_hash
from protocol.messages import Kind
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.topics import KIND_OF_WORD, message_topic
from tests.simulators.enrolment import Box
from tests.simulators.forwarding import ALARM, REPORT, age, of_hits, store
from tests.simulators.running import make_hit

KINDS = ("hit", "hit-amended", "alarm", "report", "evidence", "evidence-unavailable", "dropped")
HOUR = timedelta(hours=1)


@pytest.fixture
async def queue(pool: Pool) -> ForwardQueue:
    """A linked city's."""
    queue = ForwardQueue(pool)
    await queue.obey(KINDS)
    await queue.line_is(is_connected=True)
    return queue


async def stands(pool: Pool) -> Standing:
    async with pool.acquire() as connection:
        return await standing(connection)


async def settle(queue: ForwardQueue, settled: Settled) -> None:
    await queue.settle(settled, heard_at=datetime.now(UTC), clock_ahead_ms=40)


async def test_without_a_link_nothing_is_noted_and_with_one_only_the_kinds_that_go_on(pool: Pool, box: Box) -> None:
    queue = ForwardQueue(pool)
    await store(pool, box, [ALARM, REPORT])
    assert (await stands(pool)).waiting == 0
    await queue.obey(["alarm"])
    await store(pool, box, [ALARM, REPORT])
    assert await pool.fetchval("SELECT array_agg(kind) FROM forward_due") == ["alarm"]
    await queue.obey([])
    await store(pool, box, [ALARM])
    assert (await stands(pool)).waiting == 1, "what was noted stays"


async def test_each_kind_is_noted_as_what_it_is_and_read_as_the_box_signed_it(pool: Pool, box: Box) -> None:
    queue, kinds = ForwardQueue(pool), [kind for kind in Kind if kind is not Kind.PIECE]
    await queue.obey([kind.slug for kind in kinds])
    raws = {envelope_hash(raw): raw for raw in await store(pool, box, [*of_hits(box), *OF_POINTS])}
    noted = await pool.fetch("SELECT event, kind, is_alert FROM forward_due")
    assert {KIND_OF_WORD[row["kind"]] for row in noted} == set(kinds)
    assert all(row["is_alert"] is (LANE[KIND_OF_WORD[row["kind"]]] is Lane.URGENT) for row in noted)
    found = [row for lane in (Lane.URGENT, Lane.ORDINARY) for row in await queue.due(lane, [])]
    topics = {row["event"]: str(message_topic(box.who, KIND_OF_WORD[row["kind"]])) for row in noted}
    assert {row.hash: (row.topic, row.raw) for row in found} == {
        event: (topic, raws[event]) for event, topic in topics.items()
    }


async def test_a_look_finds_the_newest_alert_what_is_of_this_minute_and_the_oldest_of_the_rest(
    pool: Pool, queue: ForwardQueue, box: Box
) -> None:
    old = await store(pool, box, [REPORT, make_hit(), REPORT, ALARM])
    await age(pool, HOUR)
    new = await store(pool, box, [REPORT, make_hit()])
    found = {lane: [row.raw for row in await queue.due(lane, [])] for lane in Lane}
    assert found == {Lane.URGENT: [new[1], old[3], old[1]], Lane.ORDINARY: [new[0]], Lane.BULK: [old[0], old[2]]}
    first = (await queue.due(Lane.BULK, []))[0]
    assert [row.raw for row in await queue.due(Lane.BULK, [first.number])] == [old[2]]


async def test_what_the_region_stored_is_off_the_queue_and_waits_to_be_told_of(
    pool: Pool, queue: ForwardQueue, box: Box
) -> None:
    raws = await store(pool, box, [make_hit(), REPORT])
    for _ in range(2):  # a receipt may come twice
        await settle(queue, Settled(stored=[envelope_hash(raw) for raw in raws]))
    found = await stands(pool)
    assert (found.waiting, found.untold, found.stored, found.clock_ahead_ms) == (0, 2, 2, 40)
    received = await pool.fetchval("SELECT received_at FROM hit")
    (line,) = await queue.untold(is_alert=True)
    assert (line.event, line.rule, line.received_at) == (envelope_hash(raws[0]), "hit", received)
    await queue.told([line])
    assert await queue.untold(is_alert=True) == []
    assert [line.rule for line in await queue.untold(is_alert=False)] == ["report"]


async def test_who_has_no_region_any_more_tells_nobody_of_what_went_on(
    pool: Pool, queue: ForwardQueue, box: Box
) -> None:
    (raw,) = await store(pool, box, [ALARM])
    await settle(queue, Settled(stored=[envelope_hash(raw)]))
    assert (await stands(pool)).untold == 1
    await queue.obey([])
    assert (await stands(pool)).untold == 0


async def test_what_a_region_is_to_be_told_is_bounded_and_alerts_are_given_up_last(
    pool: Pool, queue: ForwardQueue, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A region that takes messages and never a record."""
    assert MOST_UNTOLD >= 10_000
    monkeypatch.setattr("aggregator.adapters.forward_queue.MOST_UNTOLD", 2)
    hashes = []
    for body in (ALARM, REPORT, REPORT):
        (raw,) = await store(pool, box, [body])
        hashes.append(envelope_hash(raw))
        await settle(queue, Settled(stored=hashes[-1:]))
    await queue.bound()
    assert await pool.fetchval("SELECT array_agg(event ORDER BY noted_at) FROM transit_due") == [hashes[0], hashes[2]]


async def test_what_is_refused_for_good_is_kept_as_a_bounded_number_of_dead_letters(
    pool: Pool, queue: ForwardQueue, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_DEAD >= 1_000
    monkeypatch.setattr("aggregator.adapters.forward_queue.MOST_DEAD", 2)
    hashes = [envelope_hash(raw) for raw in await store(pool, box, [ALARM] * 3)]
    for each in hashes:
        await settle(queue, Settled(dead=[(each, int(Refusal.REVOKED_KEY))]))
    assert ((await stands(pool)).waiting, (await stands(pool)).dead) == (0, 2)
    assert await pool.fetchval("SELECT array_agg(event ORDER BY refused_at) FROM forward_dead") == hashes[1:]
    async with pool.acquire() as connection:
        assert await dead_letters(connection) == {"revoked_key": 2}


async def test_what_was_put_off_is_due_later_or_with_the_next_connection(
    pool: Pool, queue: ForwardQueue, box: Box
) -> None:
    (raw,) = await store(pool, box, [ALARM])
    await settle(queue, Settled(put_off=[PutOff(envelope_hash(raw), 300.0, int(Refusal.UNKNOWN_KEY))]))
    assert await queue.due(Lane.URGENT, []) == []
    assert (await stands(pool)).put_off == 1
    await queue.hurry()
    (again,) = await queue.due(Lane.URGENT, [])
    assert (again.raw, again.tries) == (raw, 1)


async def test_what_retention_took_meanwhile_does_not_go_on(
    pool: Pool, queue: ForwardQueue, box: Box, installation: Settings
) -> None:
    await store(pool, box, [ALARM, make_hit()])
    retention = RetentionStore(pool, EvidenceFiles(installation.evidence_dir))
    later = datetime.now(UTC) + timedelta(days=3)
    assert [each.count async for each in retention.purge(Rule(Keeping.HITS, 1), later, actor="os:ana")]
    assert [row.topic.rpartition("/")[2] for row in await queue.due(Lane.URGENT, [])] == ["alarm"]
    assert (await stands(pool)).waiting == 1


async def test_a_queue_of_thousands_is_read_to_its_end_without_reading_anything_twice(
    pool: Pool, queue: ForwardQueue, box: Box
) -> None:
    raws = []
    for _ in range(6):
        raws += await store(pool, box, [REPORT] * 200)
    await age(pool, HOUR)
    passing, sent = Passing(100_000, Random(1)), []
    for _ in range(20):
        for lane in passing.wants():
            passing.fill(lane, await queue.due(lane, passing.look(lane)))
        while (row := passing.next()) is not None:
            passing.sent(row, 0.0)
            sent.append(row.raw)
        answers = [ReceiptItem(hash=envelope_hash(raw), status=Status.STORED) for raw in sent]
        passing.heard(passing.judged(answers), 0.0)  # widens the window; not landed, so the queue still has them
    assert sent == raws
