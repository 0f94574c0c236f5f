"""Fitting a picture into a network's input with its aspect ratio kept, and boxes back out of it.

The picture is scaled by one factor for both sides and centred; the rest is filled with one grey. Squashing
instead would lose faces and bend characters. Scaling is bilinear: averaging areas costs five times as much
and finds no more.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes, clip

STEP_PX: Final = 32
"""Our networks halve their input five times, so its sides are multiples of this."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture of `source` (height, width) lies in an input of `target` (height, width)."""

    source: tuple[int, int]
    target: tuple[int, int]
    scale: float
    left_px: int
    top_px: int

    @classmethod
    def fit(cls, source: tuple[int, int], target: tuple[int, int]) -> "Letterbox":
        """Centre a picture in an input, as large as it goes."""
        scale = min(target[0] / source[0], target[1] / source[1])
        height, width = (max(1, round(side * scale)) for side in source)
        return cls(source, target, scale, (target[1] - width) // 2, (target[0] - height) // 2)

    def apply(self, image: NDArray[np.uint8], fill: int = 114) -> NDArray[np.uint8]:
        """Return the input picture, (target height, target width, 3)."""
        height, width = (max(1, round(side * self.scale)) for side in self.source)
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        if (height, width) == self.target:
            return np.asarray(scaled, np.uint8)
        canvas = np.full((*self.target, 3), fill, np.uint8)
        canvas[self.top_px : self.top_px + height, self.left_px : self.left_px + width] = scaled
        return canvas

    def to_source(self, xyxy: Boxes) -> Boxes:
        """Boxes in the input's pixels to boxes in the picture's, cut at its rim."""
        offset = np.array([self.left_px, self.top_px, self.left_px, self.top_px], np.float32)
        return clip((xyxy - offset) / np.float32(self.scale), *self.source)

    def to_target(self, xyxy: Boxes) -> Boxes:
        """Boxes in the picture's pixels to boxes in the input's."""
        offset = np.array([self.left_px, self.top_px, self.left_px, self.top_px], np.float32)
        return np.asarray(xyxy * np.float32(self.scale) + offset, np.float32)


def input_size(source: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Smallest input that holds a picture scaled to a longest side, sides rounded up to `STEP_PX`."""
    scale = longest_px / max(source)
    height, width = (-(-max(1, round(side * scale)) // STEP_PX) * STEP_PX for side in source)
    return height, width
