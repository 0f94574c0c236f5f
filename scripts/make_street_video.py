"""Render a street with moving vehicles, known Mexican plates and real faces, for the demo and for tests.

    .venv/bin/python scripts/make_street_video.py --out demo/street.mp4 --seconds 30 --seed 1

Beside `street.mp4` it writes `street.json`, the video's script: every plate with the frames in which it can
be read, the plates to put on the hotlist, and where the faces are.
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated

import cyclopts
from rich.progress import Progress
from street.plate_art import font_name
from street.render import render_street
from street.script import script_path

app = cyclopts.App(help=__doc__, help_format="plaintext")


def _size(text: str) -> tuple[int, int]:
    """Parse `1280x720`."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or int(width) % 2 or int(height) % 2:
        raise SystemExit(f"--size {text!r}: want WIDTHxHEIGHT in even pixels, for example 1280x720")
    return int(width), int(height)


@app.default
def make(
    out: Annotated[Path, cyclopts.Parameter(name="--out")] = Path("demo/street.mp4"),
    *,
    seed: int = 1,
    seconds: float = 30.0,
    fps: int = 10,
    size: str = "1280x720",
) -> None:
    """Render the video and its script; the last line is a JSON summary."""
    started = perf_counter()
    print(f"plate characters: {font_name()}", file=sys.stderr)
    with Progress(transient=True) as bar:
        task = bar.add_task("rendering", total=None)
        script = render_street(
            out, seconds=seconds, fps=fps, size=_size(size), seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    summary = {
        "video": str(out),
        "script": str(script_path(out)),
        "frames": script.frames,
        "vehicles": len(script.vehicles),
        "readable": sum(v.readable is not None for v in script.vehicles),
        "hits_expected": len(script.expected_hits),
        "seconds_taken": round(perf_counter() - started, 1),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    app()
