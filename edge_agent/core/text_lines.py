"""Lines of text on a plate's crop, from the probability map of a differentiable-binarisation network.

A line is a quadrilateral of four corners: top left, top right, bottom right, bottom left, so that a tilted
line can be turned upright. The map marks the kernel of each line, smaller than the line itself by a known
rule; a kernel grows back by area x `UNCLIP` / perimeter.

A Mexican plate prints a state's name above and a slogan below its number, smaller. So the lines of the
number are the largest line, and those nearly as tall that stand above or below it (a two-line plate).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

KERNEL_PROBABILITY: Final = 0.3
LINE_CONFIDENCE: Final = 0.5
UNCLIP: Final = 1.6
MIN_KERNEL_PX: Final = 3
STACKED_HEIGHT_SHARE: Final = 0.75
"""How tall a further line must be, of the largest line's height, to be part of the number."""
STACKED_WIDTH_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class TextLine:
    """`corners` is (4, 2) float32 in pixels of the crop."""

    corners: NDArray[np.float32]

    @property
    def width_px(self) -> float:
        """Length of the longer of the two horizontal sides."""
        tl, tr, br, bl = self.corners
        return float(max(np.linalg.norm(tr - tl), np.linalg.norm(br - bl)))

    @property
    def height_px(self) -> float:
        """Length of the longer of the two upright sides."""
        tl, tr, br, bl = self.corners
        return float(max(np.linalg.norm(bl - tl), np.linalg.norm(br - tr)))


def find_lines(map_: NDArray[np.float32], crop_size: tuple[int, int]) -> list[TextLine]:
    """Lines in a (height, width) probability map, in pixels of the crop of that (height, width)."""
    marked = (map_ > KERNEL_PROBABILITY).astype(np.uint8)
    joined = cv2.dilate(marked, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(joined, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    scale = np.array([crop_size[1] / map_.shape[1], crop_size[0] / map_.shape[0]], np.float32)
    quads = [quad for contour in contours if (quad := _line_of(contour, map_)) is not None]
    return [TextLine(quad * scale) for quad in quads]


def _line_of(contour: NDArray[Any], map_: NDArray[np.float32]) -> NDArray[np.float32] | None:
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < MIN_KERNEL_PX:
        return None
    if _mean_inside(map_, _corners(centre, width, height, angle)) < LINE_CONFIDENCE:
        return None
    margin = width * height * UNCLIP / (width + height)
    return _in_order(_corners(centre, width + margin, height + margin, angle))


def _corners(centre: Sequence[float], width: float, height: float, angle: float) -> NDArray[np.float32]:
    return np.asarray(cv2.boxPoints((centre, (width, height), angle)), np.float32)


def _mean_inside(map_: NDArray[np.float32], corners: NDArray[np.float32]) -> float:
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    window = map_[low[1] : high[1], low[0] : high[0]]
    inside = np.zeros(window.shape, np.uint8)
    cv2.fillPoly(inside, [(corners - low).astype(np.int32)], (1,))
    return float(cv2.mean(window, inside)[0])


def _in_order(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def number_lines(lines: list[TextLine]) -> list[TextLine]:
    """Lines of the plate's number from top to bottom; none if there are no lines."""
    if not lines:
        return []
    main = max(lines, key=lambda line: line.width_px * line.height_px)
    chosen = [line for line in lines if line is main or _is_stacked(line, main)]
    return sorted(chosen, key=lambda line: float(line.corners[:, 1].mean()))


def _is_stacked(line: TextLine, main: TextLine) -> bool:
    tall = line.height_px >= STACKED_HEIGHT_SHARE * main.height_px
    wide = line.width_px >= STACKED_WIDTH_SHARE * main.width_px
    apart = abs(float(line.corners[:, 1].mean() - main.corners[:, 1].mean())) > 0.7 * main.height_px
    centre_px = float(line.corners[:, 0].mean())
    above_or_below = main.corners[:, 0].min() < centre_px < main.corners[:, 0].max()
    return tall and wide and apart and bool(above_or_below)


def upright(crop: NDArray[np.uint8], line: TextLine) -> NDArray[np.uint8] | None:
    """Cut one line out and turn it level; None where nothing of it is left."""
    width, height = int(line.width_px), int(line.height_px)
    if width < 2 or height < 2:
        return None
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(line.corners, corners)
    level = cv2.warpPerspective(crop, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(level, np.uint8)
