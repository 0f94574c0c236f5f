"""The composition of the agent: what is opened, in which order, and what outlives what.

Sinks outlive sources. Outermost the outbox, then delivery and the hotlist, then the pictures and the hits, innermost
the cameras and the reports. At the end the cameras stop first; the hits they led to are committed, their pictures made
within a time limit, a last report written, and delivery is given `stop_drain_s` to get receipts for it all. A task
that crashes ends the service; systemd starts it again, and the outbox makes that safe.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

import structlog

from edge_agent.adapters import outbox as outbox_adapter
from edge_agent.adapters.control_socket import NAME, serving
from edge_agent.adapters.hardening import harden
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.systemd import Supervisor
from edge_agent.core.lookback import Lookback
from edge_agent.errors import OutboxBroken
from edge_agent.service import delivery as delivery_service
from edge_agent.service import pictures as pictures_service
from edge_agent.service.assembly import Options, Site, assemble, open_models
from edge_agent.service.cooling import cool
from edge_agent.service.hits import HitPath
from edge_agent.service.reports import Reporter
from edge_agent.service.status import Box
from edge_agent.service.tasks import background, either, within
from edge_agent.service.watchdog import feel, watch
from edge_agent.settings import Settings

STEPS: Final = (*outbox_adapter.STEPS, *delivery_service.STEPS, *pictures_service.STEPS)
"""Every named step of the agent's durable paths, for drills."""
HITS_END_S: Final = 10.0
PICTURES_END_S: Final = 20.0
EXPIRE_EVERY_S: Final = 1.0

log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event, options: Options | None = None) -> None:
    """Run the agent of an enrolled box until `stop`; raises an `EdgeError` that says what to do."""
    options = options or Options()
    enrolment = load_enrolment(settings.identity_dir)
    prepare_data_dir(settings)
    hardening = harden(lock_memory=settings.lock_memory)
    log.info("hardened", memory_locked=hardening.memory_locked, why_not=hardening.why_not)
    models = await asyncio.to_thread(open_models, settings.inference, len(settings.cameras))
    async with AsyncExitStack() as stack:
        box = await assemble(stack, Site(settings, enrolment, models, hardening, options))
        await stack.enter_async_context(
            serving(settings.data_dir / NAME, {"status": box.status, "renew": box.renewer.answer})
        )
        supervisor = Supervisor.of()
        supervisor.ready()
        options.progress("started", device=enrolment.who.device, versions=list(box.versions))
        async with background(
            delivery=box.delivery.run(),
            hotlist=box.hotlist.run(),
            renewal=box.renewer.run(),
            watchdog=watch(lambda: feel(box), supervisor),
        ):
            await _work(box, settings, stop, options)
            supervisor.stopping()
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


async def _work(box: Box, settings: Settings, stop: asyncio.Event, options: Options) -> None:
    """From the first frame to the last report. What is not done in time is done by the next run."""
    async with background(
        pictures=box.desk.run(),
        hits=box.hits.run(),
        lookback=_expire(box.hits.lookback),
        scenes=box.scenes.run(box.cameras.stats),
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
