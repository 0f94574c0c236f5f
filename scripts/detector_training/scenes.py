"""The real street scenes with a labelled plate, and which of them choose the checkpoint instead of teaching.

`accuracy.pictures` reads the folder. Only the split `train` teaches. A tenth of it, chosen by the hash of the name, is
held out: it picks the checkpoint and never teaches. One plate is labelled in each picture; parked cars behind have
others. To learn that those are no plates would be wrong, so where the published detector suspects one it is painted
over.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from accuracy.pictures import Split, load, read_bgr
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes, grow, iou
from edge_agent.core.detections import Detector

OTHER_CONFIDENCE: Final = 0.4
_OTHER_GROWTH: Final = 0.2
_HELD_OUT_OF: Final = 10


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture; `box` is (1, 4), the labelled plate; `others` (n, 4) are suspected ones without a label."""

    path: Path
    box: Boxes
    others: Boxes

    @property
    def is_held_out(self) -> bool:
        """Whether it belongs to those that choose."""
        return is_held_out_name(self.path.name)

    def read(self) -> NDArray[np.uint8]:
        """The picture, BGR, its unlabelled plates painted over."""
        image = read_bgr(self.path)
        for box in self.others:
            image = painted_over(image, box)
        return image


def is_held_out_name(name: str) -> bool:
    """Whether a picture of that file name chooses instead of teaching."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % _HELD_OUT_OF == 0


def read_scenes(data: Path, split: Split = "train") -> list[Scene]:
    """The scenes of a split, without a look at what else is in them."""
    nothing = np.zeros((0, 4), np.float32)
    boxed = ((picture.path, picture.box) for picture in load(data, split))
    return [Scene(path, np.array([box], np.float32), nothing) for path, box in boxed if box is not None]


def with_others(scenes: list[Scene], detector: Detector) -> Iterator[Scene]:
    """The same scenes with the plates that nobody labelled."""
    for scene in scenes:
        found = detector.detect(read_bgr(scene.path)).above(OTHER_CONFIDENCE)
        apart = iou(found.xyxy, scene.box)[:, 0] < 0.1
        yield Scene(scene.path, scene.box, grow(found.xyxy[apart], _OTHER_GROWTH))


def painted_over(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture with a box filled from its rim, so that nothing of a plate is left."""
    height, width = image.shape[:2]
    left, top, right, bottom = (round(float(side)) for side in box)
    pad = max(8, (right - left) // 4)
    x0, y0, x1, y1 = max(0, left - pad), max(0, top - pad), min(width, right + pad), min(height, bottom + pad)
    part = image[y0:y1, x0:x1]
    if part.size == 0:
        return image
    mask = np.zeros(part.shape[:2], np.uint8)
    mask[max(0, top - y0) : bottom - y0, max(0, left - x0) : right - x0] = 255
    found = image.copy()
    found[y0:y1, x0:x1] = _filled(part, mask)
    return found


def _filled(part: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Inpainting at a quarter of the size (the whole is slow and no better), with the picture's own grain."""
    small = (max(8, part.shape[1] // 4), max(8, part.shape[0] // 4))
    coarse = cv2.inpaint(
        cv2.resize(part, small, interpolation=cv2.INTER_AREA),
        cv2.dilate(cv2.resize(mask, small, interpolation=cv2.INTER_NEAREST), np.ones((3, 3), np.uint8)),
        3,
        cv2.INPAINT_TELEA,
    )
    smooth = cv2.resize(coarse, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)[..., None].astype(np.float32) / 255
    return np.asarray(part * (1 - soft) + smooth * soft, np.uint8)
