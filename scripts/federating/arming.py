"""From an approval in one city to every box of every city: entry after entry, each city's officers by turns.

The clock starts before the second officer signs and stops when the last box of the state would match the plate. So the
signature, the commit, the way up, the region's log, the way down, each city's new list and each box's delta are in it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fleet.crowd import Crowd

from federating.officers import Officers


@dataclass(slots=True)
class Armed:
    """Milliseconds of each entry: to the last box of the city that asked, and to the last of all."""

    own_ms: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)
    by_delta: int = 0
    whole: int = 0

    @property
    def share_by_delta(self) -> float:
        """How many of the lists that boxes fetched came by delta."""
        return self.by_delta / max(self.by_delta + self.whole, 1)


async def arm(crowd: Crowd, officers: Sequence[Officers], plates: Sequence[str], told: Callable[[], None]) -> Armed:
    """Arm every plate, one after the other."""
    armed, before = Armed(), crowd.brought
    for number, plate in enumerate(plates):
        city = officers[number % len(officers)]
        batch = await city.propose(plate)
        async with crowd.arming(plate) as seen:
            started_s = time.time()
            await city.approve(batch)
        armed.all_ms.append(_last_ms(seen.values(), started_s))
        armed.own_ms.append(_last_ms((seen[agent] for agent in crowd.agents[city.city]), started_s))
        told()
    armed.own_ms.sort()
    armed.all_ms.sort()
    armed.by_delta, armed.whole = (now - then for now, then in zip(crowd.brought, before, strict=True))
    return armed


def _last_ms(at_s: Iterable[float], started_s: float) -> float:
    return (max(at_s) - started_s) * 1000
