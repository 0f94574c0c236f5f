"""Measure how often plates are read right, beside the ready stack and SimpleLPR, on real and on rendered plates.

    .venv/bin/python scripts/bench_accuracy.py --data DIR [--split test] [--precision f32|bf16|int8] [--stack ...]

DIR holds real photographs with known plates (`scenes.csv`, `crops.csv`; `scripts/accuracy/pictures.py` says how); none
come with the project. Tune on `--split train`; figures are for `test`. All stacks get the same pictures in turns in one
process, one thread each, for one look and for the vote of all. `--models DIR` measures unsigned models under test
instead of those the agent would load; `--plate-side` is the longer side our detector sees (the agent's own if nobody
says); with `--no-ready-square` the ready one sees a picture's own shape. `--errors DIR` writes a page of the wrong
reads with their pictures, `--plots DIR` the plots of docs/accuracy.md. Progress goes to stderr; the last line is JSON.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import cv2
import cyclopts
from accuracy.error_page import refuse_inside_repository, write_page
from accuracy.figures import figures
from accuracy.peer import Peer, PeerMissing, open_peer
from accuracy.pictures import BadData, Split, load
from accuracy.plots import write_plots
from accuracy.rendered import Rendered, evaluation_set, read_all, street_set
from accuracy.run import measure
from accuracy.stacks import Precision, Stack, own_stack, ready_stack
from accuracy.tables import show
from plate_press.press import Pressed
from rich.console import Console

from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import default_folder
from edge_agent.errors import EdgeError, ModelMissing

Which = Literal["own", "ready", "both"]


def main(
    *,
    data: Path | None = None,
    split: Split = "test",
    precision: Precision = "f32",
    stack: Which = "both",
    models: Path | None = None,
    plate_side: int = MODEL_SETS["own"].plate_side_px,
    ready_square: bool = True,
    rounds: Annotated[int, cyclopts.Parameter(validator=cyclopts.validators.Number(gte=1))] = 3,
    rendered: int = 1000,
    errors: Path | None = None,
    plots: Path | None = None,
    peer: bool = False,
    only_json: Annotated[bool, cyclopts.Parameter(name="--json", negative="")] = False,
) -> None:
    """Run the benchmark; `--peer` installs SimpleLPR if it is not there, `--json` leaves the tables out."""
    if data is None:
        raise SystemExit("no pictures, nothing measured: --data DIR names a folder with scenes.csv and crops.csv")
    if errors is not None:
        refuse_inside_repository(errors)
    cv2.setNumThreads(1)
    try:
        pictures = load(data, split)
        stacks = open_stacks(stack, precision, models, plate_side, ready_square=ready_square)
        with ExitStack() as open_peers:
            other = None if stack == "own" else open_peer_or_say(install=peer)
            run = measure(pictures, stacks, other and open_peers.enter_context(other), rounds)
    except (BadData, EdgeError, PeerMissing) as exc:
        raise SystemExit(str(exc)) from exc
    pressed = _read_pressed(stacks, evaluation_set(rendered))
    street = _read_pressed(stacks, street_set(rendered // 4))
    if not only_json:
        heading = f"split {split}, {precision}"
        show(Console(width=150), heading, stacks=stacks, run=run, rendered=pressed, street=street)
    if plots is not None:
        write_plots(plots, run, pressed)
    if errors is not None:
        print(f"{write_page(errors, run.answers)} errors shown in {errors / 'index.html'}", file=sys.stderr)
    print(json.dumps(figures(run, pressed)))


def open_stacks(
    which: Which, precision: Precision, under_test: Path | None, side_px: int, *, ready_square: bool
) -> list[Stack]:
    """Open what was asked for, ours first; where both were and ours are not there yet, the ready one alone."""
    stacks = []
    if which != "ready":
        try:
            stacks.append(own_stack(default_folder(), precision, side_px, under_test))
        except ModelMissing as exc:
            if which == "own":
                raise
            print(f"left out: own, {exc}", file=sys.stderr)
    if which != "own":
        stacks.append(ready_stack(default_folder(), precision, square=ready_square))
    return stacks


def open_peer_or_say(*, install: bool) -> Peer | None:
    """SimpleLPR where it is installed; else a word, and nothing."""
    try:
        return open_peer(install=install)
    except PeerMissing as exc:
        print(f"left out: {exc}", file=sys.stderr)
        return None


def _read_pressed(stacks: list[Stack], pressed: list[Pressed]) -> dict[str, list[Rendered]]:
    return {name: read for stack in stacks for name, read in read_all(stack, pressed).items()} if pressed else {}


if __name__ == "__main__":
    cyclopts.run(main)
