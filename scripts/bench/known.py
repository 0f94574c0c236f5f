"""A picture whose faces and plates are known, and how much of them somebody covered."""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]
CHANGED: Final = 0
CLOSED_PX: Final = 5


@dataclass(frozen=True, slots=True)
class Known:
    """A picture, the boxes of its faces and plates, and places of which nobody can say whether they are a face."""

    name: str
    image: Picture
    faces: list[Box] = field(default_factory=list)
    plates: list[Box] = field(default_factory=list)
    unsure: list[Box] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What stands before the name's first dash: where the picture comes from, or what was done to it."""
        return self.name.partition("-")[0]


def covered(before: Picture, after: Picture) -> NDArray[np.bool_]:
    """Pixels that a redactor changed, with small holes (pixels that were black anyway) closed."""
    differs = (cv2.absdiff(before, after).max(axis=2) > CHANGED).astype(np.uint8)
    kernel = np.ones((CLOSED_PX, CLOSED_PX), np.uint8)
    return np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, kernel) > 0)


def filled(shape: tuple[int, ...], boxes: list[Box]) -> NDArray[np.bool_]:
    """A mask of a picture's shape with boxes filled."""
    mask = np.zeros(shape[:2], np.bool_)
    for left, top, right, bottom in boxes:
        mask[max(int(top), 0) : max(round(bottom), 0), max(int(left), 0) : max(round(right), 0)] = True
    return mask


def share_inside(mask: NDArray[np.bool_], box: Box) -> float:
    """Share of a box that a mask covers."""
    left, top, right, bottom = (round(side) for side in box)
    window = mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    return float(window.mean()) if window.size else 0.0


def outside(mask: NDArray[np.bool_], known: Known) -> int:
    """Covered pixels beyond the known boxes: what was hidden and need not have been."""
    return int((mask & ~filled(mask.shape, known.faces + known.plates + known.unsure)).sum())


def strays(mask: NDArray[np.bool_], known: list[Box]) -> int:
    """Covers that touch none of the known boxes."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    touched = {0}
    for left, top, right, bottom in known:
        inside = labels[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
        touched.update(np.unique(inside).tolist())
    return len(set(np.unique(labels).tolist()) - touched)
