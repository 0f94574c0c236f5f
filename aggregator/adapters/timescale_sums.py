"""Sums on TimescaleDB: continuous aggregates, refreshed where notes say that minutes came.

    minutes stored, `count_due` written by their trigger      one transaction: ingest's
    the noted hours refreshed, and the days they lie in        TimescaleDB's own transactions
    those notes removed                                        one statement

Only notes that were there before the refresh began are removed, so none goes whose minutes it had not in; a crash in
between repeats the work. The views sum on the spot what has a note: answers are exact before, during and after.

The hour that is still running is left to its notes. Retention and we take turns, and it removes no minute that has a
note: so it never runs ahead of a refresh. Nor does a refresh run over what retention removed.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements

BATCH: Final = 50_000
PAUSE_S: Final = 60.0
_HOUR: Final = timedelta(hours=1)
# Further ahead than any zone's tomorrow: a new aggregate is filled up to there.
_AHEAD: Final = timedelta(days=2)


class TimescaleSums:
    """Refreshes the sums that are due. Holds the pool, and when it last worked."""

    def __init__(self, pool: Pool, *, pause_s: float = PAUSE_S) -> None:
        """`pause_s` lies between two looks, however often it is asked: a refresh takes in all points at once."""
        self._pool, self._pause_s, self._next_s = pool, pause_s, 0.0
        self._sql = statements("timescale/sums")

    async def make(self, *, batch: int = BATCH) -> int:
        """Work off the notes on hours that are over, the newest first; how many there were."""
        if time.monotonic() < self._next_s:
            return 0
        async with self._pool.acquire() as connection:
            await connection.execute(self._sql["take_turn"])
            try:
                taken = await self._work_off(connection, batch)
                await self._fill_zones(connection)
            finally:
                await connection.execute(self._sql["give_turn"])
        self._next_s = time.monotonic() + self._pause_s
        return taken

    async def left(self) -> int:
        """How many notes wait."""
        count: int = await self._pool.fetchval(self._sql["left"])
        return count

    async def _work_off(self, connection: Connection, batch: int) -> int:
        taken, now = 0, datetime.now(UTC)
        for statement in ("squash", "forget"):
            await connection.execute(self._sql[statement])
        while notes := await connection.fetch(self._sql["due"], now, batch):
            hours, points, numbers = zip(*(note.values() for note in notes), strict=True)
            for first, last in stretches(sorted(set(hours))):
                await self._refresh(connection, first, last)
            await connection.execute(statements("counts")["done"], hours, points, numbers)
            taken += len(notes)
        return taken

    async def _refresh(self, connection: Connection, first: datetime, last: datetime) -> None:
        """Hours from the first to the last, and the days that they lie in."""
        for aggregate in ("camera_hour_sums", "city_hour_sums"):
            await _refreshed(connection, aggregate, first, last + _HOUR)
        for days in await connection.fetch(self._sql["days"], first, last):
            if days["from_at"] < days["to_at"]:
                await _refreshed(connection, f"camera_day_{days['number']}", days["from_at"], days["to_at"])

    async def _fill_zones(self, connection: Connection) -> None:
        """Give a time zone that points have come into an aggregate of its own."""
        from_at = await connection.fetchval(self._sql["fill_from"])
        for row in await connection.fetch(self._sql["add_zones"]):
            number = row["add_camera_day_zones"]
            await _refreshed(connection, f"camera_day_{number}", from_at, datetime.now(UTC) + _AHEAD)
            async with connection.transaction():
                await connection.execute(statements("counts")["soon"])
                await connection.execute(self._sql["is_filled"], number)
                await connection.execute(self._sql["read_zones"])


def stretches(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """First and last of each run of hours that follow one another; `hours` rise."""
    first = last = None
    for hour in hours:
        if last is not None and first is not None and hour - last > _HOUR:
            yield first, last
            first = hour
        first, last = first or hour, hour
    if first is not None and last is not None:
        yield first, last


async def _refreshed(connection: Connection, aggregate: str, from_at: datetime | None, to_at: datetime) -> None:
    """Refresh an aggregate, whose name is our own."""
    call = f"CALL refresh_continuous_aggregate('{aggregate}', $1::timestamptz, $2::timestamptz)"
    await connection.execute(call, from_at, to_at)
