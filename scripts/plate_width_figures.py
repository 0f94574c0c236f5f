"""How wide a plate must be to be read: accuracy by width in pixels, on pictures of plates shrunk to each width.

    .venv/bin/python scripts/plate_width_figures.py FOLDER [--most 120]

The folder is one that `accuracy.pictures` reads. Its pictures of one plate each in the split `test` that are at least
`LEAST_PX` wide are shrunk, laid on grey and read with looks and a vote, as `edge-agent read` does.
`docs/aim.md` tells what the aiming page makes of it. The last line is JSON.
"""

import json
import random
from pathlib import Path

import cv2
import cyclopts
import numpy as np
from accuracy.pictures import BadData, load
from numpy.typing import NDArray

from edge_agent.adapters.models import default_folder
from edge_agent.adapters.vision import open_vision
from edge_agent.core.looks import Recognizer
from edge_agent.core.stills import look_and_vote
from edge_agent.settings import InferenceSettings

WIDTHS_PX = (40, 50, 60, 70, 80, 90, 100, 120, 140)
LEAST_PX = 140
FOLD = str.maketrans("OI", "01")


def _read(plate: NDArray[np.uint8], width_px: int, reader: Recognizer) -> str:
    height_px = max(8, round(plate.shape[0] * width_px / plate.shape[1]))
    small = cv2.resize(plate, (width_px, height_px), interpolation=cv2.INTER_AREA)
    scene = np.full((height_px * 2, width_px * 2, 3), 127, np.uint8)
    left, top = width_px // 2, height_px // 2
    scene[top : top + height_px, left : left + width_px] = small
    box = (float(left), float(top), float(left + width_px), float(top + height_px))
    outcome = look_and_vote(scene, box, reader)
    return outcome.text if outcome else ""


def main(folder: Path, *, most: int = 120) -> None:
    """Read up to `most` plates at every width."""
    try:
        bare = [picture for picture in load(folder, "test") if picture.box is None]
        random.Random(1).shuffle(bare)
        pictures = [(picture.pixels(), picture.text) for picture in bare]
    except BadData as exc:
        raise SystemExit(str(exc)) from exc
    plates = [(image, text) for image, text in pictures if image.shape[1] >= LEAST_PX][:most]
    reader = open_vision(InferenceSettings(models_dir=default_folder(), threads=1)).reader
    told = {}
    for width_px in WIDTHS_PX:
        reads = [(_read(image, width_px, reader).translate(FOLD), text.translate(FOLD)) for image, text in plates]
        told[width_px] = sum(read == text for read, text in reads)
        print(f"{width_px:4d} px: {told[width_px]} of {len(plates)}", flush=True)
    print(json.dumps({"plates": len(plates), "right_by_width_px": told}))


if __name__ == "__main__":
    cyclopts.run(main)
