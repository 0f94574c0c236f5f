"""The city's queue of what goes on to the region, in the database: read lane by lane, settled by the region's receipts.

    message stored, `forward_due` written by its trigger                  one transaction: ingest's
    receipt: due deleted, `transit_due` written; or buried; or put off    one transaction: ours
    receipt of the transit record: its lines deleted                      one transaction: ours

A crash before one of ours has the message sent again; the region knows it, and says `stored` again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.forwarding import (
    BATCH,
    LIVE_WITHIN,
    MOST_DEAD,
    MOST_UNTOLD,
    PARTS,
    Due,
    Line,
    Part,
    Settled,
    Standing,
    word_of,
)
from protocol.delivery import Lane
from protocol.federation import MAX_TRANSIT_ITEMS
from protocol.messages import Kind
from protocol.order import Identity
from protocol.steps import Step, no_step
from protocol.topics import KIND_OF_WORD, message_topic

STEPS: Final = ("forward.read", "forward.settling", "forward.settled", "forward.told")


class ForwardQueue:
    """Reads what is due, and writes what became of it. Holds no state but the pool."""

    def __init__(self, pool: Pool, step: Step = no_step) -> None:
        """`step` names the crash points."""
        self._pool, self._step = pool, step
        self._sql = statements("forward")

    async def obey(self, kinds: Collection[str]) -> None:
        """From now on these kinds are noted; none: there is no link. What was noted stays, and nobody is to be told."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["forget_rules"], list(kinds))
            await connection.execute(self._sql["add_rules"], sorted(kinds))
            if not kinds:
                await connection.execute(self._sql["forget_line"])
                await forget_untold(connection)

    async def hurry(self) -> None:
        """Make everything due that waits: there is a new connection."""
        await self._pool.execute(self._sql["hurry"])

    async def due(self, lane: Lane, known: Sequence[int]) -> list[Due]:
        """What is to be sent of a lane, first to last, beside what is known by its number."""
        part = PARTS[lane]
        within = () if part is Part.ALERTS else (LIVE_WITHIN,)
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(self._sql[f"due_{part}"], known, BATCH, *within)
            if not rows:
                return []
            found = await self._said(connection, rows)
        self._step("forward.read")
        return [_due(row, lane, found[row["event"]]) for row in rows if row["event"] in found]

    async def settle(self, settled: Settled, *, heard_at: datetime, clock_ahead_ms: int | None) -> None:
        """Write what became of messages; the second is how far the region's clock is ahead, if it has said so."""
        async with self._pool.acquire() as connection, connection.transaction():
            stored = await connection.fetchval(self._sql["stored"], settled.stored) if settled.stored else 0
            if settled.dead:
                await connection.execute(self._sql["dead"], *map(list, zip(*settled.dead, strict=True)))
                await connection.execute(self._sql["bound_dead"], MOST_DEAD)
            if settled.put_off:
                later = [(each.hash, each.wait_s, each.reason) for each in settled.put_off]
                await connection.execute(self._sql["put_off"], *map(list, zip(*later, strict=True)))
            if clock_ahead_ms is not None:
                await connection.execute(self._sql["line_heard"], heard_at, clock_ahead_ms, stored)
            self._step("forward.settling")
        self._step("forward.settled")

    async def untold(self, *, is_alert: bool) -> list[Line]:
        """What the region is still to be told, the oldest first, as much as a record holds."""
        rows = await self._pool.fetch(self._sql["untold"], is_alert, MAX_TRANSIT_ITEMS)
        return [Line(*row.values()) for row in rows]

    async def told(self, lines: Sequence[Line]) -> None:
        """The region knows these."""
        await self._pool.execute(self._sql["told"], [line.event for line in lines])
        self._step("forward.told")

    async def bound(self) -> None:
        """Give up the oldest of what the region is to be told, where that is more than is kept."""
        await self._pool.execute(self._sql["bound_untold"], MOST_UNTOLD)

    async def line_is(self, *, is_connected: bool, problem: str = "") -> None:
        """Note how the line to the region stands."""
        await self._pool.execute(self._sql["line_is"], is_connected, problem)

    async def standing(self) -> Standing:
        """How the queue stands."""
        async with self._pool.acquire() as connection:
            return await standing(connection)

    async def _said(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[bytes, asyncpg.Record]:
        """The messages' bytes by their hash. What is no longer there is taken off the queue."""
        events, kinds = [row["event"] for row in rows], [row["kind"] for row in rows]
        found = {row["event"]: row for row in await connection.fetch(self._sql["said"], events, kinds)}
        gone = [event for event in events if event not in found]
        if gone:
            await connection.execute(self._sql["gone"], gone)
        return found


async def standing(connection: Connection) -> Standing:
    """How the queue stands, for `aggregator federation status`, health and figures."""
    sql = statements("forward")
    counts = await connection.fetchrow(sql["standing"])
    assert counts is not None  # noqa: S101  a query without GROUP BY gives one row
    line = await connection.fetchrow(sql["line"])
    return Standing(**dict(counts), **dict(line or {}))


async def forget_untold(connection: Connection) -> None:
    """Nobody is to be told any more of what went on until now: the region is another, or none."""
    await connection.execute(statements("forward")["forget_untold"])


async def dead_letters(connection: Connection) -> dict[str, int]:
    """How many messages the region refused for good, by the refusal's word."""
    rows = await connection.fetch(statements("forward")["reasons"])
    return {word_of(row["reason"]): row["messages"] for row in rows}


def _due(row: asyncpg.Record, lane: Lane, said: asyncpg.Record) -> Due:
    who = Identity(device=said["device_id"], city=said["city_id"], point=said["point_id"])
    kind: Kind = KIND_OF_WORD[row["kind"]]
    topic = str(message_topic(who, kind))
    return Due(row["number"], row["event"], lane, row["tries"], topic, said["envelope"])
