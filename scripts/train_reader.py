"""Train the plate reader on pressed plates and, if there are any, real photographs; write it as an OpenVINO model.

    .venv-train/bin/python scripts/train_reader.py --shards build/plates --data DIR --minutes 70

`scripts/press_plates.py` makes the shards, before or while this runs. Killed at any moment, the same command goes on
from the last checkpoint. With `--images` instead of `--minutes` the weights repeat to the bit from `--seed`. One
thread; pin it with `taskset` where other work runs beside. Into `--run` go checkpoint, history and plot; into
`--into` plate-reader.xml, .bin and .card.json, every few minutes. docs/training.md says what to expect.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import cv2
import cyclopts
import torch
from cyclopts import Parameter
from reader_training.photos import Photos
from reader_training.running import Intervals, Run, summary
from reader_training.schedule import Budget, Schedule
from reader_training.shards import SHARD_FILES, Pressed
from reader_training.training import Plan, Training
from rich.console import Console

ROOT: Final = Path(__file__).resolve().parents[1]
DEFAULT_MINUTES: Final = 70

console = Console(stderr=True)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@app.default
def main(
    *,
    shards: Annotated[Path, Parameter(help="Folder of pressed plates.")] = ROOT / "build" / "plates",
    data: Annotated[Path | None, Parameter(help="Folder of real photographs; its split `train` is used.")] = None,
    run: Annotated[Path, Parameter(help="Folder of checkpoint, history and plot.")] = ROOT / "build" / "reader",
    into: Annotated[Path, Parameter(help="Folder of the model.")] = ROOT / "build" / "models",
    minutes: Annotated[float | None, Parameter(help="Length of the run by the clock.")] = None,
    images: Annotated[int | None, Parameter(help="Length of the run in pictures.")] = None,
    seed: Annotated[int, Parameter(help="What all chance comes from.")] = 1,
    batch: Annotated[int, Parameter(help="Pictures of a step.")] = Plan().batch,
    rate: Annotated[float, Parameter(help="Highest learning rate.")] = Schedule().peak,
    start: Annotated[
        Path | None, Parameter(help="Checkpoint of an ended run to go beyond; into another --run.")
    ] = None,
    export_every_s: Annotated[float, Parameter(help="Seconds between exports on the way.")] = Intervals().export_s,
    examine_every_s: Annotated[float, Parameter(help="Seconds between examinations.")] = Intervals().examine_s,
    checkpoint_every_s: Annotated[float, Parameter(help="Seconds between checkpoints.")] = Intervals().checkpoint_s,
) -> None:
    """Train, or go on training."""
    if not any(shards.glob(SHARD_FILES)):
        raise SystemExit(f"no plates in {shards}: scripts/press_plates.py --out {shards} presses them")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    budget = Budget(images, minutes if minutes or images else DEFAULT_MINUTES)
    schedule = Schedule.onward(rate) if start else Schedule(peak=rate)
    training = Training.take_up(run, Plan(seed=seed, batch=batch, schedule=schedule), start)
    if training.step:
        console.print(f"going on from step {training.step:,}, {training.images:,} pictures")
    photos = Photos.load(data) if data else Photos((), ())
    the_run = Run(training, Pressed(shards), photos, budget=budget, folder=run, into=into)
    intervals = Intervals(checkpoint_s=checkpoint_every_s, examine_s=examine_every_s, export_s=export_every_s)
    print(summary(the_run.go(intervals, console)))


if __name__ == "__main__":
    sys.exit(app())
