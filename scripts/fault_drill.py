"""Kill parts of the running city, at every named step and at random, and count what became of each hit.

    .venv/bin/python scripts/fault_drill.py --kills 40 --seed 7

In each round a box plays the same short street video while one thing is killed with -9: the agent, the broker, the
aggregator or the database; at a named crash point between two durable effects, or at a moment of the seed's choosing.
What was killed is started again, a killed agent is left to finish what its outbox holds, and the next round begins.

The ledger is kept outside the agent. A play that reached the video's end owes every hit of the video's own script,
once. A play that was killed owes each hit it had announced, once. And every message that a box gave a place in its
order must be stored, or its loss be told. The last line is one JSON object; lost or doubled hits make the exit code 1.
"""

import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import cyclopts
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from stack.city import Box, LocalCity
from stack.measure import events, sent, stored
from stack.process import Program, StackError
from street.plates import PlateClass, draw_plates
from street.render import render_street
from street.script import StreetScript
from street.traffic import Wish
from typing_extensions import override

from aggregator.service.run import STEPS as AGGREGATOR_STEPS
from edge_agent.service.run import STEPS as AGENT_STEPS

ROOT = Path(__file__).resolve().parent.parent
CRASH_KEY = "ATALAYA_CRASH_AT"
RANDOM_VICTIMS = ("agent", "broker", "aggregator", "database")
PLAY_S, ROUND_LIMIT_S = 8.0, 150.0

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
"""

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


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


@dataclass(slots=True)
class Ledger:
    """What is owed: by (epoch, plate), how often. Kept here, never by the agent."""

    owed: Counter[tuple[int, str]] = field(default_factory=Counter)

    def completed(self, epoch: int, script: StreetScript) -> None:
        """A play reached the end of the video."""
        self.owed.update((epoch, plate) for plate in script.expected_hits)

    def cut_short(self, epoch: int, announced: list[str]) -> None:
        """A play was killed after announcing these hits."""
        self.owed.update((epoch, plate) for plate in set(announced))


@dataclass(slots=True)
class Drill:
    """A city, a box and a video under blows."""

    city: LocalCity
    box: Box
    video: Path
    script: StreetScript
    ledger: Ledger = field(default_factory=Ledger)
    struck: list[Blow] = field(default_factory=list)
    missed: list[Blow] = field(default_factory=list)

    def round(self, blow: Blow) -> None:
        """One play under one blow, and all restarts that it takes to drain the outbox."""
        is_struck = {"agent": self._agent_round, "aggregator": self._aggregator_round}.get(
            blow.victim, self._server_round
        )(blow)
        (self.struck if is_struck else self.missed).append(blow)

    def _agent_round(self, blow: Blow) -> bool:
        agent = self._play(blow.step)
        if blow.step is None:
            self._while_playing(agent, blow.after_s, agent.kill)
        code = agent.wait(ROUND_LIMIT_S)
        self._book(code)
        if code == 0:
            return False
        self._finish(self._play(None))
        return True

    def _aggregator_round(self, blow: Blow) -> bool:
        if blow.step is not None:
            self.city.aggregator.stop()
            self.city.start_aggregator({CRASH_KEY: f"{blow.step}:1"})
        agent = self._play(None)
        if blow.step is None:
            self._while_playing(agent, blow.after_s, self.city.aggregator.kill)
        deadline = time.monotonic() + ROUND_LIMIT_S
        while agent.pid is not None and self.city.aggregator.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        is_struck = self.city.aggregator.pid is None
        if is_struck:
            self.city.start_aggregator()
        self._finish(agent)
        return is_struck

    def _server_round(self, blow: Blow) -> bool:
        agent = self._play(None)
        self._while_playing(agent, blow.after_s, self._kill_broker if blow.victim == "broker" else self._kill_database)
        self._finish(agent)
        return True

    def _kill_broker(self) -> None:
        self.city.broker.kill()
        self.city.start_broker()

    def _kill_database(self) -> None:
        self.city.kill_database()

    def _play(self, step: str | None) -> Program:
        agent = self.city.agent(
            self.box, "--camera", f"cam-1={self.video}", "--exit-when-drained", "--wait-for-hotlist", "60",
            "--no-realtime",
        )  # fmt: skip
        agent.start({CRASH_KEY: f"{step}:1"} if step else None)
        return agent

    def _while_playing(self, agent: Program, after_s: float, strike: Callable[[], None]) -> None:
        """Strike so many seconds after the agent has begun, unless it has ended by then."""
        seen = len(events(self.box.events))
        deadline = time.monotonic() + ROUND_LIMIT_S
        while agent.pid is not None and time.monotonic() < deadline:
            if any(line["event"] == "started" for line in events(self.box.events)[seen:]):
                break
            time.sleep(0.05)
        wait_until = time.monotonic() + after_s
        while agent.pid is not None and time.monotonic() < wait_until:
            time.sleep(0.02)
        strike()

    def _finish(self, agent: Program) -> None:
        code = agent.wait(ROUND_LIMIT_S)
        if code != 0:
            raise StackError(f"the agent ended with {code}; the last it said:\n{agent.tail()}")
        self._book(code)

    def _book(self, code: int) -> None:
        epoch = epoch_of(self.box)
        if code == 0:
            self.ledger.completed(epoch, self.script)
        else:
            hits = [line for line in events(self.box.events) if line["event"] == "hit" and line["epoch"] == epoch]
            self.ledger.cut_short(epoch, [line["plate"] for line in hits])


def epoch_of(box: Box) -> int:
    """The epoch of the agent's last start."""
    with sqlite3.connect(f"file:{box.folder / 'data' / 'outbox.db'}?mode=ro", uri=True) as outbox:
        (epoch,) = outbox.execute("SELECT epoch FROM meta").fetchone()
    outbox.close()
    return int(epoch)


