"""Notes of what is due, each taken in once: how alerts, and notices between cities, follow what was stored.

    stored, and noted as due by a trigger            one transaction: ingest's
    notes read, worked on, ended                     one transaction: ours

A crash before our commit repeats the work, one after it finds it done. One follower has the turn at a time. What fails
because of its own values is tried again alone, under a savepoint: it is counted, holds up no other, and is left after
`MOST_TRIES`.

What is noted while a batch is worked on waits for the next look. Else a stream of notes would be worked off a few at a
time without a pause, at the price of a whole batch each.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import asyncpg

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements

MOST_TRIES: Final = 3
POISON: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError)

# Works on some notes and ends them (`done`), inside the caller's transaction.
TakeIn: TypeAlias = Callable[[Connection, Sequence[asyncpg.Record], datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DueNotes:
    """The notes of one kind: `topic` is the file of their statements `take_turn`, `due`, `failed` and `stuck`."""

    pool: Pool
    topic: str
    take_in: TakeIn
    committed: Callable[[], None]

    async def take(self, now: datetime, *, batch: int) -> int:
        """Take in what is due, so many notes at a time; how many there were."""
        taken, is_more = 0, True
        while is_more:
            count, is_more = await self._take_some(now, batch)
            taken += count
        return taken

    async def stuck(self) -> int:
        """How many were left after `MOST_TRIES`."""
        count: int = await self.pool.fetchval(self._sql("stuck"), MOST_TRIES)
        return count

    async def _take_some(self, now: datetime, batch: int) -> tuple[int, bool]:
        """How many were due, and whether more were than fit, or some are to be tried again."""
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                due = await self._due(connection, batch)
                if due:
                    await self.take_in(connection, due, now)
        except POISON:
            return await self._take_each(now, batch), True
        if due:
            self.committed()
        return len(due), len(due) == batch

    async def _take_each(self, now: datetime, batch: int) -> int:
        """The same with a savepoint for each note."""
        async with self.pool.acquire() as connection, connection.transaction():
            due = await self._due(connection, batch)
            for row in due:
                try:
                    async with connection.transaction():
                        await self.take_in(connection, [row], now)
                except POISON:
                    await connection.execute(self._sql("failed"), [row["number"]])
            return len(due)

    async def _due(self, connection: Connection, batch: int) -> list[asyncpg.Record]:
        await connection.execute(self._sql("take_turn"))
        return await connection.fetch(self._sql("due"), MOST_TRIES, batch)

    def _sql(self, name: str) -> str:
        return statements(self.topic)[name]
