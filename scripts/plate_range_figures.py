"""How narrow a plate may be in a camera's picture and still be found: ours at several sides, and the ready detector.

    .venv/bin/python scripts/plate_range_figures.py FOLDER [--split test]

The folder is one that `accuracy.pictures` reads; `held-out` are the scenes of its split `train` that taught nobody.
Each scene is shrunk (areas averaged, never enlarged) until its plate is so many pixels wide, laid into a grey frame of
1920 x 1080, and given to every detector as a camera's picture would be. Found is a plate that a box of at least that
confidence overlaps by that IoU: from 0.1 on boxes are told at all, from 0.4 on they start a track. Shrunk pictures are
cleaner than a street camera's, so take the widths as a comparison. The last line is JSON.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import cyclopts
import numpy as np
import openvino as ov
from accuracy.pictures import BadData, Picture, Split, load
from accuracy.stacks import MIN_CONFIDENCE, ready_stack
from detector_training.scenes import is_held_out_name
from numpy.typing import NDArray
from rich.progress import track

from edge_agent.adapters import models
from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.adapters.inference_openvino import compile_network
from edge_agent.adapters.models import ModelStore, default_folder
from edge_agent.core.boxes import Boxes, iou
from edge_agent.core.detections import Detector
from edge_agent.core.tracking import TrackingSettings
from edge_agent.settings import InferenceSettings

FRAME_PX: Final = (1920, 1080)
SIDES_PX: Final = (640, 576, 512, 448)
WIDTHS_PX: Final = (24, 32, 40, 48, 56, 64, 72, 80, 96, 112)
FOUND: Final = tuple((at, said) for at in (0.3, 0.5) for said in (MIN_CONFIDENCE, TrackingSettings().start_confidence))


@dataclass(frozen=True, slots=True)
class Sight:
    """A camera's picture with one plate, (1, 4), of that width."""

    width_px: int
    image: NDArray[np.uint8]
    plate: Boxes


def sights(pictures: list[Picture]) -> Iterator[Sight]:
    """Every scene at every width that it can be shrunk to."""
    for picture in pictures:
        if picture.box is None:
            continue
        image, box = picture.pixels(), np.array([picture.box], np.float32)
        for width_px in WIDTHS_PX:
            scale = width_px / float(box[0, 2] - box[0, 0])
            if scale <= min(1.0, FRAME_PX[0] / image.shape[1], FRAME_PX[1] / image.shape[0]):
                yield _laid(image, box, scale, width_px)


def _laid(image: NDArray[np.uint8], box: Boxes, scale: float, width_px: int) -> Sight:
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    frame = np.full((FRAME_PX[1], FRAME_PX[0], 3), 114, np.uint8)
    left, top = (FRAME_PX[0] - width) // 2, (FRAME_PX[1] - height) // 2
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    frame[top : top + height, left : left + width] = small
    return Sight(width_px, frame, (box * scale + np.array([left, top, left, top])).astype(np.float32))


def _detectors() -> dict[str, Detector]:
    """The ready one on its square, and ours at each side."""
    folder = default_folder()
    network = compile_network(ov.Core(), ModelStore.open(folder), models.PLATE_FINDER, InferenceSettings(threads=1))
    ours = {f"own {side_px}": PlateDetector(network, sides_px=(side_px,)) for side_px in SIDES_PX}
    return {"ready 640": ready_stack(folder, "f32").detector, **ours}


def _is_found(detector: Detector, sight: Sight) -> list[bool]:
    found = detector.detect(sight.image)
    overlap = iou(found.xyxy, sight.plate)[:, 0]
    return [bool(((overlap >= at) & (found.confidence >= said)).any()) for at, said in FOUND]


def main(folder: Path, *, split: Split | Literal["held-out"] = "held-out") -> None:
    """Count for every detector, width and way of finding."""
    try:
        pictures = load(folder, "train" if split == "held-out" else split)
    except BadData as exc:
        raise SystemExit(str(exc)) from exc
    if split == "held-out":
        pictures = [picture for picture in pictures if is_held_out_name(picture.path.name)]
    detectors = _detectors()
    counts = {name: np.zeros((len(WIDTHS_PX), len(FOUND)), np.int64) for name in detectors}
    shown = np.zeros(len(WIDTHS_PX), np.int64)
    for sight in track(sights(pictures), "looking", len(WIDTHS_PX) * len(pictures)):
        row = WIDTHS_PX.index(sight.width_px)
        shown[row] += 1
        for name, detector in detectors.items():
            counts[name][row] += _is_found(detector, sight)
    told = {"split": split, "widths_px": WIDTHS_PX, "plates": shown.tolist()}
    for column, (at, said) in enumerate(FOUND):
        print(f"\nIoU {at}, confidence {said}; plates {' '.join(map(str, shown))}")
        for name, count in counts.items():
            told[f"{name} {at} {said}"] = count[:, column].tolist()
            shares = " ".join(f"{share:5.2f}" for share in count[:, column] / np.maximum(shown, 1))
            print(f"{name:>10}: {shares}", flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    cyclopts.run(main)
