"""Kills: in each round a box plays the video while one thing is killed with -9, at a named step or at some moment.

What was killed is started again, a killed agent is left to finish what its outbox holds, and the next round begins.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from stack.measure import events
from stack.process import Program
from typing_extensions import override

from aggregator.service.run import STEPS as AGGREGATOR_STEPS
from drills.scene import ROUND_LIMIT_S, Scene, within
from edge_agent.service.run import STEPS as AGENT_STEPS

CRASH_KEY = "ATALAYA_CRASH_AT"
RANDOM_VICTIMS = ("agent", "broker", "aggregator", "database")
# Alerts and sums follow what was stored: they may come to their step when the agent has its receipts and is gone.
_FOLLOWS_S = 10.0


@dataclass(frozen=True, slots=True)
class Blow:
    """What is killed, and where: at a named step, or so many seconds into the play."""

    victim: str
    step: str | None = None
    after_s: float = 0.0

    @override
    def __str__(self) -> str:
        """For the table."""
        return f"{self.victim} at {self.step}" if self.step else f"{self.victim} after {self.after_s:.1f} s"


def blows(kills: int, rng: Random) -> Iterator[Blow]:
    """Every crash point once, in an order of the seed's; then random victims at random moments."""
    points = [Blow("agent", step) for step in AGENT_STEPS] + [Blow("aggregator", step) for step in AGGREGATOR_STEPS]
    rng.shuffle(points)
    for number in range(kills):
        if number % 3 != 2 and points:
            yield points.pop()
        else:
            yield Blow(RANDOM_VICTIMS[number // 3 % len(RANDOM_VICTIMS)], after_s=rng.uniform(0.5, 6.0))


@dataclass(slots=True)
class Kills:
    """A scene under blows."""

    scene: Scene
    struck: list[Blow] = field(default_factory=list)
    missed: list[Blow] = field(default_factory=list)

    def round(self, blow: Blow) -> None:
        """One play under one blow, and all restarts that it takes to drain the outbox."""
        strike = {"agent": self._agent_round, "aggregator": self._aggregator_round}.get(blow.victim, self._server_round)
        (self.struck if strike(blow) else self.missed).append(blow)

    def _agent_round(self, blow: Blow) -> bool:
        agent = self.scene.play({CRASH_KEY: f"{blow.step}:1"} if blow.step else None)
        if blow.step is None:
            self._while_playing(agent, blow.after_s, agent.kill)
        code = agent.wait(ROUND_LIMIT_S)
        self.scene.ledger.book(self.scene.box, self.scene.script, is_complete=code == 0)
        if code == 0:
            return False
        self.scene.finish(self.scene.play())
        return True

    def _aggregator_round(self, blow: Blow) -> bool:
        city = self.scene.city
        if blow.step is not None:
            city.aggregator.stop()
            city.start_aggregator({CRASH_KEY: f"{blow.step}:1"})
        agent = self.scene.play()
        if blow.step is None:
            self._while_playing(agent, blow.after_s, city.aggregator.kill)
        within(ROUND_LIMIT_S, lambda: agent.pid is None or city.aggregator.pid is None)
        if blow.step is not None:
            within(_FOLLOWS_S, lambda: city.aggregator.pid is None)
        is_struck = city.aggregator.pid is None
        city.aggregator.stop()  # one that was not struck would keep its blow for a later round
        city.start_aggregator()
        self.scene.finish(agent)
        return is_struck

    def _server_round(self, blow: Blow) -> bool:
        agent = self.scene.play()
        strike = self._kill_broker if blow.victim == "broker" else self.scene.city.kill_database
        self._while_playing(agent, blow.after_s, strike)
        self.scene.finish(agent)
        return True

    def _kill_broker(self) -> None:
        self.scene.city.broker.kill()
        self.scene.city.start_broker()

    def _while_playing(self, agent: Program, after_s: float, strike: Callable[[], None]) -> None:
        """Strike so many seconds after the agent has begun, unless it has ended by then."""
        file = self.scene.box.events
        seen = len(events(file))
        within(
            ROUND_LIMIT_S,
            lambda: agent.pid is None or any(line["event"] == "started" for line in events(file)[seen:]),
        )
        strike_at_s = time.monotonic() + after_s
        while agent.pid is not None and time.monotonic() < strike_at_s:
            time.sleep(0.02)
        strike()
