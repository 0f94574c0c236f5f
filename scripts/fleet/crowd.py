"""All boxes of a state in one event loop: connected, let talk, cut off, and watched.

    async with crowd_of(placed, settings, day, wanted_per_million=500) as crowd:
        await crowd.until_online()

What was said and what was stored is counted here, outside the boxes, and how long each message took to its receipt.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import asyncpg
from load.fleet import LoadBox, enrol_point, now_ms
from stack.process import StackError

from aggregator.adapters import keyfiles
from aggregator.core.registry import Point
from aggregator.settings import Settings
from edge_agent.core.delivery import Row
from fleet.agent import Agent, Heard
from fleet.day import Day, Street
from fleet.layout import Site
from fleet.lists import CityLists, Held
from protocol.keys import PublicKey
from protocol.messages import Kind
from protocol.trust import TrustStore

POLL_S: Final = 0.02
WAIT_S: Final = 300.0
DIAL_EVERY_S: Final = 0.002  # boxes of a new crowd come one after the other; those of a storm do not


@dataclass(frozen=True, slots=True)
class Placed:
    """An enrolled box and where it stands."""

    box: LoadBox
    site: Site


async def enrol(
    dsn: str, settings: Settings, folder: Path, sites: Iterable[Site], told: Callable[[], None] = lambda: None
) -> list[Placed]:
    """Register a city's points and enrol their boxes, telling each."""
    connection, placed = await asyncpg.connect(dsn), []
    try:
        for site in sites:
            point = Point(
                point_id=site.who.point, city_id=site.who.city, name=site.name, latitude=site.latitude,
                longitude=site.longitude,
            )  # fmt: skip
            device = site.who.device
            box = await enrol_point(connection, settings, folder, point, device=device, cameras=site.cameras)
            placed.append(Placed(box, site))
            told()
    finally:
        await connection.close()
    return placed


@dataclass(slots=True)
class Taken:
    """What came back to the boxes."""

    stored: Counter[Kind] = field(default_factory=Counter)
    waited_ms: list[int] = field(default_factory=list)  # from the making of each message to its receipt
    armed: Counter[bytes] = field(default_factory=Counter)  # by the list's hash: how many boxes took it


class Crowd:
    """The boxes. Use `crowd_of`."""

    def __init__(self) -> None:
        """Nobody is here yet."""
        self.agents: dict[str, list[Agent]] = {}
        self.dialled_s = 0.0  # by the loop's clock: when all boxes began to dial
        self.lists: dict[str, CityLists] = {}
        self.taken = Taken()
        self.heard = Heard(self._on_stored, self._on_armed)
        self._watches: list[tuple[str, dict[Agent, float]]] = []

    @property
    def all(self) -> list[Agent]:
        """Every box of every city."""
        return [agent for agents in self.agents.values() for agent in agents]

    @property
    def online(self) -> int:
        """How many are connected."""
        return sum(agent.is_online for agent in self.all)

    @property
    def waiting(self) -> int:
        """How many messages wait for a receipt."""
        return sum(len(agent.outbox) for agent in self.all)

    @property
    def said(self) -> int:
        """How many messages were given a place in an order."""
        return sum(agent.outbox.said for agent in self.all)

    @property
    def brought(self) -> tuple[int, int]:
        """How many lists came to the boxes by delta, and how many whole."""
        brought = [agent.brought for agent in self.all]
        return sum(by_delta for by_delta, _ in brought), sum(whole for _, whole in brought)

    async def until_online(self, limit_s: float = WAIT_S) -> float:
        """Wait until every box that has a network is connected; seconds that it took."""
        missing = "every box to be connected"
        return await until(lambda: all(each.is_online for each in self.all if each.has_network), missing, limit_s)

    async def until_drained(self, limit_s: float = WAIT_S) -> float:
        """Wait until everything is receipted; seconds that it took."""
        return await until(lambda: self.waiting == 0, "receipts for everything", limit_s)

    async def storm(self, limit_s: float = WAIT_S) -> float:
        """Cut every line at once; seconds until every box that has a network is back."""
        before = {agent: agent.connections for agent in self.all if agent.has_network}
        for agent in before:
            agent.drop_line()
        return await until(lambda: all(map(_is_back, before.items())), "every box to be back", limit_s)

    @asynccontextmanager
    async def arming(self, plate: str, limit_s: float = WAIT_S) -> AsyncIterator[dict[Agent, float]]:
        """When (`time.time`) each box first held a list that arms a plate; at the end it waits for the last of them."""
        seen = {agent: time.time() for agent in self.all if agent.held.arms(plate, now_ms())}
        watch = (plate, seen)
        self._watches.append(watch)
        try:
            yield seen
            await until(lambda: len(seen) == len(self.all), "an entry on every box", limit_s)
        finally:
            self._watches.remove(watch)

    def _on_stored(self, _agent: Agent, row: Row) -> None:
        self.taken.stored[row.kind] += 1
        self.taken.waited_ms.append(now_ms() - row.created_ms)

    def _on_armed(self, agent: Agent, held: Held) -> None:
        self.taken.armed[held.sha256] += 1
        for plate, seen in self._watches:
            if agent not in seen and held.arms(plate, now_ms()):
                seen[agent] = time.time()


