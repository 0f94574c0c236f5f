"""Measure `edge-agent redact` beside the `deface` command, on pictures whose faces and plates are known.

    .venv/bin/python scripts/bench_redaction.py [--data DIR] [--stack own] [--precision f32] [--rounds 2]

Both commands get the same folders in turn, at full resolution; deface with its own threshold and a solid fill of boxes,
so that both hide in the same way. Its environment is made once, from requirements/deface.lock. What is hidden is judged
on PNG files, where a pixel that differs was covered. Speed is measured on the same pictures as JPEG files, written with
quality 75 by both, as processor time for each picture less that of the start (one tiny picture), because the machine
may be shared; the table has the time on the wall as well. A box is hidden if 80 % of it is. `deface` looks for faces
alone; ours also looks for plates. `--data` is a folder of street scenes with marked plates: its `test` split is
measured. The last line is JSON.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal

import cv2
import cyclopts
import numpy as np
from bench.faces import known_pictures
from bench.known import Known, Picture, covered, outside, share_inside, strays
from bench_edge import street_clip
from interop_env import python_of
from rich.console import Console
from rich.table import Table

from edge_agent.core.profiles import Stack
from edge_agent.settings import DEFAULT_STACK

ROOT: Final = Path(__file__).resolve().parents[1]
HIDDEN_SHARE: Final = 0.8
LARGE_FACE_PX: Final = 24
DEFACE_OPTIONS: Final = ("--boxes", "--replacewith", "solid")
JPEG_QUALITY: Final = 75
"""What deface writes, and cannot be told otherwise."""
ENCODING: Final = {".png": [cv2.IMWRITE_PNG_COMPRESSION, 1], ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92]}
SCENES: Final = "scene"

Redact = Callable[[Path, Path], None]
"""Redacts the pictures of a folder into another."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took for all pictures, start left out."""

    cpu_s: float
    wall_s: float
    pictures: int

    @property
    def cpu_ms(self) -> float:
        """Processor time of a picture."""
        return self.cpu_s / self.pictures * 1000


@dataclass(slots=True)
class Outcome:
    """What a command hid: counts by kind of picture and of box, and areas in pixels."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def of(self, what: str, kind: str | None = None) -> int:
        """A count, of one kind of picture or of all."""
        return sum(n for (where, each), n in self.counts.items() if each == what and kind in (None, where))

    def recall(self, what: str) -> float:
        """Share of the known boxes of a kind that were hidden."""
        return round(self.of(f"{what} hidden") / max(self.of(what), 1), 4)

    @property
    def over_redacted(self) -> float:
        """Covered beyond the known boxes, as a share of all pixels; scenes left out, where faces are not marked."""
        beyond, pixels = (self.of(what) - self.of(what, SCENES) for what in ("beyond", "pixels"))
        return round(beyond / max(pixels, 1), 4)

    def judge(self, known: Known, after: Picture) -> None:
        """Count what of a picture was hidden."""
        mask = covered(known.image, after)
        for name, boxes in (("face", known.faces), ("plate", known.plates)):
            for box in boxes:
                is_large = min(box[2] - box[0], box[3] - box[1]) >= LARGE_FACE_PX
                what = f"{'large' if is_large else 'small'} face" if name == "face" else name
                is_hidden = share_inside(mask, box) >= HIDDEN_SHARE
                self.counts[known.kind, what] += 1
                self.counts[known.kind, f"{what} hidden"] += is_hidden
                self.missed += [] if is_hidden else [f"{known.name} {what} {[round(side) for side in box]}"]
        self.counts[known.kind, "beyond"] += outside(mask, known)
        self.counts[known.kind, "pixels"] += mask.size
        self.counts[known.kind, "strays"] += strays(mask, known.faces + known.plates + known.unsure)


def main(
    *,
    data: Annotated[Path | None, cyclopts.Parameter(help="Folder of street scenes with marked plates.")] = None,
    split: Literal["train", "test"] = "test",
    stack: Stack = DEFAULT_STACK,
    precision: str = "f32",
    models: Annotated[
        Path | None, cyclopts.Parameter(help="Folder of models, as `edge-agent redact` takes it.")
    ] = None,
    trust: Annotated[str | None, cyclopts.Parameter(help="Another key that signs models.")] = None,
    every: Annotated[int, cyclopts.Parameter(help="Of the rendered street every so many frames.")] = 30,
    only: Annotated[int, cyclopts.Parameter(help="Of all pictures every so many: a quick look.")] = 1,
    rounds: int = 2,
    missed: Annotated[bool, cyclopts.Parameter(help="Name what was missed.")] = False,
) -> None:
    """Run the benchmark."""
    deface = python_of("deface").with_name("deface")
    options = ["--stack", stack, "--precision", precision, "--quality", str(JPEG_QUALITY)]
    options += ["--models", str(models)] if models else []
    options += ["--trust", trust] if trust else []
    commands: dict[str, Redact] = {
        f"edge-agent redact, {stack}, {precision}": lambda given, made: redact_ours(given, made, options),
        "deface 1.5.0": lambda given, made: redact_deface(deface, given, made),
    }
    pictures = list(islice(known_pictures(street_clip(30)[0], every, data, split), 0, None, only))
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as work:
        outcomes = {name: hide(pictures, redact, Path(work)) for name, redact in commands.items()}
        costs = measure(pictures, commands, rounds, Path(work))
    show(outcomes, costs)
    show_kinds(outcomes)
    if missed:
        print("\n".join(f"{name}: {each}" for name, outcome in outcomes.items() for each in outcome.missed))
    (ours, theirs), (our_cost, their_cost) = outcomes.values(), costs.values()
    figures = {
        "face_recall_24px": ours.recall("large face"),
        "deface_recall_24px": theirs.recall("large face"),
        "plate_recall": ours.recall("plate"),
        "over_redacted": ours.over_redacted,
        "speedup_vs_deface": round(their_cost.cpu_s / max(our_cost.cpu_s, 1e-9), 2),
    }
    print(json.dumps(figures))


def redact_ours(given: Path, made: Path, options: Sequence[str]) -> None:
    """Our command."""
    _run(Path(sys.executable).with_name("edge-agent"), "redact", given, made, *options)


def redact_deface(deface: Path, given: Path, made: Path) -> None:
    """The other command; it writes beside what it reads, so it gets a copy, and the results take the names again."""
    shutil.copytree(given, made, dirs_exist_ok=True)
    _run(deface, *DEFACE_OPTIONS, made)
    for written in made.glob("*_anonymized.*"):
        written.replace(made / written.name.replace("_anonymized", ""))


def _run(*argv: str | Path) -> None:
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{done.stderr[-2000:]}")


def hide(pictures: list[Known], redact: Redact, work: Path) -> Outcome:
    """Have a command redact all pictures, and judge what it hid."""
    given, made = work / "given-png", work / "made-png"
    _write(given, pictures, ".png")
    shutil.rmtree(made, ignore_errors=True)
    redact(given, made)
    outcome = Outcome()
    for known in pictures:
        outcome.judge(known, _read(made / f"{known.name}.png"))
    return outcome


def measure(pictures: list[Known], commands: dict[str, Redact], rounds: int, work: Path) -> dict[str, Cost]:
    """Time each command in turn, round by round, so that a busy minute meets all of them."""
    given, tiny, made = work / "given-jpg", work / "tiny", work / "made-jpg"
    _write(given, pictures, ".jpg")
    _write(tiny, [Known("tiny", np.full((32, 32, 3), 127, np.uint8))], ".jpg")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, redact in commands.items():
            seconds = []
            for folder in (tiny, given):
                shutil.rmtree(made, ignore_errors=True)
                seconds.append(_timed(partial(redact, folder, made)))
            (start_cpu_s, start_wall_s), (cpu_s, wall_s) = seconds
            taken[name].append((max(cpu_s - start_cpu_s, 0.0), max(wall_s - start_wall_s, 0.0)))
    return {
        name: Cost(sum(cpu for cpu, _ in each), sum(wall for _, wall in each), rounds * len(pictures))
        for name, each in taken.items()
    }


def _write(folder: Path, pictures: list[Known], suffix: str) -> None:
    if folder.exists():
        return
    folder.mkdir()
    for known in pictures:
        cv2.imwrite(str(folder / f"{known.name}{suffix}"), known.image, ENCODING[suffix])


def _timed(call: Callable[[], None]) -> tuple[float, float]:
    """Seconds of processor time of the children that a call started, and on the wall."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.monotonic() - begun_s