def wanted_traffic(rng: Random) -> list[Wish]:
    """Three vehicles, in both directions, all of them on the hotlist: the more hits, the more there is to lose."""
    plates = draw_plates([PlateClass.PRIVATE, PlateClass.PRIVATE_OLD, PlateClass.TAXI], rng)
    return [Wish(plate, is_on_hotlist=True, is_approaching=n % 2 == 0) for n, plate in enumerate(plates)]


def blows(kills: int, rng: Random) -> Iterator[Blow]:
    """Every crash point once, in an order of the seed's; then random victims at random moments."""
    points = [Blow("agent", step) for step in AGENT_STEPS] + [Blow("aggregator", step) for step in AGGREGATOR_STEPS]
    rng.shuffle(points)
    for number in range(kills):
        if number % 3 != 2 and points:
            yield points.pop()
        else:
            yield Blow(RANDOM_VICTIMS[number // 3 % len(RANDOM_VICTIMS)], after_s=rng.uniform(0.5, 6.0))


@app.default
def main(*, kills: int = 20, seed: int = 1, keep: Path | None = None) -> int:
    """Run the drill.

    Parameters
    ----------
    kills
        How many rounds; 33 or more pass every crash point.
    seed
        Repeats a run: the order of the points, the victims and their moments.
    keep
        Leave the city's folder here, with every log, instead of a temporary one.
    """
    with tempfile.TemporaryDirectory(prefix="atalaya-drill-") as scratch:
        folder = keep or Path(scratch)
        video = folder / "street.mp4"
        with console.status("render the street, found the city, enrol the box"):
            script = render_street(
                video, seconds=PLAY_S, fps=10, size=(1280, 720), seed=seed, vehicles=wanted_traffic(Random(seed))
            )
            city = LocalCity(folder / "stack")
            city.found()
        try:
            drill = _prepared(city, video, script)
            summary = _strike(drill, kills, Random(seed))
        finally:
            city.stop()
    print(json.dumps(summary), flush=True)
    return 0 if not summary["lost"] and not summary["duplicates"] else 1


def _prepared(city: LocalCity, video: Path, script: StreetScript) -> Drill:
    with console.status("start the servers, register, approve the hotlist"):
        city.start_servers()
        city.register("p-012", ["cam-1"])
        box = city.enrol("box-012", "p-012", SETTINGS)
        city.appoint_officers()
        city.want(script.hotlist)
    return Drill(city, box, video, script)


def _strike(drill: Drill, kills: int, rng: Random) -> dict[str, int]:
    with Progress(console=console) as bar:
        task = bar.add_task("kills", total=kills)
        for blow in blows(kills, rng):
            bar.update(task, description=str(blow))
            drill.round(blow)
            bar.advance(task)
    return _judge(drill)


def _judge(drill: Drill) -> dict[str, int]:
    """Hold the city's database against the ledger."""
    found = stored(drill.city)
    have = Counter((hit.epoch, hit.plate) for hit in found.hits)
    owed = drill.ledger.owed
    lost_hits = sum((owed - have).values())
    doubled = sum(count - 1 for count in have.values() if count > 1) + found.messages - found.distinct
    lost_messages = sent(drill.box) - found.distinct - found.told_dropped
    table = Table("victim", "struck", "not reached", box=None)
    for victim in RANDOM_VICTIMS:
        counts = [sum(b.victim == victim for b in blows) for blows in (drill.struck, drill.missed)]
        table.add_row(victim, *map(str, counts))
    console.print(table)
    for blow in drill.missed:
        console.print(f"not reached: {blow}")
    for epoch, plate in sorted((owed - have).elements()):
        console.print(f"[red]lost:[/] {plate} of epoch {epoch}")
    console.print(f"messages given a place by the box: {sent(drill.box)}, stored: {found.distinct}")
    return {
        "kills": len(drill.struck),
        "crash_points": len({blow.step for blow in drill.struck if blow.step}),
        "expected": sum(owed.values()),
        "stored": sum((owed & have).values()),
        "lost": lost_hits + max(lost_messages, 0),
        "duplicates": doubled,
    }


if __name__ == "__main__":
    try:
        sys.exit(app())
    except StackError as error:
        console.print(f"[red]fault drill:[/] {error}")
        sys.exit(1)
