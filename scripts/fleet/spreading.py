"""An entry that every city approves in the very moment of a storm, and how it comes to the boxes that were cut off.

All lines are cut and all second officers sign at once. A box comes back to the old manifest or to the new one, as it
happens, and has to arm the entry either way: by the delta from the list that it holds, or with the whole list. It ends
when the last box of the state has armed it, those included that had no network. What was spent is counted up to the
last that had one.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from load.spent import Spent
from stack.city import LocalCity
from stack.measure import percentile

from fleet.crowd import Crowd, until
from fleet.desks import Desks, desks_of
from fleet.expense import Expense


@dataclass(frozen=True, slots=True)
class News:
    """A plate, proposed in every city; the batch that waits in each for its second signature."""

    plate: str
    batches: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How an entry spread. Seconds count from the cut; of boxes, those that had a network."""

    approved_s: float
    """Until the last city had committed its approval."""
    back_s: float
    """Until the last box was connected again."""
    armed_s: tuple[float, ...]
    """Until each box had armed it, sorted."""
    by_delta: int
    whole: int
    without_network: int
    """How many boxes had none, and armed it later."""
    spent: Spent

    @property
    def last_armed_s(self) -> float:
        """Until the last of them had armed it."""
        return self.armed_s[-1]

    def told(self) -> dict[str, object]:
        """What a line of JSON says of it."""
        return {
            "boxes": len(self.armed_s), "without_network": self.without_network, "by_delta": self.by_delta,
            "whole": self.whole, "approved_s": round(self.approved_s, 2), "back_s": round(self.back_s, 2),
            "armed_s_p50": round(percentile([*self.armed_s], 50) or 0.0, 2),
            "armed_s_last": round(self.last_armed_s, 2),
            "cpu_s": {name: round(part_s, 2) for name, part_s in self.spent.parts.items()},
            "idle_cpu_s": round(self.spent.idle_s, 2),
        }  # fmt: skip


@dataclass(slots=True)
class Heralds:
    """What storms bring, one piece of news each while there is any, and how it spread. Use `heralds_of`."""

    desks: Desks | None = None
    waiting: deque[News] = field(default_factory=deque)
    spreads: list[Spread] = field(default_factory=list)

    async def storm(self, crowd: Crowd, pids: Mapping[str, int]) -> float:
        """A storm, with the next news if there is any; seconds until every box was back."""
        if self.desks is None or not self.waiting:
            return await crowd.storm()
        self.spreads.append(await spread(crowd, self.desks, self.waiting.popleft(), pids))
        return self.spreads[-1].back_s


@asynccontextmanager
async def heralds_of(cities: Mapping[str, LocalCity], plates: Sequence[str]) -> AsyncIterator[Heralds]:
    """Every plate proposed in every city, to be approved in a storm of its own."""
    if not plates:
        yield Heralds()
        return
    async with desks_of(cities) as desks:
        yield Heralds(desks, deque([News(plate, await desks.propose(plate)) for plate in plates]))


async def spread(crowd: Crowd, desks: Desks, news: News, pids: Mapping[str, int]) -> Spread:
    """Cut every line, approve the entry, wait until every box has armed it."""
    before = crowd.brought
    async with crowd.arming(news.plate) as seen:
        expense, cut_s = Expense({**pids, "officers": desks.pid}), time.time()
        async with asyncio.TaskGroup() as group:
            signing = group.create_task(desks.approve(news.batches), name="second officers")
            storm = group.create_task(crowd.storm(), name="storm")
        await until(lambda: all(each in seen for each in crowd.all if each.has_network), "the entry on every box")
        spent = expense.spent(time.time() - cut_s)
        armed_s = tuple(sorted(at_s - cut_s for agent, at_s in seen.items() if agent.has_network))
    by_delta, whole = (now - then for now, then in zip(crowd.brought, before, strict=True))
    return Spread(
        approved_s=max(signing.result().values()) - cut_s, back_s=storm.result(), armed_s=armed_s, by_delta=by_delta,
        whole=whole, without_network=len(crowd.all) - len(armed_s), spent=spent,
    )  # fmt: skip
