"""The plate reader's input: a plate's box cut out of a picture and brought to one size.

The box is grown by a share of its own sides, because detectors cut characters off and never because they leave room.
What it covers is stretched to 64 x 160 without keeping the aspect, so that plates of one line, of two lines and of
motorcycles all fill the input, and a slanted plate's box too. Outside the picture its rim goes on: a black or grey bar
there would be an edge that no street has. Each side is shrunk by averaging areas (nothing of a stroke is skipped) or
enlarged linearly.

Training cuts by this same function, so that the network meets on the street what it was taught with.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy

HEIGHT_PX: Final = 64
WIDTH_PX: Final = 160
MARGIN: Final = 0.08


def cut(image: NDArray[np.uint8], xyxy: Xyxy, margin: float = MARGIN) -> NDArray[np.uint8]:
    """Return what the box shows of a BGR picture, grown by `margin` on every side, as (64, 160, 3)."""
    left, top, right, bottom = xyxy
    columns = _span(left, right, margin)
    rows = _span(top, bottom, margin)
    return _to_input(_take(image, rows, columns))


def _span(low: float, high: float, margin: float) -> tuple[int, int]:
    """First pixel in and first pixel out, never an empty range."""
    grown = (high - low) * margin
    first = round(low - grown)
    return first, max(first + 1, round(high + grown))


def _take(image: NDArray[np.uint8], rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if rows[0] >= 0 and columns[0] >= 0 and rows[1] <= height and columns[1] <= width:
        return image[slice(*rows), slice(*columns)]
    return image[np.ix_(np.clip(np.arange(*rows), 0, height - 1), np.clip(np.arange(*columns), 0, width - 1))]


def _to_input(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = crop.shape[:2]
    smaller = (min(width, WIDTH_PX), min(height, HEIGHT_PX))
    if smaller != (width, height):
        crop = np.asarray(cv2.resize(crop, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(crop, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR), np.uint8)
