"""A city, a box and a street video: what every drill plays with."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from stack.city import Box, LocalCity
from stack.measure import events
from stack.process import Program, StackError
from street.plates import PlateClass, draw_plates
from street.script import StreetScript
from street.traffic import Wish

from drills.ledger import Ledger, Outcome

ROOT = Path(__file__).resolve().parents[2]
PLAY_S = 8.0
ROUND_LIMIT_S = 300.0  # a play takes ten to twenty seconds; a machine busy with other things, several times that
SETTINGS = f"""
report_interval_s = 2.0
lock_memory = false

[inference]
models_dir = "{ROOT / "models"}"
precision = "f32"
threads = 0

[delivery]
resend_first_s = 0.5
resend_most_s = 4.0
reconnect_most_s = 2.0
keepalive_s = 3
"""


def wanted_traffic(rng: Random) -> list[Wish]:
    """Three vehicles, in both directions, all of them on the hotlist: the more hits, the more there is to lose."""
    plates = draw_plates([PlateClass.PRIVATE, PlateClass.PRIVATE_OLD, PlateClass.TAXI], rng)
    return [Wish(plate, is_on_hotlist=True, is_approaching=n % 2 == 0) for n, plate in enumerate(plates)]


def until(is_so: Callable[[], bool], what: str, limit_s: float = ROUND_LIMIT_S) -> None:
    """Wait for something; raises `StackError` that names it."""
    if not within(limit_s, is_so):
        raise StackError(f"waited {limit_s:.0f} s in vain for: {what}")


def within(limit_s: float, is_so: Callable[[], bool]) -> bool:
    """Whether something came to be in time."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@dataclass(frozen=True, slots=True)
class Journal:
    """What a program has logged since a moment."""

    file: Path
    since: int

    @classmethod
    def from_now(cls, file: Path) -> "Journal":
        """From the file's end on."""
        return cls(file, file.stat().st_size if file.exists() else 0)

    def says(self, word: str) -> bool:
        """Whether a word was logged since."""
        return self.count(word) > 0

    def count(self, word: str) -> int:
        """How often a word was logged since."""
        if not self.file.exists():
            return 0
        with self.file.open("rb") as log:
            log.seek(self.since)
            return log.read().count(word.encode())


@dataclass(slots=True)
class Scene:
    """Plays the video through the box's agent and books what is then owed."""

    city: LocalCity
    box: Box
    video: Path
    script: StreetScript
    rng: Random
    ledger: Ledger = field(default_factory=Ledger)
    agents: list[Program] = field(default_factory=list)
    outcome: Outcome | None = None

    def agent(self, box: Box | None = None, program: Sequence[str] = ()) -> Program:
        """The agent that will play the video as fast as it can, then drain its outbox and end."""
        agent = self.city.agent(
            box or self.box, "--camera", f"cam-1={self.video}", "--exit-when-drained", "--wait-for-hotlist", "60",
            "--no-realtime", program=program,
        )  # fmt: skip
        self.agents.append(agent)
        return agent

    def play(self, crash_at: dict[str, str] | None = None) -> Program:
        """Start it."""
        agent = self.agent()
        agent.start(crash_at)
        return agent

    def play_up_to_the_first_frame(self, program: Sequence[str] = ()) -> Program:
        """Start it, and wait until it has the hotlist: the first car is a second away."""
        journal = Journal.from_now(self.box.folder / "agent.log")
        agent = self.agent(program=program)
        agent.start()
        self.await_first_frame(agent, journal)
        return agent

    def await_first_frame(self, agent: Program, journal: Journal) -> None:
        """Wait until an agent has waited for its hotlist."""
        has_begun = within(ROUND_LIMIT_S, lambda: journal.says("hotlist_waited_for") or agent.pid is None)
        if agent.pid is None or not has_begun:
            agent.kill()
            raise StackError(f"the agent did not begin; the last it said:\n{agent.tail()}")

    def finish(self, agent: Program) -> None:
        """Let it end by itself, and book the whole video."""
        has_ended = within(ROUND_LIMIT_S, lambda: agent.pid is None)
        if not has_ended:
            agent.kill()
        code = agent.wait(ROUND_LIMIT_S)
        if code != 0:
            how = f"ended with {code}" if has_ended else f"had not drained its outbox in {ROUND_LIMIT_S:.0f} s"
            last = f"{agent.tail()}\nand the aggregator:\n{self.city.aggregator.tail(5)}"
            raise StackError(f"the agent {how}; the last it said:\n{last}")
        self.ledger.book(self.box, self.script, is_complete=True)

    def announced(self) -> int:
        """How many hits the box has announced so far."""
        return sum(line["event"] == "hit" for line in events(self.box.events))

    def judge(self) -> Outcome:
        """Hold the city's database against the ledger; the first verdict stands."""
        if self.outcome is None:
            self.outcome = self.ledger.judge(self.city, self.box)
        return self.outcome

    def end(self) -> None:
        """Whatever still runs of it is killed."""
        for agent in self.agents:
            agent.kill()
