"""Render synthetic number plates, cut to the plate reader's input, into shards for its training.

    .venv/bin/python scripts/press_plates.py --out build/plates --count 400000 --seed 1 [--workers 2]
    .venv/bin/python scripts/press_plates.py --sheet build/plates.png --seed 1

A shard is a .npz of `images` (n, 64, 160, 3) uint8 BGR, `texts`, `rows` (joined by a space), `kinds` and
`widths_px` (0 for kind "none"). A shard that exists is kept, so that an interrupted run goes on where it stopped;
other --kinds or --harshness want another folder. What is drawn and how: docs/plates.md.
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final

ROOT: Final = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # the training environment does not have the project installed
    sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import cyclopts  # noqa: E402
import numpy as np  # noqa: E402
from plate_press.contact_sheet import contact_sheet  # noqa: E402
from plate_press.press import KINDS, press  # noqa: E402
from plate_press.shards import Order, make_all, orders  # noqa: E402
from plate_press.typefaces import FontMissing  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

app = cyclopts.App(help=__doc__, help_format="plaintext")
SHEET_PLATES: Final = 96


@app.default
def main(
    *,
    out: Annotated[Path | None, cyclopts.Parameter(help="Folder of the shards.")] = None,
    count: Annotated[int, cyclopts.Parameter(help="How many plates in all.")] = 100_000,
    seed: int = 1,
    workers: Annotated[int, cyclopts.Parameter(help="Processes.")] = 1,
    kinds: Annotated[
        tuple[str, ...], cyclopts.Parameter(help="Only these, in turn; all in their shares if none.")
    ] = (),
    harshness: Annotated[float, cyclopts.Parameter(help="0 clean .. 1 the street.")] = 1.0,
    sheet: Annotated[Path | None, cyclopts.Parameter(help="Also a PNG of samples, to look at.")] = None,
) -> None:
    """Press; the last line is a JSON summary."""
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise SystemExit(f"no such kind: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if out is None and sheet is None:
        raise SystemExit("say where to: --out FOLDER, --sheet FILE.png, or both")
    try:
        if sheet is not None:
            _draw_sheet(sheet, seed, kinds, harshness)
        if out is not None:
            todo = orders(out, seed=seed, count=count, kinds=kinds, harshness=harshness)
            _press_shards(todo, workers)
    except FontMissing as missing:
        raise SystemExit(str(missing)) from missing


def _press_shards(todo: list[Order], workers: int) -> None:
    started = perf_counter()
    made = 0
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(
            "plates", total=sum(o.count for o in todo), completed=sum(o.count for o in todo if o.path.is_file())
        )
        for order in make_all(todo, workers):
            made += order.count
            bar.advance(task, order.count)
    seconds = perf_counter() - started
    print(json.dumps({"shards": len(todo), "pressed": made, "seconds": round(seconds, 1)}))


def _draw_sheet(path: Path, seed: int, kinds: tuple[str, ...], harshness: float) -> None:
    rng = np.random.default_rng(seed)
    pressed = [press(rng, kinds[i % len(kinds)] if kinds else None, harshness=harshness) for i in range(SHEET_PLATES)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), contact_sheet([(p.image, " / ".join(p.rows) or p.kind) for p in pressed]))


if __name__ == "__main__":
    app()
