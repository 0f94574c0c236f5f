"""Break parts of a running city on purpose, and count what became of each hit.

    .venv/bin/python scripts/fault_drill.py --kills 40 --seed 7
    .venv/bin/python scripts/fault_drill.py --faults all --seed 7
    .venv/bin/python scripts/fault_drill.py --faults clock-jumps,cloned-box

Kills: agent, broker, aggregator or database are killed with -9, at every named step between two durable effects and at
moments of the seed's choosing. Faults: disks fill up, the database refuses or fails over, the broker's queue overflows,
clocks jump, a box is cloned, the line is bad; each with the claims that the system makes about it.

The ledger is kept outside the agent (scripts/drills/ledger.py). The last line is one JSON object; a hit that is lost or
doubled, or a claim that does not hold, makes the exit code 1. docs/drills.md tells how to read what is printed.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

import cyclopts
from drills.disks import NotPossible
from drills.faults import FAULTS, Claims
from drills.kills import RANDOM_VICTIMS, Kills, blows
from drills.ledger import Outcome
from drills.scene import PLAY_S, SETTINGS, Scene, wanted_traffic
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from stack.city import LocalCity
from stack.process import StackError
from street.render import render_street
from street.script import StreetScript

POINT = "p-012"

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(frozen=True, slots=True)
class Stage:
    """A city that runs, and a street video with its script."""

    city: LocalCity
    video: Path
    script: StreetScript

    def scene(self, device: str, rng: Random) -> Scene:
        """A new box at the city's point."""
        return Scene(self.city, self.city.enrol(device, POINT, SETTINGS), self.video, self.script, rng)

    def put_right(self) -> None:
        """Start again what a fault left stopped."""
        if self.city.broker.pid is None:
            self.city.start_broker()
        if self.city.aggregator.pid is None:
            self.city.start_aggregator()


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one fault."""

    name: str
    claims: Claims
    outcome: Outcome
    seconds: float
    trouble: str = ""
    is_skipped: bool = False

    @property
    def is_held(self) -> bool:
        """Every claim held, nothing was lost or doubled."""
        return not self.trouble and all(self.claims.values()) and self.outcome.is_whole


@app.default
def main(*, kills: int | None = None, faults: str | None = None, seed: int = 1, keep: Path | None = None) -> int:
    """Run a drill: kills (20, if nothing is said) or faults.

    Parameters
    ----------
    kills
        How many rounds; 37 or more pass every crash point.
    faults
        `all`, or names with commas between them.
    seed
        Repeats a run: the video, the order, the victims and their moments.
    keep
        Leave the city's folder here, with every log, instead of a temporary one.
    """
    chosen = chosen_faults(faults) if faults is not None else ()
    with tempfile.TemporaryDirectory(prefix="atalaya-drill-") as scratch, _stage(keep or Path(scratch), seed) as stage:
        if chosen:
            summary, is_good = _run_faults(stage, chosen, seed)
        else:
            summary, is_good = _run_kills(stage, 20 if kills is None else kills, seed)
    print(json.dumps(summary), flush=True)
    return 0 if is_good else 1


def chosen_faults(text: str) -> tuple[str, ...]:
    """The faults that a command line names."""
    if text == "all":
        return tuple(FAULTS)
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in FAULTS]:
        raise SystemExit(f"--faults: {', '.join(unknown)}? Want all, or some of {', '.join(FAULTS)}")
    return names


@contextmanager
def _stage(folder: Path, seed: int) -> Iterator[Stage]:
    video = folder / "street.mp4"
    with console.status("render the street"):
        script = render_street(
            video, seconds=PLAY_S, fps=10, size=(1280, 720), seed=seed, vehicles=wanted_traffic(Random(seed))
        )
        city = LocalCity(folder / "stack")
    try:
        with console.status("found the city, start the servers, appoint officers, approve the hotlist"):
            city.found(workers=2)
            city.start_servers()
            city.register(POINT, ["cam-1"])
            city.appoint_officers()
            city.want(script.hotlist)
        yield Stage(city, video, script)
    finally:
        city.stop()


def _run_kills(stage: Stage, count: int, seed: int) -> tuple[dict[str, int], bool]:
    rng = Random(seed)
    drill = Kills(stage.scene("box-012", rng))
    with Progress(console=console) as bar:
        task = bar.add_task("kills", total=count)
        for blow in blows(count, rng):
            bar.update(task, description=str(blow))
            drill.round(blow)
            bar.advance(task)
    outcome = drill.scene.judge()
    _show_kills(drill, outcome)
    points = len({blow.step for blow in drill.struck if blow.step})
    return {"kills": len(drill.struck), "crash_points": points, **_counts(outcome)}, outcome.is_whole


def _show_kills(drill: Kills, outcome: Outcome) -> None:
    table = Table("victim", "struck", "not reached", box=None)
    for victim in RANDOM_VICTIMS:
        counts = [sum(blow.victim == victim for blow in blows) for blows in (drill.struck, drill.missed)]
        table.add_row(victim, *map(str, counts))
    console.print(table)
    for blow in drill.missed:
        console.print(f"not reached: {blow}")
    for missing in outcome.missing:
        console.print(f"[red]lost:[/] {missing}")


def _run_faults(stage: Stage, names: tuple[str, ...], seed: int) -> tuple[dict[str, int], bool]:
    rows = []
    for name in names:
        with console.status(name):
            rows.append(_run_fault(stage, name, seed))
        _show_fault(rows[-1])
    run = [row for row in rows if not row.is_skipped]
    console.print(_table(rows))
    outcome = sum((row.outcome for row in run), Outcome())
    claims = sum(held for row in run for held in row.claims.values())
    summary = {"faults": len(run), "claims_held": claims, **_counts(outcome)}
    return summary, bool(run) and all(row.is_held for row in run)


def _run_fault(stage: Stage, name: str, seed: int) -> Row:
    """One fault on a box of its own. What goes wrong in it fails it, and leaves the others their turn."""
    started_s = time.monotonic()
    stage.put_right()
    scene = stage.scene(f"box-{name}", Random(f"{seed} {name}"))
    claims: Claims = {}
    trouble, is_skipped = "", False
    try:
        claims = FAULTS[name](scene)
        stage.put_right()
        scene.judge()
    except NotPossible as exc:
        trouble, is_skipped = str(exc), True
    except Exception as exc:  # noqa: BLE001  the boundary of a drill: it is told, and fails the run
        trouble = f"{type(exc).__name__}: {exc}"
    finally:
        scene.end()
    outcome = scene.outcome or Outcome()
    return Row(name, claims, outcome, time.monotonic() - started_s, trouble, is_skipped)


def _show_fault(row: Row) -> None:
    console.print(f"{row.name} [dim]{row.seconds:.0f} s[/]")
    for claim, is_held in row.claims.items():
        console.print(f"  {'[green]held[/]' if is_held else '[red]NOT HELD[/]'}  {claim}")
    for missing in row.outcome.missing:
        console.print(f"  [red]lost:[/] {missing}")
    if row.trouble:
        console.print(f"  [{'yellow' if row.is_skipped else 'red'}]{row.trouble}[/]", markup=True)


def _table(rows: list[Row]) -> Table:
    table = Table("fault", "claims held", "expected", "stored", "lost", "duplicates", "", box=None)
    for row in rows:
        verdict = "not run" if row.is_skipped else "good" if row.is_held else "FAILED"
        held = f"{sum(row.claims.values())} of {len(row.claims)}"
        table.add_row(row.name, held, *map(str, _counts(row.outcome).values()), verdict)
    return table


def _counts(outcome: Outcome) -> dict[str, int]:
    return {
        "expected": outcome.expected,
        "stored": outcome.stored,
        "lost": outcome.lost,
        "duplicates": outcome.duplicates,
    }


def _unwind(number: int, frame: FrameType | None) -> None:
    """Being told to end is no reason to leave mounts and servers behind."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for told_to_end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told_to_end, _unwind)
    try:
        sys.exit(app())
    except StackError as error:
        console.print(f"[red]fault drill:[/] {error}")
        sys.exit(1)
