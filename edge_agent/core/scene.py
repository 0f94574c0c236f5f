"""What a picture is like, in a handful of numbers and two small maps: enough to tell a camera's health, nobody's face.

A glance at a picture takes
- `brightness`, `contrast` and `highlights` of the picture brought to 320 x 180 grey pixels;
- `sharpness`, the only figure that needs full resolution: how much of the steepness of edges a further blur would
  take away (after Crete et al., 2007), along some of its rows and columns. Four neighbouring lines are averaged and
  steps under `NOISE` levels do not count, so that neither a sensor's noise nor a faint texture passes for an edge;
- `shades`, the mean grey of 32 x 18 cells, and `outlines`, how steep the edges are in 64 x 36 cells;
- `light`: night is what has no colour (an infrared lamp's picture) or little brightness.

Shares are per mille. A cell of `shades` is 60 pixels wide in a picture of 1920, one of `outlines` 30:
docs/camera-health.md says why neither a plate nor a face can be read in them, and a test tries.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_PX: Final = (320, 180)
SHADES_CELLS: Final = (32, 18)
OUTLINE_CELLS: Final = (64, 36)
NOISE: Final = 8
"""Grey levels between neighbouring pixels that count as a step."""
EDGE: Final = 2.0
"""Mean steepness, in grey levels a working pixel, of a cell that has an edge in it."""
LINE_PX: Final = 4
LINE_STEP: Final = 3
"""Of the lines, each the mean of `LINE_PX` rows or columns, every third is looked at."""
COLOUR_STEP_PX: Final = 4
COLOUR: Final = 4.0
"""Mean difference, in levels, between a cell's strongest and weakest channel from which on a picture has colour."""
NIGHT_BRIGHTNESS: Final = 180
BLUR_PX: Final = 9

Map = NDArray[np.float32]


class Light(StrEnum):
    """What a camera sees by."""

    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Glance:
    """One picture of one camera. `working` lives as long as the next glance and is never kept on a disk."""

    brightness: int
    contrast: int
    highlights: int
    sharpness: int
    edges: int
    light: Light
    shades: Map = field(repr=False)
    outlines: Map = field(repr=False)
    working: NDArray[np.uint8] = field(repr=False)


def glance(image: NDArray[np.uint8]) -> Glance:
    """Look at a BGR picture of any size."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    working = np.asarray(cv2.resize(grey, WORKING_PX, interpolation=cv2.INTER_AREA), np.uint8)
    outlines = _outlines(working)
    shades = cv2.resize(working.astype(np.float32), SHADES_CELLS, interpolation=cv2.INTER_AREA)
    brightness = _permille(working.mean() / 255)
    return Glance(
        brightness=brightness,
        contrast=_permille(working.std() / 128),
        highlights=_permille(float(np.percentile(working, 99)) / 255),
        sharpness=sharpness_of(grey),
        edges=_permille(float((outlines >= EDGE).mean())),
        light=Light.NIGHT if brightness < NIGHT_BRIGHTNESS or not _has_colour(image) else Light.DAY,
        shades=np.asarray(shades, np.float32),
        outlines=outlines,
        working=working,
    )


def sharpness_of(grey: NDArray[np.uint8]) -> int:
    """Sharpness of a grey picture, the lesser of along and across; 0 where there is no step at all."""
    height, width = grey.shape
    rows = cv2.resize(grey, (width, max(1, height // LINE_PX)), interpolation=cv2.INTER_AREA)
    columns = cv2.resize(grey, (max(1, width // LINE_PX), height), interpolation=cv2.INTER_AREA)
    along = _steepness_lost(np.asarray(rows[::LINE_STEP], np.uint8))
    across = _steepness_lost(np.ascontiguousarray(columns[:, ::LINE_STEP].T, np.uint8))
    return _permille(min(along, across))


def _steepness_lost(lines: NDArray[np.uint8]) -> float:
    """The share of its steps that a picture of separate lines loses to a blur along them."""
    values = lines.astype(np.float32)
    blurred = cv2.blur(values, (BLUR_PX, 1))
    steps, left = np.abs(np.diff(values, axis=1)), np.abs(np.diff(blurred, axis=1))
    counted = steps >= NOISE
    whole = float(steps[counted].sum())
    return float(np.clip(steps[counted] - left[counted], 0, None).sum()) / whole if whole else 0.0


def _outlines(working: NDArray[np.uint8]) -> Map:
    """Mean steepness of each cell, after a light blur that takes the noise out."""
    calm = cv2.GaussianBlur(working, (3, 3), 0)
    across = cv2.Sobel(calm, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(calm, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.resize(cv2.magnitude(across, down), OUTLINE_CELLS, interpolation=cv2.INTER_AREA), np.float32)


def _has_colour(image: NDArray[np.uint8]) -> bool:
    spread = np.ascontiguousarray(image[::COLOUR_STEP_PX, ::COLOUR_STEP_PX])
    cells = np.asarray(cv2.resize(spread, SHADES_CELLS, interpolation=cv2.INTER_AREA), np.uint8)
    return float((cells.max(axis=2) - cells.min(axis=2)).mean()) >= COLOUR


def has_moved_on(before: Glance, after: Glance, levels: int) -> bool:
    """Whether any working pixel differs by more than some grey levels: a live picture always does."""
    return bool((cv2.absdiff(before.working, after.working) > levels).any())


def _permille(share: float) -> int:
    return round(1000 * min(max(share, 0.0), 1.0))
