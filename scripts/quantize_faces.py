"""Make `face-finder`: CenterFace in 8 bits, which hides and counts faces in our own set of models.

    .venv/bin/python scripts/quantize_faces.py [--models models] [--out build/models]

NNCF calibrates it on frames of a street rendered for nothing else, at full resolution and reduced, in daylight and in
the harder forms of the benchmark (night, infrared, behind glass, blurred, squeezed), and on photographs without people.
No picture that scripts/bench_redaction.py measures is among them, though people of the street look like those of the
other. Takes a minute, and an environment of its own (build/int8-venv, made once). The result is signed with
scripts/sign_models.py; docs/redaction.md has its figures.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import av
import cv2
import cyclopts
import numpy as np
from bench.harder import blurred, glazed, infrared, night, squeezed
from bench.known import Known, Picture
from bench.photographs import own_photograph
from interop_env import python_of
from rich.console import Console
from street.render import render_street

from edge_agent.adapters.models import FACE_DETECTOR, FACE_FINDER, ReadyModels

ROOT: Final = Path(__file__).resolve().parents[1]
STEP: Final = ROOT / "scripts" / "quantizing" / "to_int8.py"
STREET: Final = ROOT / "build" / "quantize" / "street-11.mp4"
SECONDS, FPS, SIZE, SEED = 12, 5, (1920, 1080), 11
INPUT: Final = (1280, 704)
EVERY: Final = 4
FORMS: Final = (None, night, infrared, glazed, blurred, squeezed, None, None)
WITHOUT_PEOPLE: Final = ("coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
VERSION: Final = "1.0"

console = Console(stderr=True)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@app.default
def main(
    *,
    models: Annotated[Path, cyclopts.Parameter(help="Folder of the ready models.")] = ROOT / "models",
    out: Annotated[Path, cyclopts.Parameter(help="Folder to write to.")] = ROOT / "build" / "models",
) -> None:
    """Quantise, and write the facts that the signature will stand for; figures are added after the benchmark."""
    out.mkdir(parents=True, exist_ok=True)
    made = out / f"{FACE_FINDER}.xml"
    with console.status("environment of NNCF"):
        python = python_of("int8")
    with tempfile.TemporaryDirectory() as work:
        with console.status("rendering what to calibrate with"):
            np.save(Path(work) / "pictures.npy", np.stack(list(calibration())))
        with console.status("quantising"):
            subprocess.run(
                [python, STEP, models / f"{FACE_DETECTOR}.xml", Path(work) / "pictures.npy", made], check=True
            )
    origin = ReadyModels.open(models).entry(FACE_DETECTOR)
    facts = out / f"{FACE_FINDER}.facts.json"
    facts.write_text(json.dumps(facts_of(origin.source, origin.licence), indent=1) + "\n")
    print(f"{made}, {made.with_suffix('.bin').stat().st_size / 1e6:.2f} MB of weights; {facts.name} lies beside it")


def calibration() -> Iterator[Picture]:
    """Inputs of one size: cut out of street frames or reduced from them, in turn in each form."""
    if not STREET.exists():
        STREET.parent.mkdir(parents=True, exist_ok=True)
        render_street(STREET, seconds=SECONDS, fps=FPS, size=SIZE, seed=SEED)
    width, height = INPUT
    for number, image in enumerate(_frames()):
        form = FORMS[number % len(FORMS)]
        harder = image if form is None else form(Known("street", image)).image
        top, left = (number * 97) % (SIZE[1] - height), (number * 331) % (SIZE[0] - width)
        is_reduced = number % 3 == 0
        yield _scaled(harder) if is_reduced else harder[top : top + height, left : left + width]
    for name in WITHOUT_PEOPLE:
        yield _scaled(own_photograph(name))


def _frames() -> Iterator[Picture]:
    with av.open(str(STREET)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % EVERY == 0:
                yield np.ascontiguousarray(frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False))


def _scaled(image: Picture) -> Picture:
    return np.asarray(cv2.resize(image, INPUT, interpolation=cv2.INTER_AREA), np.uint8)


def facts_of(source: str, licence: str) -> dict[str, object]:
    """What the manifest says, but for the figures."""
    return {
        "version": VERSION,
        "source": f"{source}, in 8 bits",
        "licence": licence,
        "input": "BGR 8 bit, sides multiples of 32",
        "classes": ["face"],
        "not_for": [
            "recognising or telling apart people: where a face is, to hide or count it, is all it may say",
            "deciding that nobody is in a picture",
        ],
        "training": {
            "data": "none of our own; calibrated on a rendered street and photographs without people",
            "seed": SEED,
            "command": "scripts/quantize_faces.py",
        },
        "metrics_on": "scripts/bench_redaction.py: real photographs as they are and made harder, a rendered street",
    }


if __name__ == "__main__":
    sys.exit(app())
