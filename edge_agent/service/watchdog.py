"""Feeds systemd's watchdog while the agent works, and only then (`core.watchdog` says when it does).

Each turn asks the cameras' counts and the outbox's thread, so an event loop, an inference or a disk that hangs ends the
feeding. systemd then kills the agent and starts it again; the outbox makes that safe.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from edge_agent.adapters.systemd import Supervisor
from edge_agent.core.watchdog import STUCK_S, Progress, Pulse
from edge_agent.service.status import Box
from protocol.messages import CameraState

log = structlog.get_logger()

Feel = Callable[[], Awaitable[tuple[Pulse, str]]]
"""The pulse, and a line for `systemctl status`; a part that hangs never answers."""
_IDLE: Final = Pulse(0, 0)
START_S: Final = 300.0
"""As long as the unit's `TimeoutStartSec`: a GPU compiles its kernels for minutes the first time."""


async def watch(feel: Feel, supervisor: Supervisor) -> None:
    """Feed until cancelled, if anybody watches."""
    if supervisor.feed_every_s is None:
        return
    progress = Progress(_IDLE, time.monotonic())
    while True:
        try:
            async with asyncio.timeout(STUCK_S):
                pulse, status = await feel()
        except TimeoutError:
            supervisor.stuck("a part of the agent does not answer")
            log.warning("watchdog_starves", what="no_answer")
            continue
        progress = progress.seen(pulse, time.monotonic())
        if progress.is_stuck(time.monotonic()):
            supervisor.stuck(f"frames wait and none is looked at: {status}")
            log.warning("watchdog_starves", what="frames_wait", wanted=pulse.wanted, looked_at=pulse.looked_at)
        else:
            supervisor.feed(status)
        await asyncio.sleep(supervisor.feed_every_s)


async def watch_start(supervisor: Supervisor) -> None:
    """Feed while the models are loaded, which a new start under other settings does as well; not without end."""
    ends_s = time.monotonic() + START_S
    while supervisor.feed_every_s is not None and time.monotonic() < ends_s:
        supervisor.feed("loading the models")
        await asyncio.sleep(supervisor.feed_every_s)


async def feel(box: Box) -> tuple[Pulse, str]:
    """The pulse of a running agent."""
    held = await box.writer.holdings()
    cameras = box.cameras.snapshot().cameras.values()
    wanted = sum(counts.frames_in - counts.sampled_out for _, counts in cameras)
    looked_at = sum(counts.processed for _, counts in cameras)
    live = sum(state is CameraState.LIVE for state, _ in cameras)
    link = "connected" if box.delivery.state.is_connected else "not connected"
    return Pulse(wanted, looked_at), f"{live} of {len(cameras)} cameras live, {link}, {held.rows} messages waiting"
