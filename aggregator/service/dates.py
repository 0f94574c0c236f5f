"""Watching what ends one day: looked at now and then, logged when it changes, shown by health.

Health tells no ids of boxes, so theirs are counted, and are warnings only: a box renews by its key also when its
certificate has ended, and the command centre is well. A warning leaves health good: it comes months ahead.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import structlog

from aggregator.adapters import dates_probe
from aggregator.adapters.database import AWAY, Pool, unwell
from aggregator.core.broker_health import Grade
from aggregator.core.dates import Dating, Kind, worst_first
from aggregator.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DatesWatch:
    """One per service. `problems` and `warnings` are of the last look."""

    pool: Pool
    settings: Settings
    problems: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
    ends: dict[Kind, datetime] = field(default_factory=dict)  # of each kind the first

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look(now=datetime.now(UTC))
            except (*AWAY, asyncpg.PostgresError) as exc:  # health says so by itself
                log.warning("dates_not_looked_at", problem=str(unwell(exc)))
            await asyncio.sleep(self.settings.dates.check_every_s)

    async def look(self, *, now: datetime) -> None:
        """Judge every date now."""
        async with self.pool.acquire() as connection:
            found = worst_first(await dates_probe.judged(connection, self.settings, now=now))
        self.ends = {each.dated.kind: each.dated.until for each in sorted(found, key=_until, reverse=True)}
        before = (self.problems, self.warnings)
        ours = [each for each in found if each.dated.kind is not Kind.DEVICE]
        boxes = [each for each in found if each.dated.kind is Kind.DEVICE and each.grade is not Grade.GOOD]
        self.problems = tuple(each.text for each in ours if each.grade is Grade.BAD)
        self.warnings = (*(each.text for each in ours if each.grade is Grade.WARNING), *_counted(boxes))
        if before != (self.problems, self.warnings):
            for line in self.problems:
                log.error("date_alarm", problem=line)
            for line in self.warnings:
                log.warning("date_warning", problem=line)


def _until(dating: Dating) -> datetime:
    return dating.dated.until


def _counted(boxes: Sequence[Dating]) -> Iterator[str]:
    if boxes:
        soonest = min(each.dated.until for each in boxes)
        yield f"boxes whose certificates end soon: {len(boxes)}, the first on {soonest:%Y-%m-%d}: aggregator ca status"
