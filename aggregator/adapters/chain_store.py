"""The chain auditor's memory, in tables.

What is new is read by transaction id, up to the oldest transaction that still runs: whatever order the workers'
transactions commit in, none is passed over and none is read twice. Reading and remembering are one transaction, so
that a crash repeats a piece of work and never loses one. An advisory lock lets one auditor at a time through, however
many workers run.

A region gets only what its cities pass on, of each box's chain a part with holes that nobody is to fill: the cities
audit those chains. There the ledger is read past, so that it can be folded, and nothing is called missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

import asyncpg
import msgspec

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.chain import Chain, Gap, Link, Run, Stone, reconciled
from protocol.order import Identity
from protocol.receipts import Range

Outbox: TypeAlias = tuple[str, bytes]
MOST_LINKS: Final = 20_000
MOST_RANGES: Final = 64

_RUNS = msgspec.json.Decoder(list[tuple[int, int, str, str]])


@dataclass(slots=True)
class News:
    """What arrived for an outbox since the last look."""

    links: list[Link] = field(default_factory=list)
    stones: list[Stone] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Flagged:
    """What an audit found wrong, beside gaps."""

    device: str
    outbox: bytes
    forks: frozenset[int]
    breaks: frozenset[int]


@dataclass(frozen=True, slots=True)
class Change:
    """An outbox's chain before and after what is new, and the gaps that were known."""

    outbox: Outbox
    old: Chain
    new: Chain
    gaps: list[Gap]

    def flagged(self) -> Flagged | None:
        """What is wrong since, if anything."""
        forks, breaks = self.new.forks - self.old.forks, self.new.breaks - self.old.breaks
        return Flagged(*self.outbox, forks, breaks) if forks or breaks else None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ranges to be asked for at a box."""

    who: Identity
    outbox: bytes
    ranges: tuple[Range, ...]


class ChainStore:
    """Reads and keeps chains and gaps."""

    def __init__(self, pool: Pool, *, is_whole: bool = True) -> None:
        """Nothing is held between calls. Chains are whole in a city, and not at a region."""
        self._pool, self._is_whole = pool, is_whole
        self._sql = statements("chain")

    async def audit(self, now: datetime) -> tuple[list[Flagged], bool]:
        """Take in what is new: what it flags, and whether there may be more."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(self._sql["try_lock"]):
                return [], False
            if not self._is_whole:
                await self._pass_over(connection, now)
                return [], False
            news, upto, is_more = await self._news(connection)
            flagged = await self._take_in(connection, news, now) if news else []
            await connection.execute(self._sql["read_upto"], upto)
            return flagged, is_more

    async def due(self, now: datetime) -> list[Ask]:
        """What is to be asked for now, noted as asked."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(self._sql["due_gaps"], now)
            asked = [(row["device_id"], row["outbox"], gap_of(row).after_asking(now)) for row in rows]
            changed = [(device, outbox, g.first, g.asked, g.next_ask_at) for device, outbox, g in asked]
            if changed:
                await connection.executemany(self._sql["gap_asked"], changed)
            return list(_asks(rows))

    async def _pass_over(self, connection: Connection, now: datetime) -> None:
        horizon = await connection.fetchval(self._sql["horizon"])
        await connection.execute(self._sql["pass_over"], horizon, now)
        await connection.execute(self._sql["read_upto"], horizon)

    async def _news(self, connection: Connection) -> tuple[dict[Outbox, News], str, bool]:
        horizon = await connection.fetchval(self._sql["horizon"])
        links = await connection.fetch(self._sql["new_links"], horizon, MOST_LINKS)
        is_more = len(links) == MOST_LINKS
        if is_more:  # the last transaction may be cut off: leave it for the next round
            horizon = links[-1]["stored_in"]
            links = [row for row in links if row["stored_in"] != horizon]
        news: dict[Outbox, News] = defaultdict(News)
        for row in links:
            link = Link(row["sequence"], row["envelope_hash"], row["previous_hash"])
            news[row["device_id"], row["outbox"]].links.append(link)
        for row in await connection.fetch(self._sql["new_stones"], horizon):
            stone = Stone(row["sequence"], row["envelope_hash"])
            news[row["device_id"], row["outbox"]].stones.append(stone)
        return news, horizon, is_more

    async def _take_in(self, connection: Connection, news: Mapping[Outbox, News], now: datetime) -> list[Flagged]:
        before, gaps = await self._load(connection, news)
        changes = []
        for outbox, new in news.items():
            old = before.get(outbox, Chain())
            changes.append(Change(outbox, old, old.after(new.links, new.stones), gaps[outbox]))
        await self._save_chains(connection, changes, now)
        await self._save_gaps(connection, changes, now)
        return [flagged for change in changes if (flagged := change.flagged()) is not None]

    async def _load(
        self, connection: Connection, outboxes: Iterable[Outbox]
    ) -> tuple[dict[Outbox, Chain], dict[Outbox, list[Gap]]]:
        devices, boxes = zip(*outboxes, strict=True)
        dropped: dict[Outbox, dict[int, bytes]] = defaultdict(dict)
        gaps: dict[Outbox, list[Gap]] = defaultdict(list)
        for row in await connection.fetch(self._sql["chains_dropped"], devices, boxes):
            dropped[row["device_id"], row["outbox"]][row["sequence"]] = row["envelope_hash"]
        for row in await connection.fetch(self._sql["chains_gaps"], devices, boxes):
            gaps[row["device_id"], row["outbox"]].append(gap_of(row))
        rows = await connection.fetch(self._sql["chains"], devices, boxes)
        chains = {(row["device_id"], row["outbox"]): row for row in rows}
        return {outbox: _chain(row, dropped[outbox]) for outbox, row in chains.items()}, gaps

    async def _save_chains(self, connection: Connection, changes: Sequence[Change], now: datetime) -> None:
        chains = [(*each.outbox, each.new.head, each.new.highest, *_texts(each.new), now) for each in changes]
        fresh = [
            (*each.outbox, number, named)
            for each in changes
            for number, named in each.new.dropped.items()
            if each.old.dropped.get(number) != named
        ]
        arrived = [
            (*each.outbox, number) for each in changes for number in each.old.dropped.keys() - each.new.dropped.keys()
        ]
        await self._many(connection, "save_chains", chains)
        await self._many(connection, "save_dropped", fresh)
        await self._many(connection, "forget_dropped", arrived)

    async def _save_gaps(self, connection: Connection, changes: Sequence[Change], now: datetime) -> None:
        """Those of the boxes whose gaps are others than before."""
        emptied, found = [], []
        for each in changes:
            gaps = reconciled(each.gaps, each.new.missing(), now)
            if set(gaps) != set(each.gaps):
                emptied.append(each.outbox)
                found += [(*each.outbox, g.first, g.last, g.opened_at, g.asked, g.next_ask_at) for g in gaps]
        await self._many(connection, "forget_gaps", emptied)
        await self._many(connection, "save_gaps", found)

    async def _many(self, connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """In one statement: however many boxes spoke, it is one way to the database and back."""
        if rows:
            await connection.execute(self._sql[statement], *zip(*rows, strict=True))


def gap_of(row: asyncpg.Record) -> Gap:
    """A gap from its row."""
    return Gap(row["first"], row["last"], row["opened_at"], row["asked"], row["next_ask_at"])


def _chain(row: asyncpg.Record, dropped: dict[int, bytes]) -> Chain:
    runs = tuple(
        Run(first, last, bytes.fromhex(previous), bytes.fromhex(end))
        for first, last, previous, end in _RUNS.decode(row["runs"])
    )
    return Chain(runs, dropped, frozenset(row["forks"]), frozenset(row["breaks"]))


def _texts(chain: Chain) -> tuple[str, str, str]:
    """Runs, forks and breaks as JSON, since arrays of arrays do not pass through `unnest`."""
    runs = [(run.first, run.last, run.previous.hex(), run.hash.hex()) for run in chain.runs]
    return _json(runs), _json(sorted(chain.forks)), _json(sorted(chain.breaks))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _asks(rows: Iterable[asyncpg.Record]) -> Iterable[Ask]:
    by_outbox: dict[tuple[Identity, bytes], list[Range]] = defaultdict(list)
    for row in rows:
        who = Identity(device=row["device_id"], city=row["city_id"], point=row["point_id"])
        by_outbox[who, row["outbox"]].append(Range(first=row["first"], last=row["last"]))
    for (who, outbox), ranges in by_outbox.items():
        for at in range(0, len(ranges), MOST_RANGES):
            yield Ask(who, outbox, tuple(ranges[at : at + MOST_RANGES]))
