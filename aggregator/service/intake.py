"""An ingest worker and what it stands on, opened in order: registry, verifiers, line to the broker.

The service opens one in its own process; each further one runs as a program of its own (`aggregator.cli.worker`), with
an interpreter and a connection to the broker that are its own, and shares nothing but database and subscription.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from aggregator.adapters import broker
from aggregator.adapters.broker import BrokerLine
from aggregator.adapters.database import Database, opened
from aggregator.adapters.keyfiles import read_file, read_signer
from aggregator.adapters.registered import Registered
from aggregator.adapters.store import Store
from aggregator.adapters.transit_store import TransitStore
from aggregator.adapters.verify_pool import verifier
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.core.workers import News
from aggregator.service.ingest import IngestWorker, Limits
from aggregator.service.transits import Transits
from aggregator.settings import Ingest, Settings
from protocol.keys import Signer
from protocol.steps import Step, no_step

TELL_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes messages in."""

    registered: Registered
    line: BrokerLine
    worker: IngestWorker
    signer: Signer
    transits: Transits | None = None

    def news(self) -> News:
        """How it stands now."""
        counts, transits = self.worker.counts, self.transits
        return News(
            stored=counts.stored,
            redelivered=counts.redelivered,
            refused=counts.refused,
            refusals=dict(counts.refusals),
            store_retries=counts.store_retries,
            pieces=counts.pieces,
            waiting=len(self.line.inbox),
            dropped_unacknowledged=self.line.inbox.dropped,
            lag_s=_lag_s(counts.oldest_waiting_at),
            is_subscribed=self.line.is_subscribed,
            transits=transits.stored if transits else 0,
            transits_refused=transits.refused if transits else 0,
        )

    def tasks(self) -> dict[str, Coroutine[None, None, None]]:
        """What takes messages in, by name."""
        tasks = {"registry": self.registered.follow(), "ingest": self.worker.run()}
        if self.transits is not None:
            tasks["transits"] = self.transits.run()
        return tasks


async def open_intake(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    *,
    stored: Callable[[Sequence[Taken]], None] = lambda taken: None,
    step: Step = no_step,
) -> Intake:
    """A worker under the name that the settings give; `stored` is told what each batch brought."""
    limits = settings.ingest
    registered = Registered(database.pool, database.access)
    await registered.load()
    checks = await stack.enter_async_context(verifier(limits.verify_processes))
    is_region = settings.role == "region"
    line = await stack.enter_async_context(
        broker.opened(settings.broker, receive_maximum=limits.queue_messages, has_links=is_region)
    )
    signer = read_signer(settings.keys.server_key)
    worker = IngestWorker(
        line=line,
        store=Store(database.pool, _time_rules(limits), step),
        registered=registered,
        verifier=checks,
        signer=signer,
        evidence_spki=read_file(settings.keys.evidence_spki),
        limits=Limits(limits.batch_messages, limits.batch_wait_ms / 1000),
        step=step,
        stored=stored,
    )
    transits = Transits(line, line.links, TransitStore(database.pool), signer, step) if line.links is not None else None
    return Intake(registered, line, worker, signer, transits)


async def run_alone(settings: Settings, stop: asyncio.Event, tell: Callable[[News], None]) -> None:
    """A worker and nothing else, until `stop`; `tell` hears every moment how it stands."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings.database))
        intake = await open_intake(stack, settings, database)
        async with asyncio.TaskGroup() as group:
            works = {**intake.tasks(), "news": _tell(intake, tell)}
            tasks = [group.create_task(work, name=name) for name, work in works.items()]
            log.info("worker_started", worker=settings.broker.worker)
            await stop.wait()
            for task in tasks:
                task.cancel()
    log.info("worker_stopped", worker=settings.broker.worker)


async def _tell(intake: Intake, tell: Callable[[News], None]) -> None:
    while True:
        tell(intake.news())
        await asyncio.sleep(TELL_EVERY_S)


def _lag_s(oldest: datetime | None) -> float:
    return 0.0 if oldest is None else round((datetime.now(UTC) - oldest).total_seconds(), 3)


def _time_rules(ingest: Ingest) -> TimeRules:
    return TimeRules(timedelta(seconds=ingest.historical_after_s), timedelta(seconds=ingest.clock_suspect_s))
