"""The composition of the agent: what is opened, in which order, and what outlives what.

Sinks outlive sources. Outermost the outbox, then delivery and the hotlist, then the pictures and the hits, innermost
the cameras and the reports. At the end the cameras stop first; the hits they led to are committed, their pictures made
within a time limit, a last report written, and delivery is given `stop_drain_s` to get receipts for it all. A task
that crashes ends the service; systemd starts it again, and the outbox makes that safe.
"""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import msgspec
import structlog

from edge_agent.adapters import outbox as outbox_adapter
from edge_agent.adapters.artefacts import ArtefactServer
from edge_agent.adapters.control_socket import NAME, serving
from edge_agent.adapters.hardening import Hardening, harden
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.adapters.keystore import Enrolment, TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.progress import Progress, no_progress
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.lookback import Lookback
from edge_agent.core.redaction import Redactor
from edge_agent.errors import OutboxBroken, OutboxFailed
from edge_agent.service import delivery as delivery_service
from edge_agent.service import pictures as pictures_service
from edge_agent.service.cameras import Cameras
from edge_agent.service.delivery import Delivery
from edge_agent.service.hits import HitPath
from edge_agent.service.pictures import PictureDesk
from edge_agent.service.reports import Reporter
from edge_agent.service.status import Box
from edge_agent.service.tasks import background, either, within
from edge_agent.service.timekeeper import WallClock, utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import InferenceSettings, Settings
from protocol.delivery import Pace
from protocol.steps import Step, no_step

STEPS: Final = (*outbox_adapter.STEPS, *delivery_service.STEPS, *pictures_service.STEPS)
"""Every named step of the agent's durable paths, for drills."""
HITS_END_S: Final = 10.0
PICTURES_END_S: Final = 20.0
EXPIRE_EVERY_S: Final = 1.0

log = structlog.get_logger()

