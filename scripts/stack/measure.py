"""What a run led to, counted from both ends: the box's own numbering, and the city's database.

Latency runs from the capture of the frame that decided a hit to the commit that stored it, both on this machine's
clock. PostgreSQL itself says when a transaction was committed (`track_commit_timestamp`).
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregator.adapters.database import opened
from aggregator.settings import load
from stack.city import Box, LocalCity

# Each of one outbox, or of all.
_STORED = """
SELECT count(*), count(DISTINCT (device_id, outbox, sequence)) FROM delivery WHERE $1::bytea IS NULL OR outbox = $1
"""
_DROPPED = "SELECT count(*) FROM chain_dropped WHERE $1::bytea IS NULL OR outbox = $1"
_HITS = """
SELECT hit.plate, encode(hit.envelope_hash, 'hex') AS hash, hit.epoch, hit.is_from_lookback,
       extract(epoch FROM pg_xact_commit_timestamp(delivery.stored_in::xid))::float8 * 1000 AS committed_ms
  FROM hit JOIN delivery USING (device_id, outbox, epoch, sequence)
 WHERE $1::bytea IS NULL OR outbox = $1
"""


@dataclass(frozen=True, slots=True)
class StoredHit:
    """A hit as the city has it. `committed_ms` is milliseconds since 1970."""

    plate: str
    hash: str
    epoch: int
    is_from_lookback: bool
    committed_ms: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What the city's database holds."""

    messages: int
    distinct: int
    told_dropped: int
    hits: tuple[StoredHit, ...]


def stored(city: LocalCity, box: Box | None = None) -> Stored:
    """Look into the city's database, the embedded server started again if it has to be; all of it, or a box's part."""
    return asyncio.run(_stored(city, outbox_of(box) if box else None))


async def _stored(city: LocalCity, outbox: bytes | None) -> Stored:
    async with opened(load(city.config).database) as database:
        messages, distinct = await database.pool.fetchrow(_STORED, outbox) or (0, 0)
        rows = await database.pool.fetch(_HITS, outbox)
        dropped = await database.pool.fetchval(_DROPPED, outbox)
    return Stored(messages, distinct, int(dropped), tuple(StoredHit(**row) for row in rows))


def sent(box: Box) -> int:
    """How many messages the box has given a place in its order, by its own outbox."""
    return int(_of_outbox(box, "SELECT sequence FROM meta")) - 1


def epoch(box: Box) -> int:
    """The epoch of the agent's last start."""
    return int(_of_outbox(box, "SELECT epoch FROM meta"))


def outbox_of(box: Box) -> bytes:
    """The random id of the box's outbox."""
    return bytes(_of_outbox(box, "SELECT outbox FROM meta"))


def dead_letters(box: Box) -> int:
    """How many messages the box was refused for good."""
    return int(_of_outbox(box, "SELECT count(*) FROM dead_letter"))


def waiting(box: Box) -> int:
    """How many messages wait in the box's outbox for a receipt."""
    return int(_of_outbox(box, "SELECT count(*) FROM row"))


def _of_outbox(box: Box, query: str) -> Any:  # a number or bytes, as the query says
    """One value out of a box's outbox, which no agent may have open."""
    with closing(sqlite3.connect(f"file:{box.folder / 'data' / 'outbox.db'}?mode=ro", uri=True)) as outbox:
        return outbox.execute(query).fetchone()[0]


def events(file: Path) -> list[dict[str, Any]]:
    """The lines of an agent's events file; a last line cut short by a kill is left out."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def latencies_ms(happened: Iterable[dict[str, Any]], hits: Iterable[StoredHit]) -> list[float]:
    """For each hit of live frames: milliseconds from its deciding frame's capture to its commit, sorted."""
    decided_ms = {
        line["hit"]: line["at_ms"] - (line["at_mono_s"] - line["decided_mono_s"]) * 1000
        for line in happened
        if line["event"] == "hit"
    }
    live = (hit for hit in hits if not hit.is_from_lookback and hit.hash in decided_ms)
    return sorted(hit.committed_ms - decided_ms[hit.hash] for hit in live)


def extra_hits(hits: Iterable[StoredHit]) -> int:
    """Hits beyond one per plate, where each plate passes once."""
    return sum(count - 1 for count in Counter(hit.plate for hit in hits).values())


def percentile(values: list[float], share: int) -> float | None:
    """The nearest-rank percentile (`share` of 100) of sorted values; None if there are none."""
    if not values:
        return None
    rank = -(-len(values) * share // 100)
    return round(values[max(rank, 1) - 1], 1)
