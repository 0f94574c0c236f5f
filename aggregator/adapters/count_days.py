"""The days of `camera_minute`: a partition each, made before its day comes, dropped whole when all of it is due.

Nobody waits for us longer than two seconds: what cannot have its lock by then is tried at the next look. Making a day
locks out only those who write or read the default partition, dropping one everybody for the moment of the drop.
Where camera_minute is no partitioned table, TimescaleDB makes its chunks by itself; they are dropped here like days.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.retention import RECEIPT, Keeping, Receipt, Rule

AHEAD_DAYS: Final = 7
# A day of the past that lies in the default partition with so many rows gets one of its own.
WORTH_ROWS: Final = 1_000
# What stands in statements for the name of a partition.
ONE_DAY: Final = "minutes_of_a_day"
_PREFETCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC) with its partition."""

    day: date
    name: str

    @property
    def from_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.day, time(), UTC)

    @property
    def to_at(self) -> datetime:
        """The next day's."""
        return self.from_at + timedelta(days=1)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From when to when."""
        return self.from_at, self.to_at


class CountDays:
    """Makes and drops days. Holds no state but the pool."""

    def __init__(self, pool: Pool) -> None:
        """Name the pool; nothing is asked yet."""
        self._pool = pool
        self._sql = statements("counts")

    async def make(self, now: datetime) -> list[date]:
        """Make the days ahead, and those whose rows lie in the default partition; which were new."""
        if not await self._pool.fetchval(self._sql["is_partitioned"]):
            return []
        today = now.astimezone(UTC).date()
        there = {each.day for each in await self.all()}
        outside = await self._pool.fetch(self._sql["days_outside"], WORTH_ROWS, today)
        wanted = {today + timedelta(days=n) for n in range(AHEAD_DAYS + 1)} | {row["day"] for row in outside}
        missing = sorted(wanted - there)
        for day in missing:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(self._sql["soon"])
                await connection.execute(self._sql["add_day"], day)
        return missing

    async def all(self) -> list[Day]:
        """The days that have a partition, or a chunk, in order."""
        is_partitioned = await self._pool.fetchval(self._sql["is_partitioned"])
        days = self._sql["days"] if is_partitioned else statements("timescale/sums")["chunks"]
        return [Day(row["day"], row["name"]) for row in await self._pool.fetch(days)]

    async def purge(self, rule: Rule, cutoff: datetime, *, actor: str) -> AsyncIterator[Receipt]:
        """Drop the days that are due whole, with nothing held and every sum made; a receipt of each once it is gone."""
        for day in await self.all():
            if day.to_at <= cutoff:
                try:
                    receipt = await self._drop(rule, day, actor=actor)
                except asyncpg.LockNotAvailableError:
                    continue
                if receipt is not None:
                    yield receipt

    async def rows_before(self, cutoff: datetime) -> datetime:
        """From when on rows are left alone: a day that will be dropped soon is not worth removing them one by one."""
        for day in await self.all():
            if day.to_at <= cutoff and not await self._pool.fetchval(_of(self._sql["is_held"], day), *day.span):
                return day.from_at
        return cutoff

    async def _drop(self, rule: Rule, day: Day, *, actor: str) -> Receipt | None:
        """One transaction: nobody adds to the day, what it adds up to is kept, the receipt says so, and it goes."""
        async with self._pool.acquire() as connection, connection.transaction():
            for statement in ("take_turn", "keep_holds"):
                await connection.execute(statements("retention")[statement])
            await connection.execute(self._sql["soon"])
            await connection.execute(f"LOCK TABLE {day.name} IN SHARE MODE")
            for reason in ("is_due", "is_held"):
                if await connection.fetchval(_of(self._sql[reason], day), *day.span):
                    return None
            receipt = await self._receipt(connection, rule, day)
            await connection.execute(_of(self._sql["keep_sums"], day))
            if receipt is not None:
                subject = f"retention:{receipt.kind}"
                await audit(connection, actor=actor, action=RECEIPT, subject=subject, reason=receipt.text)
            await connection.execute(f"DROP TABLE {day.name}")
        return receipt

    async def _receipt(self, connection: Connection, rule: Rule, day: Day) -> Receipt | None:
        """What goes with a day, its ids hashed as they come: there are millions."""
        extent = await connection.fetchrow(_of(self._sql["extent"], day))
        if extent is None or not extent["count"]:
            return None
        digest = hashlib.sha256()
        async for row in connection.cursor(_of(self._sql["ids"], day), prefetch=_PREFETCH):
            digest.update(row["report_hash"])
        return Receipt(
            kind=Keeping.COUNTS,
            rule=rule.text,
            first_at=extent["min"],
            last_at=extent["max"],
            count=extent["count"],
            tables={"camera_minute": extent["count"]},
            ids_sha256=digest.hexdigest(),
        )


def _of(statement: str, day: Day) -> str:
    """A statement over one day's partition, whose name is our own."""
    return statement.replace(ONE_DAY, day.name)
