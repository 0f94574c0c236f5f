"""From minutes to sums of hours and days: a follower that leaves none out, however late it came.

    minutes stored, `count_due` written by their trigger      one transaction: ingest's
    notes read, whole buckets summed anew, notes removed       one transaction: ours

A bucket is never added to, it is summed again from what there is of it: an hour from its minutes (and from what minutes
that retention removed had added up to), a city's hour and a point's local day from the hours of cameras. So a crash
before our commit repeats the work, one after it finds it done, and the order in which minutes come means nothing.
Ingest waits for none of it. Minutes that come while we sum have notes of their own, which stay.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from protocol.steps import Step, no_step

STEPS: Final = ("counts.read", "counts.written", "counts.committed")
BATCH: Final = 1_000


class RollupMaker:
    """Makes the sums that are due."""

    def __init__(self, pool: Pool, step: Step = no_step) -> None:
        """`step` names the crash points."""
        self._pool, self._step = pool, step
        self._sql = statements("counts")

    async def make(self, *, batch: int = BATCH) -> int:
        """Work off the notes, so many at a time; how many there were."""
        taken = 0
        while count := await self._make_some(batch):
            taken += count
            if count < batch:  # those that came meanwhile are the next look's
                break
        return taken

    async def left(self) -> int:
        """How many notes wait."""
        count: int = await self._pool.fetchval(self._sql["due_left"])
        return count

    async def _make_some(self, batch: int) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["take_turn"])
            notes = await connection.fetch(self._sql["due"], batch)
            if notes:
                self._step("counts.read")
                await self._sum(connection, notes)
                self._step("counts.written")
        if notes:
            self._step("counts.committed")
        return len(notes)

    async def _sum(self, connection: Connection, notes: Sequence[asyncpg.Record]) -> None:
        hours, points, cities, numbers = zip(*(note.values() for note in notes), strict=True)
        await connection.execute(self._sql["sum_hours"], hours, points)
        await connection.execute(self._sql["sum_cities"], hours, cities)
        await connection.execute(self._sql["sum_days"], hours, points)
        await connection.execute(self._sql["done"], hours, points, numbers)
