"""The chain auditor's memory, in tables.

What is new is read by transaction id, up to the oldest transaction that still runs: whatever order the workers'
transactions commit in, none is passed over and none is read twice. Reading and remembering are one transaction, so
that a crash repeats a piece of work and never loses one. An advisory lock lets one auditor at a time through, however
many workers run.

A region gets only what its cities pass on, of each box's chain a part with holes that nobody is to fill: the cities
audit those chains. There the ledger is read past, so that it can be folded, and nothing is called missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
            await connection.executemany(
                self._sql["gap_asked"],
                [(device, outbox, g.first, g.asked, g.next_ask_at) for device, outbox, g in asked],
            )
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
        flagged = []
        for outbox, new in news.items():
            old = before.get(outbox, Chain())
            chain = old.after(new.links, new.stones)
            await self._save_chain(connection, outbox, old, chain, now)
            await self._save_gaps(connection, outbox, gaps[outbox], chain, now)
            forks, breaks = chain.forks - old.forks, chain.breaks - old.breaks
            if forks or breaks:
                flagged.append(Flagged(*outbox, forks, breaks))
        return flagged

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

    async def _save_chain(self, connection: Connection, outbox: Outbox, old: Chain, new: Chain, now: datetime) -> None:
        runs = msgspec.json.encode([(r.first, r.last, r.previous.hex(), r.hash.hex()) for r in new.runs]).decode()
        flags = (sorted(new.forks), sorted(new.breaks))
        await connection.execute(self._sql["save_chain"], *outbox, new.head, new.highest, runs, *flags, now)
        fresh = [(*outbox, number, h) for number, h in new.dropped.items() if old.dropped.get(number) != h]
        arrived = [(*outbox, number) for number in old.dropped.keys() - new.dropped.keys()]
        await connection.executemany(self._sql["save_dropped"], fresh)
        await connection.executemany(self._sql["forget_dropped"], arrived)

    async def _save_gaps(
        self, connection: Connection, outbox: Outbox, old: list[Gap], chain: Chain, now: datetime
    ) -> None:
        gaps = reconciled(old, chain.missing(), now)
        if list(gaps) == sorted(old, key=lambda gap: gap.first):
            return
        await connection.execute(self._sql["forget_gaps"], *outbox)
        await connection.executemany(
            self._sql["save_gap"],
            [(*outbox, gap.first, gap.last, gap.opened_at, gap.asked, gap.next_ask_at) for gap in gaps],
        )


def gap_of(row: asyncpg.Record) -> Gap:
    """A gap from its row."""
    return Gap(row["first"], row["last"], row["opened_at"], row["asked"], row["next_ask_at"])


def _chain(row: asyncpg.Record, dropped: dict[int, bytes]) -> Chain:
    runs = tuple(
        Run(first, last, bytes.fromhex(previous), bytes.fromhex(end))
        for first, last, previous, end in _RUNS.decode(row["runs"])
    )
    return Chain(runs, dropped, frozenset(row["forks"]), frozenset(row["breaks"]))


def _asks(rows: Iterable[asyncpg.Record]) -> Iterable[Ask]:
    by_outbox: dict[tuple[Identity, bytes], list[Range]] = defaultdict(list)
    for row in rows:
        who = Identity(device=row["device_id"], city=row["city_id"], point=row["point_id"])
        by_outbox[who, row["outbox"]].append(Range(first=row["first"], last=row["last"]))
    for (who, outbox), ranges in by_outbox.items():
        for at in range(0, len(ranges), MOST_RANGES):
            yield Ask(who, outbox, tuple(ranges[at : at + MOST_RANGES]))
