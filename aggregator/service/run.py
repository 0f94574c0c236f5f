"""The composition root: opens what the aggregator stands on, in order, and runs its tasks until it is told to stop.

Database first, then ingest (registry, verifiers, broker), then the doors. A task that crashes ends the program, and
whoever supervises it starts it again; what is durable lies in the database, and with the broker and the boxes. Ingest
workers beside the first are programs of their own, started again by themselves (`workers`).
"""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

import structlog

from aggregator.adapters import (
    alert_maker,
    enrolment_desk,
    evidence_store,
    hotlist_publisher,
    joining_desk,
    rollup_maker,
    webhook_queue,
)
from aggregator.adapters.alert_maker import AlertMaker
from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.count_days import CountDays
from aggregator.adapters.database import Database, opened
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.adapters.figure_store import FigureStore
from aggregator.adapters.ledger_store import LedgerStore
from aggregator.adapters.picture_store import pictures_of
from aggregator.adapters.retention_store import RetentionStore
from aggregator.adapters.rollup_maker import RollupMaker
from aggregator.adapters.systemd import Supervisor
from aggregator.adapters.timescale import Kind
from aggregator.adapters.timescale_sums import TimescaleSums
from aggregator.adapters.webhook_queue import WebhookQueue
from aggregator.core.rows import Taken
from aggregator.http.artefacts import artefacts_app, server_context
from aggregator.http.enrolment import enrolment_routes
from aggregator.http.health import health_app
from aggregator.http.joining import joining_routes
from aggregator.http.metrics import metrics_route
from aggregator.http.open_port import Tally, open_app, open_context
from aggregator.http.renewal import renewal_routes
from aggregator.http.short_lines import ShortLineSite
from aggregator.service import ingest
from aggregator.service.alerts import AlertKeeper
from aggregator.service.api import ApiPort, open_api
from aggregator.service.auditor import ChainAuditor
from aggregator.service.checkpoints import Checkpoints
from aggregator.service.compaction import Compaction
from aggregator.service.dates import DatesWatch
from aggregator.service.evidence import EvidenceKeeper
from aggregator.service.federation import STEPS as FEDERATION_STEPS
from aggregator.service.federation import Federation, open_federation
from aggregator.service.figures import Instruments
from aggregator.service.health import HealthCheck
from aggregator.service.intake import Intake, open_intake
from aggregator.service.ports import serve
from aggregator.service.retention import Retention
from aggregator.service.rollups import RollupKeeper
from aggregator.service.watchdog import watch
from aggregator.service.webhooks import Webhooks
from aggregator.service.workers import Workers, further
from aggregator.settings import Settings
from protocol.messages import Piece
from protocol.steps import Step, no_step

STEPS: Final = (
    *ingest.STEPS,
    *evidence_store.STEPS,
    *enrolment_desk.STEPS,
    *alert_maker.STEPS,
    *webhook_queue.STEPS,
    *rollup_maker.STEPS,
    *joining_desk.STEPS,
    *FEDERATION_STEPS,
)
_WATCH_EVERY_S: Final = 0.5

