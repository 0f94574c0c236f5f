"""The composition of the agent: what is opened, in which order, and what outlives what.

Sinks outlive sources. Outermost the outbox, then delivery and the hotlist, then the pictures and the hits, innermost
the cameras and the reports. At the end the cameras stop first; the hits they led to are committed, their pictures made
within a time limit, a last report written, and delivery is given `stop_drain_s` to get receipts for it all. A task
that crashes ends the service; systemd starts it again, and the outbox makes that safe.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from edge_agent.adapters import outbox as outbox_adapter
from edge_agent.adapters.control_socket import NAME, Answer, serving
from edge_agent.adapters.hardening import harden
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.signed_settings import InForce, LocalFile
from edge_agent.adapters.systemd import Supervisor
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.core.lookback import Lookback
from edge_agent.errors import OutboxBroken
from edge_agent.http.metrics import serving_metrics
from edge_agent.service import delivery as delivery_service
from edge_agent.service import pictures as pictures_service
from edge_agent.service import rollout as rollout_service
from edge_agent.service.assembly import Options, Site, assemble, open_models, without_demonstrations
from edge_agent.service.cooling import cool
from edge_agent.service.figures import figures_of
from edge_agent.service.hits import HitPath
from edge_agent.service.reports import Reporter
from edge_agent.service.rollout import Rollout
from edge_agent.service.status import Box
from edge_agent.service.tasks import background, either, within
from edge_agent.service.watchdog import feel, watch, watch_start
from edge_agent.settings import Settings

STEPS: Final = (*outbox_adapter.STEPS, *delivery_service.STEPS, *pictures_service.STEPS, *rollout_service.STEPS)
"""Every named step of the agent's durable paths, for drills."""
HITS_END_S: Final = 10.0
PICTURES_END_S: Final = 20.0
EXPIRE_EVERY_S: Final = 1.0
ANSWER_FIRST_S: Final = 1.0

log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event, options: Options | None = None) -> bool:
    """Run the agent of an enrolled box until `stop`; raises an `EdgeError` that says what to do.

    True if it ended because other settings are to hold from now on, and wants to be run again under them.
    """
    options = options or Options()
    enrolment = load_enrolment(settings.identity_dir)
    if TermsFile(enrolment).is_partner:
        settings, options = without_demonstrations(settings, options)
    prepare_data_dir(settings)
    hardening = harden(lock_memory=settings.lock_memory)
    log.info("hardened", memory_locked=hardening.memory_locked, why_not=hardening.why_not)
    supervisor = Supervisor.of()
    async with background(watchdog=watch_start(supervisor)):
        models = await asyncio.to_thread(open_models, settings.inference, len(settings.cameras))
    async with AsyncExitStack() as stack:
        box = await assemble(stack, Site(settings, enrolment, models, hardening, options))
        rollout = join(box, options)
        ending = asyncio.Event()
        answers: dict[str, Answer] = {
            "status": box.status,
            "renew": box.renewer.answer,
            "accept": box.acceptances.accept,
            "reload": partial(_reload, rollout),
        }
        await stack.enter_async_context(serving(settings.data_dir / NAME, answers))
        await stack.enter_async_context(serving_metrics(partial(figures_of, box), settings.metrics.port))
        supervisor.ready()
        options.progress("started", device=enrolment.who.device, versions=list(box.versions))
        async with background(
            delivery=box.delivery.run(),
            hotlist=box.hotlist.run(),
            renewal=box.renewer.run(),
            move=_start_again_when(box.renewer.moved, rollout.restart),
            company=_start_again_when(box.terms.turned, rollout.restart),
            settings=rollout.run(),
            terms=box.terms.run(),
            watchdog=watch(lambda: feel(box), supervisor),
            ending=_end(stop, rollout.restart, ending),
        ):
            await _work(box, settings, ending, options)
            if not rollout.restart.is_set():  # systemd would kill what says that it stops and does not
                supervisor.stopping()
            await _drain(box, settings, ending, options)
        options.progress("ended", unreceipted=len(box.writer.schedule), hits_lost=box.hits.lost)
        return rollout.restart.is_set()


async def _start_again_when(changed: asyncio.Event, restart: asyncio.Event) -> None:
    """Run anew as what the box has become. Whoever asked for the renewal that told of it is answered before."""
    await changed.wait()
    await asyncio.sleep(ANSWER_FIRST_S)
    restart.set()


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for the agent alone."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise OutboxBroken(
            f"{settings.data_dir}: cannot be made: {exc.strerror}; set data_dir in the settings"
        ) from exc


async def _work(box: Box, settings: Settings, stop: asyncio.Event, options: Options) -> None:
    """From the first frame to the last report. What is not done in time is done by the next run."""
    async with background(
        pictures=box.desk.run(),
        hits=box.hits.run(),
        lookback=_expire(box.hits.lookback),
        scenes=box.scenes.run(box.cameras.stats),
        alarms=box.alarms.run(),
        acceptance=box.acceptances.run(),
    ):
        await _wait_for_hotlist(box.hits, stop, options.wait_for_hotlist_s)
        async with box.cameras:
            reporter = Reporter(box, settings.report_interval_s)
            async with background(
                reports=reporter.run(), cooling=cool(box.cameras, box_profile(settings.profile).thermal)
            ):
                await box.cameras.run(stop)
                if not options.exit_when_drained:
                    await stop.wait()
            await within(HITS_END_S, box.hits.settled(), "hits_left_in_memory")
            await within(HITS_END_S, box.alarms.settled(), "alarms_left_in_memory")
            await within(PICTURES_END_S, box.desk.settled(), "pictures_left")
            await reporter.report()


async def _drain(box: Box, settings: Settings, stop: asyncio.Event, options: Options) -> None:
    """Give delivery time to get receipts; without limit, up to `stop`, if that is what the run is for."""
    if options.exit_when_drained:
        await either(box.writer.is_empty, stop)
    await within(settings.delivery.stop_drain_s, box.writer.is_empty.wait(), "outbox_not_drained")


def join(box: Box, options: Options) -> Rollout:
    """The box's signed settings, joined to what brings them and to who asks for them."""
    in_force = options.in_force or InForce(Settings(), LocalFile(Path(), {}))
    told, trust = box.delivery.on_trust, box.delivery.trust
    rollout = Rollout(in_force, lambda: trust.store, box.writer, box.delivery.state, box.cameras, options.step)

    def on_trust() -> None:
        told()
        rollout.trusted()
        box.terms.trusted()

    box.delivery.on_terms = box.terms.take
    box.delivery.on_settings, box.delivery.on_trust, box.rollout = rollout.take, on_trust, rollout
    return rollout


async def _reload(rollout: Rollout) -> dict[str, Any]:  # `Any`: JSON
    """A technician changed the cameras or the buttons: end in order and begin anew with them."""
    log.info("reloading")
    rollout.restart.set()
    return {"reloading": True}


async def _end(stop: asyncio.Event, restart: asyncio.Event, ending: asyncio.Event) -> None:
    """The run ends when it is told to, or when other settings are to hold."""
    await either(stop, restart)
    ending.set()


async def _expire(lookback: Lookback) -> None:
    """Forget reads in time on a quiet street too."""
    while True:
        lookback.expire(time.monotonic())
        await asyncio.sleep(EXPIRE_EVERY_S)


async def _wait_for_hotlist(hits: HitPath, stop: asyncio.Event, limit_s: float) -> None:
    if limit_s > 0:
        await either(hits.armed, stop, limit_s=limit_s)
        log.info("hotlist_waited_for", is_armed=hits.armed.is_set())
