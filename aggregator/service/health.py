"""What health reports, gathered from the parts of the running service."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import asyncpg

from aggregator.adapters.broker import BrokerLine
from aggregator.adapters.database import AWAY, Pool
from aggregator.http.health import Health
from aggregator.http.open_port import Tally
from aggregator.service.ingest import Counts

_DATABASE_TIMEOUT_S: Final = 2.0
_LAG_LIMIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks the database, and looks at the rest."""

    pool: Pool
    line: BrokerLine
    counts: Counts
    queue_bound: int
    tally: Tally
    started_s: float = field(default_factory=time.monotonic)

    async def __call__(self) -> Health:
        """The figures of this moment."""
        database, lag_s = await self._database_answers(), self._lag_s()
        return Health(
            release=version("atalaya"),
            uptime_s=int(time.monotonic() - self.started_s),
            database=database,
            broker=self.line.is_subscribed,
            queue_depth=len(self.line.inbox),
            lag_s=lag_s,
            stored=self.counts.stored,
            redelivered=self.counts.redelivered,
            refused=self.counts.refused,
            store_retries=self.counts.store_retries,
            dropped_unacknowledged=self.line.inbox.dropped,
            enrolled=dict(self.tally.granted),
            enrolment_refused=dict(self.tally.refused),
            problems=tuple(self._problems(lag_s, database=database)),
        )

    def _problems(self, lag_s: float, *, database: bool) -> Iterator[str]:
        if not database:
            yield "the database does not answer"
        if not self.line.is_subscribed:
            yield "the broker is not connected"
        if lag_s > _LAG_LIMIT_S:
            yield f"a delivery has waited {lag_s:.0f} s to be stored"
        if len(self.line.inbox) >= self.queue_bound:
            yield "the queue is full"

    def _lag_s(self) -> float:
        oldest = self.counts.oldest_waiting_at
        return 0.0 if oldest is None else round((datetime.now(UTC) - oldest).total_seconds(), 3)

    async def _database_answers(self) -> bool:
        try:
            return await self.pool.fetchval("SELECT true", timeout=_DATABASE_TIMEOUT_S) is True
        except (*AWAY, asyncpg.PostgresError):
            return False