log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, *, step: Step = no_step, is_demo: bool = False) -> None:
    """Run until `stop` is set; raises what ended a task."""
    async with AsyncExitStack() as stack:
        parts = await _open(stack, settings, step, is_demo=is_demo)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for name, work in parts.tasks(settings).items()]
            supervisor = Supervisor.of()
            tasks.append(group.create_task(watch(parts.check, supervisor), name="watchdog"))
            supervisor.ready()
            log.info("aggregator_started", city=settings.city, role=settings.role)
            await stop.wait()
            supervisor.stopping()
            for task in tasks:
                task.cancel()
    log.info("aggregator_stopped")


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs."""

    database: Database
    intake: Intake
    federation: Federation
    workers: Workers
    auditor: ChainAuditor
    keeper: EvidenceKeeper
    alerts: AlertKeeper
    webhooks: Webhooks
    rollups: RollupKeeper
    retention: Retention
    dates: DatesWatch
    check: HealthCheck
    api: ApiPort | None

    def tasks(self, settings: Settings) -> dict[str, Coroutine[None, None, None]]:
        """The tasks of the service, by name."""
        tasks = {
            **self.intake.tasks(),
            **self.federation.tasks(),
            "chain-auditor": self.auditor.run(),
            "evidence-keeper": self.keeper.run(),
            "alert-keeper": self.alerts.run(),
            "webhooks": self.webhooks.run(),
            "workers": self.workers.run(),
            "hotlist-publisher": hotlist_publisher.run(
                settings, self.database, self.federation.desk, self.check.hindrances
            ),
            "counts-keeper": self.rollups.run(),
            "retention": self.retention.run(),
            "ledger-compaction": Compaction(LedgerStore(self.database.pool), settings).run(),
            "dates": self.dates.run(),
        }
        if settings.audit.checkpoint_dir is not None:
            tasks["audit-checkpoints"] = Checkpoints(self.database.pool, settings, settings.audit.checkpoint_dir).run()
        if self.api is not None:
            tasks["api"] = self.api.run()
        if self.database.embedded is not None:
            tasks["embedded-postgres"] = keep_alive(self.database.embedded)
        return tasks


async def _open(stack: AsyncExitStack, settings: Settings, step: Step, *, is_demo: bool) -> Parts:
    database = await stack.enter_async_context(opened(settings.database, role=settings.role, is_demo=is_demo))
    files = pictures_of(settings)
    keeper = EvidenceKeeper(EvidenceStore(database.pool, files, step))
    retention = Retention(RetentionStore(database.pool, files), settings)
    window = timedelta(minutes=settings.alerts.group_minutes)
    alerts = AlertKeeper(AlertMaker(database.pool, window, step), database.access)
    webhooks = _webhooks(settings, database, step)
    rollups = _rollups(database, step)
    await rollups.make_days()  # before anything is stored that belongs into one
    intake = await open_intake(stack, settings, database, stored=lambda taken: _wake(taken, auditor, keeper), step=step)
    auditor = ChainAuditor(ChainStore(database.pool, is_whole=settings.role == "city"), intake.line, intake.signer)
    federation = await open_federation(settings, database, intake.signer, step)
    workers = Workers(settings, further(settings, cores=len(os.sched_getaffinity(0))), keeper.wake)
    tally, dates = Tally(), DatesWatch(database.pool, settings)
    check = HealthCheck(
        database.pool,
        intake,
        workers,
        settings.ingest.queue_messages,
        tally,
        dates,
        alerts,
        webhooks,
        rollups,
        federation,
        database.engine,
    )
    is_usable, shelf_of = intake.registered.is_usable, federation.shelf_of
    artefacts = artefacts_app(database.pool, is_usable, shelf_of, federation.routes())
    await serve(stack, artefacts, settings.http.host, settings.http.port, server_context(settings))
    routes = [
        *enrolment_routes(database.pool, settings, tally, step),
        *renewal_routes(database.pool, settings, tally),
        *joining_routes(database.pool, settings, tally, step),
    ]
    open_port = open_app(settings, routes, tally)
    enrol_port, tls = settings.http.enrol_port, open_context(settings)
    await serve(stack, open_port, settings.http.host, enrol_port, tls, site=ShortLineSite)
    api = await open_api(stack, settings, database.access, files)
    own = health_app(check, [metrics_route(Instruments(check, FigureStore(database.pool), settings, api))])
    await serve(stack, own, settings.http.health_host, settings.http.health_port)
    return Parts(
        database,
        intake,
        federation,
        workers,
        auditor,
        keeper,
        alerts,
        webhooks,
        rollups,
        retention,
        dates,
        check,
        api,
    )


def _rollups(database: Database, step: Step) -> RollupKeeper:
    log.info("counts_engine", engine=database.engine.text)
    is_plain = database.engine.kind is Kind.PLAIN
    maker = RollupMaker(database.pool, step) if is_plain else TimescaleSums(database.pool)
    return RollupKeeper(maker, CountDays(database.pool))


def _webhooks(settings: Settings, database: Database, step: Step) -> Webhooks:
    own = settings.alerts
    queue = WebhookQueue(database.pool, timedelta(hours=own.webhook_give_up_hours), Random(), step)  # noqa: S311  a pace
    return Webhooks(queue, database.access, own.webhooks_dir, own.webhook_timeout_s)


def _wake(taken: Sequence[Taken], auditor: ChainAuditor, keeper: EvidenceKeeper) -> None:
    """Tell those who work on what was stored."""
    if taken:
        auditor.wake()
    if any(isinstance(each.body, Piece) for each in taken):
        keeper.wake()


async def keep_alive(embedded: EmbeddedPostgres) -> None:
    """Start the embedded database again whenever it has died."""
    while True:
        await asyncio.sleep(_WATCH_EVERY_S)
        if await asyncio.to_thread(embedded.revive):
            log.warning("embedded_postgres_revived")
