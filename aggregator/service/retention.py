"""Retention, by schedule and by command: every rule in order, with receipts, unless the clock is in doubt."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import msgspec
import structlog

from aggregator.adapters.database import AWAY, unwell
from aggregator.adapters.retention_store import RetentionStore
from aggregator.core.retention import LAPSED_DAYS, REJECTED_DAYS, Keeping, Receipt, Rule, clock_problem, rules_of
from aggregator.errors import ClockInDoubt, FilesLeft
from aggregator.settings import Settings

SERVICE: Final = "service:retention"
_EVERY_S: Final = 600.0
_MB: Final = 1024 * 1024

log = structlog.get_logger(__name__)


def rules(settings: Settings) -> tuple[Rule, ...]:
    """The rules of an installation, in order."""
    named = msgspec.structs.asdict(settings.retention)
    days = {Keeping(name.removesuffix("_days")): each for name, each in named.items() if each != "keep"}
    fixed = {
        Keeping.REFUSED: settings.ingest.refused_keep_days,
        Keeping.REJECTED: REJECTED_DAYS,
        Keeping.LAPSED: LAPSED_DAYS,
    }
    return rules_of({**days, **fixed})


@dataclass(frozen=True, slots=True)
class Retention:
    """Runs the rules, now or for as long as the service does."""

    store: RetentionStore
    settings: Settings

    async def run(self) -> None:
        """Purge what is due, every ten minutes, until cancelled."""
        while True:
            try:
                await self._once(datetime.now(UTC))
            except ClockInDoubt as exc:
                log.warning("retention_clock_in_doubt", problem=str(exc))
            except FilesLeft as exc:
                log.warning("retention_files_left", problem=str(exc))
            except (*AWAY, asyncpg.PostgresError) as exc:
                problem = str(unwell(exc)) if isinstance(exc, asyncpg.PostgresError) else type(exc).__name__
                log.warning("retention_put_off", problem=problem)
            await asyncio.sleep(_EVERY_S)

    async def purge(
        self, wanted: Iterable[Rule], now: datetime, *, actor: str, is_clock_right: bool = False
    ) -> AsyncIterator[Receipt]:
        """Purge by some rules; each receipt once it is committed. Raises `ClockInDoubt`, or `FilesLeft` at the end."""
        problem = clock_problem(now, await self.store.last_run())
        if problem is not None and not is_clock_right:
            raise ClockInDoubt(problem)
        await self.store.begin(now)
        for rule in wanted:
            async for receipt in self.store.purge(rule, now, actor=actor):
                yield receipt
            if rule.kind is Keeping.REFUSED:
                keep_bytes = self.settings.ingest.refused_keep_mb * _MB
                while receipt_of_bound := await self.store.bound_refused(keep_bytes, now, actor=actor):
                    yield receipt_of_bound
        await self.store.remove_files()

    async def _once(self, now: datetime) -> None:
        async for receipt in self.purge(rules(self.settings), now, actor=SERVICE):
            log.info("purged", kind=receipt.kind, rule=receipt.rule, tables=receipt.tables)
