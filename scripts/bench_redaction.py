"""Measure `edge-agent redact` beside the `deface` command, on pictures whose faces and plates are known.

    .venv/bin/python scripts/bench_redaction.py [--every 15] [--rounds 2] [--precision f32]

Both commands get the same folders of PNG files in turn, at full resolution; deface with its own threshold and a solid
fill of boxes, so that both hide in the same way. Its environment is made once, from requirements/deface.lock.
Speed is processor time for each picture, less that of the start (one tiny picture), because the machine may be shared;
the table has the time on the wall as well. A box is hidden if 80 % of it is. `deface` looks for faces once;
ours also looks for plates, at three sizes. The last line is JSON.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import cyclopts
import numpy as np
from bench.faces import Known, covered, known_pictures, share_inside, strays
from bench_edge import street_clip
from interop_env import python_of
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[1]
HIDDEN_SHARE: Final = 0.8
SMALL_FACE_PX: Final = 24
DEFACE_OPTIONS: Final = ("--boxes", "--replacewith", "solid")

Redact = Callable[[Path, Path], None]
"""Redacts the pictures of a folder into another."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command hid, and what it took: seconds for all pictures, start left out."""

    tally: Counter[str]
    cpu_s: float
    wall_s: float
    pictures: int

    def recall(self, kind: str) -> float:
        """Share of the known boxes of a kind that were hidden."""
        return round(self.tally[f"{kind} hidden"] / max(self.tally[kind], 1), 4)


def main(*, every: int = 15, rounds: int = 2, precision: str = "f32", seconds: int = 30) -> None:
    """Run the benchmark."""
    deface = python_of("deface").with_name("deface")
    clip, _ = street_clip(seconds)
    pictures = list(known_pictures(clip, every))
    ours = measure(pictures, rounds, lambda given, made: redact_ours(given, made, precision))
    theirs = measure(pictures, rounds, lambda given, made: redact_deface(deface, given, made))
    show({f"edge-agent redact, {precision}": ours, "deface 1.5.0": theirs})
    figures = {
        "face_recall_24px": ours.recall("large face"),
        "deface_recall_24px": theirs.recall("large face"),
        "plate_recall": ours.recall("plate"),
        "over_redacted": ours.tally["stray"],
        "speedup_vs_deface": round(theirs.cpu_s / max(ours.cpu_s, 1e-9), 2),
    }
    print(json.dumps(figures))


def redact_ours(given: Path, made: Path, precision: str) -> None:
    """Our command."""
    _run(Path(sys.executable).with_name("edge-agent"), "redact", given, made, "--precision", precision)


def redact_deface(deface: Path, given: Path, made: Path) -> None:
    """The other command; it writes beside what it reads, so it gets a copy, and the results take the names again."""
    shutil.copytree(given, made, dirs_exist_ok=True)
    _run(deface, *DEFACE_OPTIONS, made)
    for written in made.glob("*_anonymized.png"):
        written.replace(made / written.name.replace("_anonymized", ""))


def _run(*argv: str | Path) -> None:
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed:\n{done.stderr[-2000:]}")


def measure(pictures: list[Known], rounds: int, redact: Redact) -> Outcome:
    """Redact all pictures that many times; what was hidden is counted once."""
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as work:
        given, made, tiny = (Path(work) / name for name in ("given", "made", "tiny"))
        _write(given, pictures)
        _write(tiny, [Known("tiny", np.full((32, 32, 3), 127, np.uint8), [], [])])
        start_cpu_s, start_wall_s = _timed(lambda: redact(tiny, Path(work) / "made-tiny"))
        cpu_s = wall_s = 0.0
        for _ in range(rounds):
            shutil.rmtree(made, ignore_errors=True)
            taken_cpu_s, taken_wall_s = _timed(lambda: redact(given, made))
            cpu_s += max(taken_cpu_s - start_cpu_s, 0.0)
            wall_s += max(taken_wall_s - start_wall_s, 0.0)
        return Outcome(_judge(pictures, made), cpu_s, wall_s, rounds * len(pictures))


def _write(folder: Path, pictures: list[Known]) -> None:
    folder.mkdir()
    for known in pictures:
        cv2.imwrite(str(folder / f"{known.name}.png"), known.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _timed(call: Callable[[], None]) -> tuple[float, float]:
    """Seconds of processor time of the children that a call started, and on the wall."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.monotonic() - begun_s


def _judge(pictures: list[Known], made: Path) -> Counter[str]:
    tally: Counter[str] = Counter()
    for known in pictures:
        mask = covered(known.image, _read(made / f"{known.name}.png"))
        for kind, boxes in (("face", known.faces), ("plate", known.plates)):
            for box in boxes:
                is_large = kind == "face" and min(box[2] - box[0], box[3] - box[1]) >= SMALL_FACE_PX
                is_hidden = share_inside(mask, box) >= HIDDEN_SHARE
                tally.update([kind] + [f"{kind} hidden"] * is_hidden)
                if is_large:
                    tally.update(["large face"] + ["large face hidden"] * is_hidden)
        tally["stray"] += strays(mask, known.faces + known.plates)
    return tally


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path.name} was not written: nothing can be compared")
    return np.asarray(image, np.uint8)


def show(outcomes: dict[str, Outcome]) -> None:
    """The table for people."""
    table = Table(title="pictures with known faces and plates")
    for heading in ("", "faces hidden", "of 24 px and more", "plates hidden", "strays", "CPU ms", "pictures/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, outcome in outcomes.items():
        shares = (f"{outcome.tally[f'{k} hidden']} of {outcome.tally[k]}" for k in ("face", "large face", "plate"))
        each_ms, rate = outcome.cpu_s / outcome.pictures * 1000, outcome.pictures / max(outcome.wall_s, 1e-9)
        table.add_row(name, *shares, str(outcome.tally["stray"]), f"{each_ms:.0f}", f"{rate:.1f}")
    console = Console(width=110)
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"a picture's CPU ms without start-up; load average {load} on {os.cpu_count()} processors")


if __name__ == "__main__":
    cyclopts.run(main)
