"""The parts of an agent, opened and joined: sinks first."""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

import msgspec
import structlog

from edge_agent.adapters.artefacts import ArtefactServer
from edge_agent.adapters.hardening import Hardening
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.adapters.hotlist_shelf import open_shelf
from edge_agent.adapters.keystore import Enrolment, TrustFile
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.progress import Progress, no_progress
from edge_agent.adapters.signed_settings import InForce
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.adapters.vision import open_vision
from edge_agent.adapters.vision_pool import VisionPool, open_pool
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.lookback import Lookback
from edge_agent.core.redaction import Redactor
from edge_agent.core.terms import at_rest
from edge_agent.errors import OutboxFailed
from edge_agent.service.acceptance import AcceptanceKeeper
from edge_agent.service.alarm_sources import AlarmSources
from edge_agent.service.cameras import Cameras
from edge_agent.service.delivery import Delivery
from edge_agent.service.hits import HitPath
from edge_agent.service.pictures import PictureDesk
from edge_agent.service.renewal import Renewer
from edge_agent.service.scenes import SceneWatch
from edge_agent.service.status import Box
from edge_agent.service.terms import TermsKeeper
from edge_agent.service.timekeeper import WallClock, utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import InferenceSettings, Settings
from protocol.delivery import Pace
from protocol.names import CameraId
from protocol.steps import Step, no_step

_MB: Final = 1_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run differs from service: for demonstrations, drills and tests."""

    exit_when_drained: bool = False
    wait_for_hotlist_s: float = 0.0
    progress: Progress = no_progress
    step: Step = no_step
    wall_clock: WallClock = utc_now
    in_force: InForce | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """Sets of the same networks, one for each thread: those of the cameras and the redactor's."""

    vision: VisionPool
    redactor: Redactor


@dataclass(frozen=True, slots=True)
class Site:
    """What a box is made from."""

    settings: Settings
    enrolment: Enrolment
    models: Models
    hardening: Hardening
    options: Options


def open_models(inference: InferenceSettings, cameras: int) -> Models:
    vision = open_pool(inference, cameras)
    for model in vision.describe():
        log.info(
            "model_running", model=model.name, device=model.device, precision=model.precision, on=model.device_name
        )
    redacting = open_vision(msgspec.structs.replace(inference, threads=1))
    return Models(vision, redacting.redactor)


def _versions(vision: VisionPool) -> tuple[str, ...]:
    running = vision.describe()
    engines = {f"inference/{model.device}/{model.precision}/{model.threads}" for model in running}
    models = [f"{model.name}/{model.version}@{model.sha256[:12]}" for model in running]
    return (f"agent/{version('atalaya')}", *models, *sorted(engines))


def without_demonstrations(settings: Settings, options: Options) -> tuple[Settings, Options]:
    """What demonstrations are shown is not for the company that has the box."""
    evidence = msgspec.structs.replace(settings.evidence, keep_redacted_dir=None)
    return msgspec.structs.replace(settings, evidence=evidence), replace(options, progress=no_progress)


async def assemble(stack: AsyncExitStack, site: Site) -> Box:
    """Open the parts, sinks first; the stack closes them the other way round."""
    settings, options, models, who = site.settings, site.options, site.models, site.enrolment.who
    versions = _versions(models.vision)
    trust = TrustFile(site.enrolment, settings.data_dir)
    writer = await stack.enter_async_context(_writer(site, trust))
    names = [each.camera for each in settings.cameras]
    terms = await TermsKeeper.opened(TermsFile(site.enrolment), trust, writer, names)
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
    hits = HitPath(who.city, writer, desk, lookback, options.progress, terms=terms)
    hotlist = await _hotlist(site, trust, writer, hits, terms)
    delivery = _delivery(site, trust, writer, hotlist)
    watched = [CameraId(each.camera) for each in settings.cameras]
    scenes = SceneWatch(watched, writer, desk.thumbnail, settings.data_dir, settings.scenes)
    cameras = Cameras(
        settings, models.vision, hits, clock=writer.time.now, progress=options.progress, glance=scenes.see, terms=terms
    )
    alarms = AlarmSources(settings, writer, options.progress, terms)
    _obey(terms, cameras, hits, hotlist, alarms)
    renewer = Renewer(
        site.enrolment, writer.time, delivery.state, delivery.try_papers, settings.renewal, signal=alarms.hand_in
    )
    acceptances = AcceptanceKeeper(writer, scenes, cameras.stats, settings.data_dir, versions)
    return Box(
        settings.data_dir, writer, delivery, hotlist, hits, desk, cameras, versions, site.hardening, renewer, scenes,
        alarms, acceptances, terms,
    )  # fmt: skip


def _obey(terms: TermsKeeper, cameras: Cameras, hits: HitPath, hotlist: HotlistReceiver, alarms: AlarmSources) -> None:
    """Have the parts do what follows when a company's terms allow less than they did, or more."""

    async def closed(camera: str) -> None:
        cameras.forget(camera)
        await alarms.lose(camera)

    def changed() -> None:
        if not terms.may_hold_list():
            hits.forget()
        hotlist.look_again()

    terms.on_closed, terms.on_changed, terms.signal = closed, changed, alarms.hand_in


def _writer(site: Site, trust: TrustFile) -> Writer:
    settings, enrolment, options = site.settings, site.enrolment, site.options
    bounds, pace = settings.outbox, settings.delivery
    limits = Limits(bounds.max_rows, bounds.max_mb * _MB, bounds.max_dead_letters)
    windows = Windows(urgent=pace.urgent_window, ordinary=pace.ordinary_window, bulk=pace.piece_window)
    schedule = Schedule(Pace(pace.resend_first_s, pace.resend_most_s), windows, random.Random())  # noqa: S311  jitter

    def open_outbox() -> Outbox:
        path = settings.data_dir / "outbox.db"
        return Outbox.open(path, enrolment.who, enrolment.signer, limits, step=options.step)

    return Writer(open_outbox, schedule, options.wall_clock, root_said_ms=trust.store.created_ms)


async def _hotlist(site: Site, trust: TrustFile, writer: Writer, hits: HitPath, terms: TermsKeeper) -> HotlistReceiver:
    settings, enrolment = site.settings, site.enrolment
    allowed = at_rest(settings.hotlist.at_rest, is_partner=terms.holding.is_partner)
    shelf = await asyncio.to_thread(open_shelf, allowed, enrolment.folder, settings.data_dir)
    log.info("hotlist_at_rest", allowed=allowed, place=shelf.place)

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
        shelf=shelf,
        may_hold=terms.may_hold_list,
    )


def _delivery(site: Site, trust: TrustFile, writer: Writer, hotlist: HotlistReceiver) -> Delivery:
    async def on_manifest(raw: bytes) -> None:
        hotlist.take_manifest(raw)

    return Delivery(
        enrolment=site.enrolment,
        trust=trust,
        writer=writer,
        settings=site.settings.delivery,
        versions=_versions(site.models.vision),
        on_manifest=on_manifest,
        on_trust=lambda: hotlist.take_trust(trust.store),
        step=site.options.step,
    )
