"""The counts' keeper: sums are made of what ingest stored, and days are there before they come."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import asyncpg
import structlog

from aggregator.adapters.count_days import CountDays
from aggregator.adapters.database import AWAY, unwell

# A pause takes in several reports of a bucket at once; meanwhile the views of schema `ask` sum what is noted.
_PAUSE_S: Final = 5.0
_DAYS_EVERY_S: Final = 600.0
_MANY: Final = 100_000

log = structlog.get_logger(__name__)


class Maker(Protocol):
    """What makes sums: `RollupMaker`, or `TimescaleSums` where TimescaleDB keeps the counts."""

    async def make(self) -> int:
        """Make what is due; how many notes said so."""

    async def left(self) -> int:
        """How many notes wait."""


@dataclass(slots=True)
class RollupKeeper:
    """Makes sums and days until cancelled. `warnings` are of the last look."""

    maker: Maker
    days: CountDays
    warnings: tuple[str, ...] = field(default=())
    _looked_s: float = field(default=float("-inf"))

    async def run(self) -> None:
        """Make what is due, now and every few seconds."""
        while True:
            try:
                await self._once()
            except (*AWAY, asyncpg.PostgresError) as exc:
                problem = str(unwell(exc)) if isinstance(exc, asyncpg.PostgresError) else type(exc).__name__
                log.warning("counts_put_off", problem=problem)
            await asyncio.sleep(_PAUSE_S)

    async def make_days(self) -> None:
        """Make the days ahead; one that cannot have its lock now is made later, and its rows wait outside."""
        try:
            if made := await self.days.make(datetime.now(UTC)):
                log.info("count_days_made", days=[each.isoformat() for each in made])
        except asyncpg.LockNotAvailableError:
            log.info("count_days_put_off")
        self._looked_s = time.monotonic()

    async def _once(self) -> None:
        if time.monotonic() >= self._looked_s + _DAYS_EVERY_S:
            await self.make_days()
        if taken := await self.maker.make():
            log.debug("counts_summed", notes=taken)
        left = await self.maker.left()
        self.warnings = (f"{left} hours of points wait to be summed",) if left > _MANY else ()
