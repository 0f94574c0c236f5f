"""What befalls a fleet over a stretch of time: outages of a tenth of the boxes each, and storms of all at once.

An outage takes the network of its boxes and gives it back; they keep what they say meanwhile. A storm cuts every line
and lets every box dial at once, as after a broker's restart or a failure of the carrier. Drawn beforehand, then played.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from fleet.agent import Agent
from fleet.crowd import Crowd

SHARE: Final = 0.1
_LAST: Final = 0.8  # of the stretch: what begins later would not end within it


@dataclass(frozen=True, slots=True)
class Outage:
    """Boxes without a network, from an instant of the stretch for so long."""

    at_s: float
    lasts_s: float
    agents: tuple[Agent, ...]


@dataclass(frozen=True, slots=True)
class Storm:
    """All boxes at once."""

    at_s: float


def drawn(
    agents: Sequence[Agent], seconds: float, *, outages: int, storms: int, rng: Random
) -> tuple[Outage | Storm, ...]:
    """What will happen, in the order in which it does."""
    struck = max(round(len(agents) * SHARE), 1)
    happening: list[Outage | Storm] = [
        Outage(
            at_s=rng.uniform(0.0, seconds * _LAST / 2), lasts_s=rng.uniform(0.1, 0.4) * seconds,
            agents=tuple(rng.sample(agents, struck)),
        )
        for _ in range(outages)
    ]  # fmt: skip
    happening += [Storm(at_s=seconds * _LAST * (number + 1) / (storms + 1)) for number in range(storms)]
    return tuple(sorted(happening, key=lambda each: each.at_s))


async def play(
    happening: Sequence[Outage | Storm], crowd: Crowd, storm: Callable[[], Awaitable[float]] | None = None
) -> list[float]:
    """Let it happen; seconds that each storm took until every box with a network was back, as `storm` says."""
    storm = storm or crowd.storm
    loop = asyncio.get_running_loop()
    started_s, storms = loop.time(), []
    async with asyncio.TaskGroup() as group:
        for each in happening:
            await asyncio.sleep(max(0.0, started_s + each.at_s - loop.time()))
            match each:
                case Outage():
                    group.create_task(_outage(each), name="outage")
                case Storm():
                    storms.append(await storm())
    return storms


async def _outage(outage: Outage) -> None:
    for agent in outage.agents:
        agent.lose_network()
    await asyncio.sleep(outage.lasts_s)
    for agent in outage.agents:
        agent.find_network()
