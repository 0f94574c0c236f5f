"""What health reports, gathered from the parts of the running service."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final

import asyncpg

from aggregator.adapters.database import AWAY, Pool
from aggregator.adapters.timescale import Engine
from aggregator.core.hindrances import Hindrances
from aggregator.core.workers import News
from aggregator.http.health import Health
from aggregator.http.open_port import Tally
from aggregator.service.alerts import AlertKeeper
from aggregator.service.dates import DatesWatch
from aggregator.service.federation import Federation
from aggregator.service.intake import Intake
from aggregator.service.rollups import RollupKeeper
from aggregator.service.webhooks import Webhooks
from aggregator.service.workers import Workers

_DATABASE_TIMEOUT_S: Final = 2.0
_LAG_LIMIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks the database, and looks at the rest."""

    pool: Pool
    intake: Intake
    workers: Workers
    queue_bound: int
    tally: Tally
    dates: DatesWatch
    alerts: AlertKeeper
    webhooks: Webhooks
    rollups: RollupKeeper
    federation: Federation
    engine: Engine
    hindrances: Hindrances = field(default_factory=Hindrances)
    started_s: float = field(default_factory=time.monotonic)

    async def __call__(self) -> Health:
        """The figures of this moment."""
        database, news = await self._database_answers(), (self.intake.news(), *self.workers.news())
        return Health(
            release=version("atalaya"),
            uptime_s=int(time.monotonic() - self.started_s),
            database=database,
            engine=self.engine.text,
            broker=news[0].is_subscribed,
            workers=len(news),
            queue_depth=sum(each.waiting for each in news),
            lag_s=max(each.lag_s for each in news),
            stored=sum(each.stored for each in news),
            redelivered=sum(each.redelivered for each in news),
            refused=sum(each.refused for each in news),
            store_retries=sum(each.store_retries for each in news),
            dropped_unacknowledged=sum(each.dropped_unacknowledged for each in news),
            enrolled=dict(self.tally.granted),
            enrolment_refused=dict(self.tally.refused),
            problems=tuple(self._problems(news, database=database)),
            warnings=(
                *self.dates.warnings,
                *self.alerts.warnings,
                *self.webhooks.warnings,
                *self.rollups.warnings,
                *self.federation.warnings,
                *self.hindrances,
            ),
        )

    def _problems(self, news: Sequence[News], *, database: bool) -> Iterator[str]:
        if not database:
            yield "the database does not answer"
        if not news[0].is_subscribed:
            yield "the broker is not connected"
        yield from self.workers.problems()
        if (lag_s := max(each.lag_s for each in news)) > _LAG_LIMIT_S:
            yield f"a delivery has waited {lag_s:.0f} s to be stored"
        if any(each.waiting >= self.queue_bound for each in news):
            yield "the queue is full"
        yield from self.dates.problems

    async def _database_answers(self) -> bool:
        try:
            return await self.pool.fetchval("SELECT true", timeout=_DATABASE_TIMEOUT_S) is True
        except (*AWAY, asyncpg.PostgresError):
            return False
