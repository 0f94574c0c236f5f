"""Aiming a camera: what its picture is like for the reader, and the one thing to do next.

A technician turns a lens and looks at a phone. So of all that could be said only the first of these is said, in the
order in which it is mended: no light, no focus, no plate in sight, plates too small, plates cut by the rim or too
large, tilted, too bright, too dark, smeared by motion; else the camera is right.

What is measured of a plate is its box, the slope of its lines, how bright and how sharp it is: never its text.
The verdict rests on the plates of the last `MEMORY_S`, so that one can wait for the next car.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy, as_slices
from edge_agent.core.pipeline import sharpness, touches_rim
from edge_agent.core.plate_slope import slope_deg
from edge_agent.core.scene import Glance

NEEDED_PX: Final = 100
"""Width from which the reader reads a plate as well as ever (docs/aim.md has the measurement)."""
LARGEST_SHARE: Final = 0.5
SURE_PLATE: Final = 0.4
MOST_TILT_DEG: Final = 15.0
GLARE_SHARE: Final = 0.3
GLARE_LEVEL: Final = 250
DIM_LEVEL: Final = 45
SHARP_PLATE: Final = 150.0
SHARP_SCENE: Final = 300
DARK_HIGHLIGHTS: Final = 120
MEMORY_S: Final = 30.0
LEAST_PLATES: Final = 3
"""Sightings before it is said that a camera is right."""


class Advice(StrEnum):
    """The one thing to do; each is a message of the catalogue, `aim-do-...`."""

    MORE_LIGHT = "more-light"
    FOCUS = "focus"
    WAIT = "wait"
    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    INTO_VIEW = "into-view"
    TURN = "turn"
    LESS_EXPOSURE = "less-exposure"
    MORE_EXPOSURE = "more-exposure"
    SHORTER_SHUTTER = "shorter-shutter"
    MORE_CARS = "more-cars"
    RIGHT = "right"

    @property
    def is_right(self) -> bool:
        """Whether the technician may go on to the next camera."""
        return self is Advice.RIGHT


@dataclass(frozen=True, slots=True)
class PlateView:
    """One plate in one picture, in pixels of the whole picture. No text."""

    seen_s: float
    width_px: float
    height_px: float
    share: float
    level: float
    glare: float
    sharpness: float
    is_cut: bool
    tilt_deg: float | None


@dataclass(frozen=True, slots=True)
class Aim:
    """What is said of a camera: figures of the plates seen lately (None: none seen), and the advice."""

    advice: Advice
    plates: int
    width_px: int | None
    tilt_deg: int | None
    plate_sharpness: int | None
    plate_level: int | None
    scene_sharpness: int
    brightness: int


class NoPicture(StrEnum):
    """Why there is no picture to show; each is a message of the catalogue, `aim-no-picture-...`."""

    SILENT = "silent"
    NOT_REDACTED = "not-redacted"


@dataclass(frozen=True, slots=True)
class Look:
    """What the page shows of one frame. `jpeg` is redacted, or None with the reason in `missing`."""

    number: int
    camera: str
    aim: Aim | None
    jpeg: bytes | None = field(repr=False)
    missing: NoPicture | None = None


def view_of(image: NDArray[np.uint8], xyxy: Xyxy, seen_s: float) -> PlateView:
    """Measure a plate."""
    rows, columns = as_slices(xyxy, image.shape[0], image.shape[1])
    grey = cv2.cvtColor(image[rows, columns], cv2.COLOR_BGR2GRAY)
    return PlateView(
        seen_s=seen_s,
        width_px=xyxy[2] - xyxy[0],
        height_px=xyxy[3] - xyxy[1],
        share=(xyxy[2] - xyxy[0]) / image.shape[1],
        level=float(grey.mean()),
        glare=float((grey >= GLARE_LEVEL).mean()),
        sharpness=sharpness(image, xyxy),
        is_cut=touches_rim(xyxy, image.shape[0], image.shape[1]),
        tilt_deg=slope_deg(image, xyxy),
    )


def recent(views: Sequence[PlateView], now_s: float) -> list[PlateView]:
    """The plates that still count."""
    return [view for view in views if now_s - view.seen_s <= MEMORY_S]


def aim_of(seen: Glance, views: Sequence[PlateView]) -> Aim:
    """Judge a picture with the plates seen lately."""
    whole = [view for view in views if not view.is_cut]
    tilts = [view.tilt_deg for view in whole if view.tilt_deg is not None]
    return Aim(
        advice=_advice(seen, views, whole, tilts),
        plates=len(views),
        width_px=round(median(view.width_px for view in whole)) if whole else None,
        tilt_deg=round(median(tilts)) if tilts else None,
        plate_sharpness=round(median(view.sharpness for view in whole)) if whole else None,
        plate_level=round(median(view.level for view in whole)) if whole else None,
        scene_sharpness=seen.sharpness,
        brightness=seen.brightness,
    )


def _advice(seen: Glance, views: Sequence[PlateView], whole: Sequence[PlateView], tilts: Sequence[float]) -> Advice:
    if seen.highlights < DARK_HIGHLIGHTS:
        return Advice.MORE_LIGHT
    if seen.sharpness < SHARP_SCENE:
        return Advice.FOCUS
    if not whole:
        return Advice.INTO_VIEW if views else Advice.WAIT
    return _advice_on_plates(whole, tilts)


def _advice_on_plates(whole: Sequence[PlateView], tilts: Sequence[float]) -> Advice:
    """The first that fits, in the order in which it is mended."""
    in_order = (
        (median(view.width_px for view in whole) < NEEDED_PX, Advice.ZOOM_IN),
        (median(view.share for view in whole) > LARGEST_SHARE, Advice.ZOOM_OUT),
        (bool(tilts) and abs(median(tilts)) > MOST_TILT_DEG, Advice.TURN),
        (median(view.glare for view in whole) > GLARE_SHARE, Advice.LESS_EXPOSURE),
        (median(view.level for view in whole) < DIM_LEVEL, Advice.MORE_EXPOSURE),
        (median(view.sharpness for view in whole) < SHARP_PLATE, Advice.SHORTER_SHUTTER),
        (len(whole) < LEAST_PLATES, Advice.MORE_CARS),
    )
    return next((advice for holds, advice in in_order if holds), Advice.RIGHT)