def _read(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path.name} was not written: nothing can be compared")
    return np.asarray(image, np.uint8)


def show(outcomes: dict[str, Outcome], costs: dict[str, Cost]) -> None:
    """The table for people."""
    table = Table(title="pictures with known faces and plates")
    for heading in ("", "faces from 24 px", "smaller faces", "plates", "beyond", "strays", "CPU ms", "pictures/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, outcome in outcomes.items():
        cost = costs[name]
        shares = (f"{outcome.of(f'{k} hidden')} of {outcome.of(k)}" for k in ("large face", "small face", "plate"))
        rate = cost.pictures / max(cost.wall_s, 1e-9)
        beyond, stray = f"{outcome.over_redacted:.2%}", str(outcome.of("strays"))
        table.add_row(name, *shares, beyond, stray, f"{cost.cpu_ms:.0f}", f"{rate:.1f}")
    console = Console(width=120)
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"CPU ms of a JPEG without start-up; load average {load} on {os.cpu_count()} processors")


def show_kinds(outcomes: dict[str, Outcome]) -> None:
    """Faces hidden by kind of picture: from 24 pixels on, and smaller."""
    table = Table(title="faces by kind of picture, from 24 pixels on + smaller; beyond, in the scenes")
    kinds = list(dict.fromkeys(kind for outcome in outcomes.values() for kind, _ in outcome.counts))
    for heading in ("", *outcomes):
        table.add_column(heading, justify="right" if heading else "left")
    for kind in kinds:
        table.add_row(kind, *(_of_kind(outcome, kind) for outcome in outcomes.values()))
    Console(width=120).print(table)


def _of_kind(outcome: Outcome, kind: str) -> str:
    if kind == SCENES:
        return f"{outcome.of('beyond', kind) / max(outcome.of('pixels', kind), 1):.2%} beyond plates"
    large, small = (
        f"{outcome.of(f'{size} face hidden', kind)}/{outcome.of(f'{size} face', kind)}" for size in ("large", "small")
    )
    return f"{large} + {small}"


if __name__ == "__main__":
    cyclopts.run(main)
