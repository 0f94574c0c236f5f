"""A hot box looks less often: the temperature is read every few seconds, and the profile's steps are carried out.

The rule is `core.shedding`. What it says goes to the cameras; each change is a line of the log, so that the report's
`sampled_out` can be understood.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from edge_agent.adapters.health import temperature_mc
from edge_agent.core.profiles import Thermal
from edge_agent.core.shedding import Shedding

READ_EVERY_S: Final = 5.0

log = structlog.get_logger()


class Sheds(Protocol):
    """What can be done less of."""

    def shed(self, *, faces: float, frames: float) -> None:
        """Count faces, and look at frames, so much of what is done when cool."""
        ...


def temperature_c() -> float | None:
    """The hottest sensor, in degrees Celsius."""
    found = temperature_mc()
    return None if found is None else found / 1000


async def cool(
    cameras: Sheds,
    thermal: Thermal,
    *,
    read: Callable[[], float | None] = temperature_c,
    clock: Callable[[], float] = time.monotonic,
    every_s: float = READ_EVERY_S,
) -> None:
    """Until cancelled."""
    state = Shedding()
    while True:
        found = await asyncio.to_thread(read)
        after = state.after(thermal, found, clock())
        if after.steps != state.steps:
            faces, frames = after.share(thermal, "face-count"), after.share(thermal, "frames")
            cameras.shed(faces=faces, frames=frames)
            log.warning("shedding", temperature_c=found, steps=after.steps, faces=faces, frames=frames)
        state = after
        await asyncio.sleep(every_s)
