"""Compaction of the ledger, by schedule: old lines become ranges, at the start and every six hours."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, unwell
from aggregator.adapters.ledger_store import LedgerStore
from aggregator.settings import Settings

_EVERY_S: Final = 6 * 3600.0

log = structlog.get_logger(__name__)


def cutoff(settings: Settings, now: datetime) -> datetime | None:
    """Lines received before then are due; none are if the settings keep them."""
    days = settings.ingest.compact_after_days
    return None if days == "keep" else now - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Compaction:
    """Runs for as long as the service does."""

    store: LedgerStore
    settings: Settings

    async def run(self) -> None:
        """Fold what is due, four times a day, until cancelled."""
        while True:
            try:
                await self._once(datetime.now(UTC))
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("ledger_compaction_put_off", problem=str(unwell(exc)))
            await asyncio.sleep(_EVERY_S)

    async def _once(self, now: datetime) -> None:
        before, ranges, lines = cutoff(self.settings, now), 0, 0
        if before is None:
            return
        async for run in self.store.fold(before):
            ranges, lines = ranges + 1, lines + run.lines
        if ranges:
            log.info("ledger_compacted", ranges=ranges, lines=lines)