def all_arm(agents: Iterable[Agent], plate: str) -> bool:
    """Whether each of these boxes would match a plate now."""
    at_ms = now_ms()
    return all(agent.held.arms(plate, at_ms) for agent in agents)


def _is_back(agent_before: tuple[Agent, int]) -> bool:
    agent, before = agent_before
    return not agent.has_network or (agent.is_online and agent.connections > before)


@asynccontextmanager
async def crowd_of(
    placed: Mapping[str, Sequence[Placed]], settings: Mapping[str, Settings], day: Day, *, seed: int = 1,
    wanted_per_million: float = 0.0, is_stocked: bool = False,
) -> AsyncIterator[Crowd]:  # fmt: skip
    """The boxes of each city, all dialling; gone at the end.

    With `is_stocked` the first box of each city fetches its list, and the others begin with that.
    """
    rng, crowd = Random(seed), Crowd()
    for city, those in placed.items():
        crowd.lists[city] = _lists(settings[city])
        streets = [Street(each.site.cameras, wanted_per_million, day, Random(rng.random())) for each in those]
        crowd.agents[city] = [
            _agent(each, settings[city], crowd, street) for each, street in zip(those, streets, strict=True)
        ]
    async with asyncio.TaskGroup() as group:
        tasks: dict[Agent, asyncio.Task[None]] = {}

        def start(agent: Agent) -> None:
            tasks[agent] = group.create_task(agent.run(), name=agent.who.device)

        try:
            if is_stocked:
                await _stock(crowd, start)
            crowd.dialled_s = asyncio.get_running_loop().time()
            for agent in crowd.all:
                if agent not in tasks:
                    start(agent)
                    await asyncio.sleep(DIAL_EVERY_S)
            yield crowd
        finally:
            for task in tasks.values():
                task.cancel()


async def _stock(crowd: Crowd, start: Callable[[Agent], None]) -> None:
    """Let the first box of each city fetch its list, and give it to the others before they start."""
    first = [agents[0] for agents in crowd.agents.values()]
    for agent in first:
        start(agent)
    await until(lambda: all(len(agent.held.index) for agent in first), "a list on a box of each city")
    for agents in crowd.agents.values():
        for agent in agents[1:]:
            agent.hold(agents[0].held)


def _lists(settings: Settings) -> CityLists:
    """What a city's boxes were given when they were enrolled."""
    root = PublicKey.from_spki(keyfiles.read_file(settings.keys.root_spki))
    lists = CityLists(settings.city, TrustStore(root))
    lists.take_trust(keyfiles.read_file(settings.keys.trust_bundle))
    return lists


def _agent(placed: Placed, settings: Settings, crowd: Crowd, street: Street) -> Agent:
    return Agent(placed.box, settings, crowd.lists[settings.city], street, heard=crowd.heard, rng=street.rng)


@asynccontextmanager
async def talking(crowd: Crowd, *, report_s: float) -> AsyncIterator[None]:
    """While every box says what its street makes it say."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(agent.talk(report_s), name=f"{agent.who.device} talk") for agent in crowd.all]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def until(is_so: Callable[[], bool], what: str, limit_s: float = WAIT_S) -> float:
    """Wait for something; seconds that it took. Raises `StackError` that names it."""
    started_s = time.monotonic()
    while not is_so():
        if time.monotonic() - started_s > limit_s:
            raise StackError(f"waited {limit_s:.0f} s in vain for {what}")
        await asyncio.sleep(POLL_S)
    return time.monotonic() - started_s
