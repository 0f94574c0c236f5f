"""What cities say of the messages that they passed on: kept once, and as long as what it is about matters."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.retention_store import RetentionStore
from aggregator.adapters.transit_store import Record, TransitStore
from aggregator.core.retention import Keeping, Rule
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.federation import TransitItem, decode_transit, sign_transit
from protocol.keys import KeySigner
from tests.simulators.enrolment import CITY, Box
from tests.simulators.forwarding import store
from tests.simulators.running import make_hit

NOW = datetime.now(UTC)
SERVER = KeySigner.generate()


def record_of(events: Sequence[bytes], *, rule: str = "report", days: float = 0, city: str = CITY) -> Record:
    """A city's record of messages, so many days old."""
    at = NOW - timedelta(days=days)
    items = [TransitItem(hash=event, received_ms=to_ms(at), rule=rule) for event in events]
    raw = sign_transit(city, items, SERVER, created_ms=to_ms(at))
    return Record(decode_transit(parse(raw)), raw, envelope_hash(raw), at)


def event(number: int) -> bytes:
    return hashlib.sha256(bytes([number])).digest()


@pytest.fixture
def transits(pool: Pool) -> TransitStore:
    return TransitStore(pool)


async def test_a_line_is_kept_once_with_the_first_record_that_says_it(pool: Pool, transits: TransitStore) -> None:
    first, again = record_of([event(1), event(2)], days=1), record_of([event(2), event(3)])
    assert await transits.write([first, first]) == 2
    assert await transits.write([again]) == 1
    assert await transits.write([first, again]) == 0
    rows = await pool.fetch("SELECT event, envelope_hash FROM transit")
    assert {row["event"]: row["envelope_hash"] for row in rows} == {
        event(1): first.hash,
        event(2): first.hash,
        event(3): again.hash,
    }
    assert await pool.fetchval("SELECT array_agg(lines) FROM transit_record") == [2, 2]


async def test_two_cities_may_both_speak_of_a_message(pool: Pool, transits: TransitStore) -> None:
    assert await transits.write([record_of([event(1)]), record_of([event(1)], city="torreon")]) == 2


async def test_records_go_after_their_days_and_those_of_a_hit_only_with_it(
    pool: Pool, transits: TransitStore, box: Box, installation: Settings
) -> None:
    (hit,) = await store(pool, box, [make_hit()])
    old = [record_of([event(1)], days=91), record_of([envelope_hash(hit)], rule="hit", days=91)]
    await transits.write([*old, record_of([event(2)], days=89)])
    retention = RetentionStore(pool, EvidenceFiles(installation.evidence_dir))
    rule = Rule(Keeping.TRANSITS, 90)
    assert (await retention.due(rule, NOW)).count == 1
    (receipt,) = [each async for each in retention.purge(rule, NOW, actor="os:ana")]
    assert receipt.tables == {"transit_record": 1}
    assert await pool.fetchval("SELECT count(*) FROM transit") == 2
    await pool.execute("DELETE FROM hit")
    assert [each.count async for each in retention.purge(rule, NOW, actor="os:ana")] == [1]
    assert await pool.fetchval("SELECT event FROM transit") == event(2)
