"""Train the plate finder: from published weights and a folder of labelled pictures to an IR file the agent runs.

    .venv-train/bin/python scripts/train_detector.py all --data FOLDER

does it whole: paints composites, trains, exports, scores the held-out pictures. Each step is a command of its own too,
and continues where it was stopped. FOLDER has the form that docs/accuracy.md describes. Everything goes to
build/detector, the model to build/models. docs/training.md says what the model is good for and what it cannot do.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import cyclopts
from accuracy.pictures import BadData, Split
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / "build" / "detector"
GRAPH: Final = ROOT / "build" / "models" / "plate-finder.xml"
STREET_SEEDS: Final = {False: 23, True: 24}
"""Rendered streets to teach and to choose with; the benchmarks' and the calibration's have other seeds."""
TOLD_EVERY: Final = 20
"""Steps between lines where there is no terminal to draw a bar in."""

app = cyclopts.App(help=__doc__, help_format="plaintext")
Data = Annotated[Path, cyclopts.Parameter(help="Folder with scenes.csv and crops.csv.")]
Share = Split | Literal["held-out"]
Run = Annotated[Path, cyclopts.Parameter(help="Folder of one training run; it is gone on with if it exists.")]


@app.command
def composites(*, data: Data, count: int = 6000, held_out: int = 300, seed: int = 1) -> None:
    """Paint the pictures to teach and to choose with, or what is missing of them."""
    from detector_training import shelf, stock  # noqa: PLC0415  torch and the rest only where they are used
    from detector_training.finder import open_finder  # noqa: PLC0415
    from detector_training.scenes import read_scenes, with_others  # noqa: PLC0415

    published = open_finder(ROOT / "models" / "plate-detector.xml", side_px=1280)
    with _progress() as progress:
        labelled = read_scenes(data)
        cleaned = with_others(labelled, published)
        scenes = list(progress.track(cleaned, len(labelled), description="looking for unlabelled plates"))
        for name, many, is_held_out in (("teach", count, False), ("choose", held_out, True)):
            things = stock.gather(data, scenes, _street(STREET_SEEDS[is_held_out]), is_held_out=is_held_out)
            made = shelf.fill(WORK / name, many, seed, things)
            for _ in progress.track(made, many, description=f"painting what is to {name}"):
                pass


@app.command
def train(*, run: Run = WORK / "run", steps: int = 2500, side_px: int = 448, seed: int = 1, threads: int = 1) -> None:
    """Train on the composites; a run that was stopped goes on."""
    import torch  # noqa: PLC0415
    from detector_training.loop import Lesson, Pupil, teach  # noqa: PLC0415
    from detector_training.network import published_checkpoint, start_network  # noqa: PLC0415
    from detector_training.plots import plot_history  # noqa: PLC0415

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    run.mkdir(parents=True, exist_ok=True)
    lesson = Lesson(steps=steps, side_px=side_px, seed=seed)
    pupil = Pupil.fresh(start_network(published_checkpoint(run)), lesson)
    pupil.resume(run)
    with _progress() as progress:
        task = progress.add_task("training", total=steps, completed=pupil.step)
        for losses in teach(pupil, lesson, (WORK / "teach", WORK / "choose"), run):
            told = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            progress.update(task, completed=pupil.step, description=f"training, {told}, best {pupil.best:.3f}")
            if not progress.console.is_terminal and pupil.step % TOLD_EVERY == 0:
                print(f"step {pupil.step} of {steps}, {told}, best {pupil.best:.3f}", flush=True)
    plot_history(run)


@app.command
def export(*, run: Run = WORK / "run", into: Path = GRAPH, model_version: str = "1.0") -> None:
    """Turn the run's best checkpoint into an IR file, with weights for ultralytics and facts for the manifest."""
    from detector_training.export import export as write_graph  # noqa: PLC0415

    write_graph(run, into, model_version)
    print(f"{into}, {into.with_suffix('.bin').stat().st_size / 1e6:.2f} MB of weights")


@app.command
def score(*, data: Data, graph: Path = GRAPH, side_px: int = 448, split: Share = "held-out") -> None:
    """Recall at IoU 0.5 and 0.7 on real scenes, and by the plate's width in the input; `--split test` comes last."""
    from detector_training.figures import score_scenes, score_widths  # noqa: PLC0415

    told = score_scenes(data, graph, side_px, split) | {"by_width_px": score_widths(data, graph, side_px, split)}
    print(json.dumps(told))


@app.command(name="all")
def everything(*, data: Data, seed: int = 1) -> None:
    """All steps in order."""
    composites(data=data, seed=seed)
    train(seed=seed)
    export()
    score(data=data)


def _street(seed: int) -> Path:
    from street.render import render_street  # noqa: PLC0415

    video = WORK / f"street-{seed}.mp4"
    if not video.exists():
        render_street(video, seconds=24, fps=4, size=(1920, 1080), seed=seed)
    return video


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        yield progress


if __name__ == "__main__":
    try:
        sys.exit(app())
    except BadData as exc:
        sys.exit(str(exc))
