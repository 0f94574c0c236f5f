"""From a hit on a box in one city to the notice at the desk of the city that asked, through the region.

The clock starts when the box has read the plate. It stops with the commit that makes the notice visible, as PostgreSQL
itself keeps it, in the database of the city whose officers listed the vehicle. The hit's own city is asked the same of
its alert, so that what the region adds can be told from what a city takes anyway.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from fleet.crowd import Crowd
from stack.process import StackError

from aggregator.adapters.database import Pool
from federating.officers import Officers

EVERY_S: Final = 0.1
LIMIT_S: Final = 60.0
NOTICES: Final = """
SELECT hit, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at_s FROM notice WHERE hit = ANY ($1)
"""
ALERTS: Final = """
SELECT event AS hit, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at_s
  FROM alert_sighting WHERE event = ANY ($1)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit under way: when its plate was read, in which city, and which city asked."""

    hash: bytes
    at_s: float
    city: str
    asked_by: str


@dataclass(slots=True)
class Crossed:
    """Milliseconds of each hit: to the notice in the city that asked, and to the alert in its own. Sorted."""

    notice_ms: list[float] = field(default_factory=list)
    alert_ms: list[float] = field(default_factory=list)


async def cross(
    crowd: Crowd, officers: Mapping[str, Officers], plates: Sequence[tuple[str, str]], rng: Random,
    told: Callable[[], None],
) -> Crossed:  # fmt: skip
    """Have each plate (and whose it is) read by a box of another city, ten a second, and wait for all of it."""
    seen = []
    for plate, owner in plates:
        city = rng.choice([name for name in officers if name != owner])
        at_s, sent = time.time(), rng.choice(crowd.agents[city]).see(plate)
        if sent is None:
            raise StackError(f"a box of {city} does not match what {owner} listed")
        seen.append(Seen(sent, at_s, city, owner))
        told()
        await asyncio.sleep(EVERY_S)
    notices = await _committed({each.hash: officers[each.asked_by].pool for each in seen}, NOTICES, "notices")
    alerts = await _committed({each.hash: officers[each.city].pool for each in seen}, ALERTS, "alerts")
    return Crossed(
        sorted((notices[each.hash] - each.at_s) * 1000 for each in seen),
        sorted((alerts[each.hash] - each.at_s) * 1000 for each in seen),
    )


async def _committed(wanted: Mapping[bytes, Pool], query: str, what: str) -> dict[bytes, float]:
    """When each was committed in the database where it is to be; raises `StackError` if one never is."""
    found: dict[bytes, float] = {}
    by_pool: dict[Pool, list[bytes]] = {}
    for each, pool in wanted.items():
        by_pool.setdefault(pool, []).append(each)
    ends_s = time.monotonic() + LIMIT_S
    while len(found) < len(wanted):
        for pool, hashes in by_pool.items():
            found |= {row["hit"]: row["at_s"] for row in await pool.fetch(query, hashes)}
        if time.monotonic() > ends_s:
            raise StackError(f"{len(wanted) - len(found)} of {len(wanted)} {what} were not there after {LIMIT_S:.0f} s")
        await asyncio.sleep(0.05)
    return found
