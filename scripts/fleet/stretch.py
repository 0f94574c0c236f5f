"""A stretch of a day, lived by all boxes of a state and counted: connect, arm, talk through what befalls, drain.

Nothing is believed of the boxes but what they say; what was stored is asked of the cities' databases. Latency is from
the making of a message to the moment its box had the receipt, so the time without a network is in it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from load.spent import Spent
from stack.measure import stored
from stack.state import LocalRegion, LocalState

from fleet import trouble
from fleet.crowd import Crowd, Placed, crowd_of, talking, until
from fleet.day import Day
from fleet.expense import Expense, memory_mb, programs_of
from fleet.spreading import Heralds, Spread, heralds_of
from protocol.messages import Kind

_PASSED_ON_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What is to be simulated."""

    seconds: float
    report_s: float = 60.0
    hour: float = 8.0
    speed: float = 1.0
    wanted_per_million: float = 500.0
    outages: int = 0
    storms: int = 0
    news: tuple[str, ...] = ()
    """Plates, one for each storm, that every city approves in it; boxes then begin with the list of before."""
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    said: int = 0
    lost: int = 0
    duplicates: int = 0
    refused: int = 0
    not_at_region: int = 0
    hits: int = 0
    waited_ms: list[float] = field(default_factory=list)  # sorted
    connected_s: float = 0.0
    armed_s: float = 0.0
    storms_s: list[float] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    drained_s: float = 0.0
    spent: Spent = field(default_factory=lambda: Spent({}, 0.0, 1.0))
    memory_mb: dict[str, float] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Nothing lost, nothing doubled, nothing refused, and all of it at the region if there is one."""
        return not (self.lost or self.duplicates or self.refused or self.not_at_region)


async def live(
    state: LocalState, placed: Mapping[str, Sequence[Placed]], stretch: Stretch, told: Callable[[str], None]
) -> Outcome:
    """Live it; `told` is called with what there is to say, five times a second."""
    outcome, began_s = Outcome(), asyncio.get_running_loop().time()
    day = Day(stretch.hour, stretch.speed, began_s)
    told("officers propose what the storms bring; every box connects" if stretch.news else "every box connects")
    async with (
        heralds_of(state.cities, stretch.news) as heralds,
        crowd_of(
            placed, state.settings(), day, seed=stretch.seed, wanted_per_million=stretch.wanted_per_million,
            is_stocked=bool(stretch.news),
        ) as crowd,
    ):  # fmt: skip
        await crowd.until_online()
        outcome.connected_s = asyncio.get_running_loop().time() - crowd.dialled_s
        told("every box fetches its city's list")
        outcome.armed_s = await until(lambda: all(len(agent.held.index) for agent in crowd.all), "lists on every box")
        await _talk(crowd, heralds, programs_of(state.all), stretch, outcome, told=told)
        told("the last receipts")
        outcome.drained_s = await crowd.until_drained()
        outcome.said, outcome.hits = crowd.said, crowd.taken.stored[Kind.HIT]
        outcome.refused = sum(agent.outbox.buried + agent.refused for agent in crowd.all)
        outcome.waited_ms = sorted(map(float, crowd.taken.waited_ms))
    return outcome


async def _talk(
    crowd: Crowd,
    heralds: Heralds,
    pids: dict[str, int],
    stretch: Stretch,
    outcome: Outcome,
    *,
    told: Callable[[str], None],
) -> None:
    """Let every box talk for the stretch, and longer if trouble lasts longer; the meters run meanwhile."""
    happening = trouble.drawn(
        crowd.all, stretch.seconds, outages=stretch.outages, storms=stretch.storms, rng=Random(stretch.seed)
    )
    expense, started_s = Expense(pids), time.monotonic()
    async with talking(crowd, report_s=stretch.report_s), asyncio.TaskGroup() as group:
        befalls = group.create_task(trouble.play(happening, crowd, lambda: heralds.storm(crowd, pids)), name="trouble")
        while (left_s := started_s + stretch.seconds - time.monotonic()) > 0 or not befalls.done():
            told(
                f"{max(left_s, 0.0):.0f} s left: {crowd.online} boxes connected, {crowd.said:,} messages said, "
                f"{crowd.waiting:,} wait for a receipt, {crowd.taken.stored[Kind.HIT]:,} hits stored"
            )
            await asyncio.sleep(0.2)
    outcome.storms_s, outcome.spreads = befalls.result(), heralds.spreads
    outcome.spent, outcome.memory_mb = expense.spent(time.monotonic() - started_s), memory_mb(pids)


def judge(state: LocalState, outcome: Outcome) -> None:
    """Look for every message in the cities' databases, which nobody else has written to, and then in the region's."""
    found = [stored(city) for city in state.cities.values()]
    outcome.lost = outcome.said - sum(each.distinct for each in found)
    outcome.duplicates = sum(each.messages - each.distinct for each in found)
    if state.region is not None:
        outcome.not_at_region = outcome.said - _passed_on(state.region, outcome.said)


def _passed_on(region: LocalRegion, said: int) -> int:
    """How many messages the region has, once it has all of them or some time has passed."""
    ends_s = time.monotonic() + _PASSED_ON_WITHIN_S
    while (found := stored(region).distinct) < said and time.monotonic() < ends_s:
        time.sleep(1)
    return found