_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run differs from service: for demonstrations, drills and tests."""

    exit_when_drained: bool = False
    wait_for_hotlist_s: float = 0.0
    progress: Progress = no_progress
    step: Step = no_step
    wall_clock: WallClock = utc_now


async def run(settings: Settings, stop: asyncio.Event, options: Options | None = None) -> None:
    """Run the agent of an enrolled box until `stop`; raises an `EdgeError` that says what to do."""
    options = options or Options()
    enrolment = load_enrolment(settings.identity_dir)
    prepare_data_dir(settings)
    hardening = harden(lock_memory=settings.lock_memory)
    log.info("hardened", memory_locked=hardening.memory_locked, why_not=hardening.why_not)
    models = await asyncio.to_thread(_open_models, settings.inference)
    async with AsyncExitStack() as stack:
        box = await _assemble(stack, settings, enrolment, models, hardening, options)
        await stack.enter_async_context(serving(settings.data_dir / NAME, {"status": box.status}))
        options.progress("started", device=enrolment.who.device, versions=list(box.versions))
        async with background(delivery=box.delivery.run(), hotlist=box.hotlist.run()):
            await _work(box, settings, stop, options)
            await _drain(box, settings, stop, options)
        options.progress("ended", unreceipted=len(box.writer.schedule), hits_lost=box.hits.lost)


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for the agent alone."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise OutboxBroken(
            f"{settings.data_dir}: cannot be made: {exc.strerror}; set data_dir in the settings"
        ) from exc


@dataclass(frozen=True, slots=True)
class _Models:
    """Two sets of the same networks: each serves one thread."""

    vision: Vision
    redactor: Redactor


def _open_models(inference: InferenceSettings) -> _Models:
    vision = open_vision(inference)
    for model in vision.describe():
        log.info(
            "model_running", model=model.name, device=model.device, precision=model.precision, on=model.device_name
        )
    redacting = open_vision(msgspec.structs.replace(inference, threads=1))
    return _Models(vision, redacting.redactor)


def _versions(vision: Vision) -> tuple[str, ...]:
    running = vision.describe()
    engines = {f"inference/{model.device}/{model.precision}/{model.threads}" for model in running}
    models = [f"{model.name}/{model.version}@{model.sha256[:12]}" for model in running]
    return (f"agent/{version('atalaya')}", *models, *sorted(engines))


async def _assemble(
    stack: AsyncExitStack,
    settings: Settings,
    enrolment: Enrolment,
    models: _Models,
    hardening: Hardening,
    options: Options,
) -> Box:
    """Open the parts, sinks first."""
    who, versions = enrolment.who, _versions(models.vision)
    trust = TrustFile(enrolment, settings.data_dir)
    writer = await stack.enter_async_context(_writer(settings, enrolment, trust, options))
    desk = await stack.enter_async_context(
        PictureDesk(
            writer, trust, who, models.redactor, settings.evidence,
            versions=versions, progress=options.progress, step=options.step,
        )
    )  # fmt: skip
    lookback = Lookback(
        window_s=settings.lookback.minutes * 60,
        started_s=time.monotonic(),
        budget_bytes=settings.lookback.max_mb * _MB,
    )
    hits = HitPath(who.city, writer, desk, lookback, options.progress)
    hotlist = _hotlist(enrolment, trust, writer, hits)
    delivery = _delivery(settings, enrolment, trust, writer, hotlist, versions, options)
    cameras = Cameras(settings, models.vision, hits, clock=writer.time.now, progress=options.progress)
    return Box(settings.data_dir, writer, delivery, hotlist, hits, desk, cameras, versions, hardening)


def _writer(settings: Settings, enrolment: Enrolment, trust: TrustFile, options: Options) -> Writer:
    bounds, pace = settings.outbox, settings.delivery
    limits = Limits(bounds.max_rows, bounds.max_mb * _MB, bounds.max_dead_letters)
    windows = Windows(urgent=pace.urgent_window, ordinary=pace.ordinary_window, bulk=pace.piece_window)
    schedule = Schedule(Pace(pace.resend_first_s, pace.resend_most_s), windows, random.Random())  # noqa: S311  jitter

    def open_outbox() -> Outbox:
        path = settings.data_dir / "outbox.db"
        return Outbox.open(path, enrolment.who, enrolment.signer, limits, step=options.step)

    return Writer(open_outbox, schedule, options.wall_clock, root_said_ms=trust.store.created_ms)


def _hotlist(enrolment: Enrolment, trust: TrustFile, writer: Writer, hits: HitPath) -> HotlistReceiver:
    async def keep_version(list_version: int) -> None:
        try:
            await writer.keep_list_version(list_version)
        except OutboxFailed as exc:
            # A list that works is worth more than one that survives a restart.
            log.warning("outbox_failed", what="list_version", why=str(exc))

    return HotlistReceiver(
        city=enrolment.who.city,
        trust=trust.store,
        last_version=writer.list_version,
        server=ArtefactServer(
            enrolment.facts.artefacts_url, lambda: enrolment.tls(check_dates=writer.time.is_clock_good)
        ),
        arm=hits.arm,
        keep_version=keep_version,
        vouch=writer.time.vouch,
        now_ms=writer.time.now_ms,
    )


def _delivery(
    settings: Settings,
    enrolment: Enrolment,
    trust: TrustFile,
    writer: Writer,
    hotlist: HotlistReceiver,
    versions: tuple[str, ...],
    options: Options,
) -> Delivery:
    async def on_manifest(raw: bytes) -> None:
        hotlist.take_manifest(raw)

    def on_trust() -> None:
        hotlist.take_trust(trust.store)

    return Delivery(enrolment, trust, writer, settings.delivery, versions, on_manifest, on_trust, options.step)


async def _work(box: Box, settings: Settings, stop: asyncio.Event, options: Options) -> None:
    """From the first frame to the last report. What is not done in time is done by the next run."""
    async with background(pictures=box.desk.run(), hits=box.hits.run(), lookback=_expire(box.hits.lookback)):
        await _wait_for_hotlist(box.hits, stop, options.wait_for_hotlist_s)
        async with box.cameras:
            reporter = Reporter(box, settings.report_interval_s)
            async with background(reports=reporter.run()):
                await box.cameras.run(stop)
                if not options.exit_when_drained:
                    await stop.wait()
            await within(HITS_END_S, box.hits.settled(), "hits_left_in_memory")
            await within(PICTURES_END_S, box.desk.settled(), "pictures_left")
            await reporter.report()


async def _drain(box: Box, settings: Settings, stop: asyncio.Event, options: Options) -> None:
    """Give delivery time to get receipts; without limit, up to `stop`, if that is what the run is for."""
    if options.exit_when_drained:
        await either(box.writer.is_empty, stop)
    await within(settings.delivery.stop_drain_s, box.writer.is_empty.wait(), "outbox_not_drained")


async def _expire(lookback: Lookback) -> None:
    """Forget reads in time on a quiet street too."""
    while True:
        lookback.expire(time.monotonic())
        await asyncio.sleep(EXPIRE_EVERY_S)


async def _wait_for_hotlist(hits: HitPath, stop: asyncio.Event, limit_s: float) -> None:
    if limit_s > 0:
        await either(hits.armed, stop, limit_s=limit_s)
        log.info("hotlist_waited_for", is_armed=hits.armed.is_set())
