"""One flat plate in the making: a sheet measured in millimetres, printed on, embossed, punched and cut."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.ink import inked, lay
from plate_press.palette import Colour
from plate_press.textures import patch
from plate_press.typefaces import glyph, line

_SIGNS = re.compile(r"\{[A-Z0-9]*\}|.")
_SPECIAL: Final = {"-": 0.42, " ": 0.34, ".": 0.3, "*": 0.62}
"""What is print between characters, and its advance as a share of their height."""
_LIGHT: Final = np.array([[-1.3, -2, -0.7], [-0.7, 0, 0.7], [0.7, 2, 1.3]], np.float32) * np.float32(0.05)


def _bar() -> NDArray[np.uint8]:
    mask = np.zeros((96, 29), np.uint8)
    mask[42:54] = 255
    return mask


def _spot() -> NDArray[np.uint8]:
    mask = np.zeros((96, 15), np.uint8)
    cv2.circle(mask, (7, 48), 7, 255, -1, cv2.LINE_AA)
    return mask


_BAR: Final = _bar()
_SPOT: Final = _spot()


@dataclass(frozen=True, slots=True)
class Hand:
    """How characters are set and printed.

    `stretch` is the width against the face's own, `gap` a share of the height, `is_even` gives all one advance;
    `grow_px` makes strokes bolder or thinner, `outline` rims them, `wear` is the paint lost in patches (0..1).
    """

    face: int
    stretch: float = 1.0
    gap: float = 0.12
    is_even: bool = False
    grow_px: float = 0.0
    relief: float = 1.0
    outline: Colour | None = None
    wear: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a part of the row landed, in pixels of the sheet."""

    sign: str
    x: float
    width: float


class Sheet:
    """Owns the plate's picture `bgr` (h, w, 3) at `scale` px per mm."""

    def __init__(self, size_mm: tuple[float, float], width_px: float) -> None:
        self.size_mm: Final = size_mm
        self.scale: Final = width_px / size_mm[0]
        self.bgr: NDArray[np.uint8] = np.empty(
            (max(8, round(size_mm[1] * self.scale)), max(8, round(width_px)), 3), np.uint8
        )

    def px(self, mm: float) -> int:
        return round(mm * self.scale)

    def fill(self, box_mm: tuple[float, float, float, float], colour: Colour) -> None:
        """A box x, y, w, h."""
        x, y, w, h = (self.px(v) for v in box_mm)
        cv2.rectangle(self.bgr, (x, y), (x + max(1, w) - 1, y + max(1, h) - 1), colour, -1)

    def text(
        self, text: str, centre_mm: tuple[float, float], height_mm: float, *, fit_mm: float, face: int, ink: Colour
    ) -> None:
        """A line of small print, narrowed to `fit_mm`."""
        mask = line(text, face)
        height = max(2, self.px(height_mm))
        width = max(2, round(min(mask.shape[1] * height / mask.shape[0], fit_mm * self.scale)))
        small = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        lay(self.bgr, small, self.px(centre_mm[0]) - width // 2, self.px(centre_mm[1]) - height // 2, ink)

    def characters(
        self, shown: str, box_mm: tuple[float, float, float, float], hand: Hand, ink: Colour
    ) -> list[Placed]:
        """The plate's own text, centred in a box x, y, w, h and as high as it; returns where emblems belong."""
        height = max(6, self.px(box_mm[3]))
        parts = [_part(sign, height, hand) for sign in _SIGNS.findall(shown)]
        gap = hand.gap * height
        total = sum(part.advance for part in parts) + gap * (len(parts) - 1)
        squeeze = min(1.0, box_mm[2] * self.scale / total)
        x = (box_mm[0] + box_mm[2] / 2) * self.scale - total * squeeze / 2
        first_x, top = x, self.px(box_mm[1])
        canvas = np.zeros(self.bgr.shape[:2], np.uint8)
        placed: list[Placed] = []
        for part in parts:
            if part.mask is not None:
                own = max(2, round(part.width * squeeze))
                _stamp(canvas, part.mask, x + (part.advance * squeeze - own) / 2, top, (own, height))
            placed.append(Placed(part.sign, x, part.advance * squeeze))
            x += (part.advance + gap) * squeeze
        rows = slice(max(0, top - 4), top + height + 4)
        columns = slice(max(0, int(first_x) - 4), int(x) + 4)
        ground = self.bgr[rows, columns]
        mask = _worn(_grown(canvas[rows, columns], hand.grow_px * min(1.0, height / 36)), hand.wear)
        if hand.outline is not None:
            rim = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
            ground[:] = inked(ground, rim, hand.outline)
        ground[:] = _embossed(ground, mask, ink, hand.relief, height)
        return placed

    def bolts(self, places_mm: list[tuple[float, float]], radius_mm: float, colour: Colour) -> None:
        """Bolt heads or holes, with a shadow's edge."""
        for x, y in places_mm:
            at, radius = (self.px(x), self.px(y)), max(1, self.px(radius_mm))
            cv2.circle(self.bgr, at, radius, colour, -1, cv2.LINE_AA)
            cv2.circle(self.bgr, at, radius, (60, 60, 60), 1, cv2.LINE_AA)

    def cut(self, radius_mm: float) -> NDArray[np.uint8]:
        """The sheet's outline as a mask with rounded corners."""
        height, width = self.bgr.shape[:2]
        alpha = np.zeros((height, width), np.uint8)
        r = min(self.px(radius_mm), height // 2 - 1)
        cv2.rectangle(alpha, (r, 0), (width - r - 1, height - 1), 255, -1)
        cv2.rectangle(alpha, (0, r), (width - 1, height - r - 1), 255, -1)
        for x in (r, width - r - 1):
            for y in (r, height - r - 1):
                cv2.circle(alpha, (x, y), r, 255, -1, cv2.LINE_AA)
        return alpha


@dataclass(frozen=True, slots=True)
class _Part:
    """A sign's mask at any size, the width it wants at the row's height, and how far it moves the next one."""

    sign: str
    mask: NDArray[np.uint8] | None
    width: float
    advance: float


def _part(sign: str, height: int, hand: Hand) -> _Part:
    if sign in _SPECIAL:
        mask = _BAR if sign == "-" else _SPOT if sign == "." else None
        width = height * mask.shape[1] / mask.shape[0] if mask is not None else 0.0
        return _Part(sign, mask, width, _SPECIAL[sign] * height)
    if sign.startswith("{"):
        mask = _stack(hand.face, sign[1:-1])
        # Two letters stand nearly half as high as the row each; their own widths shrink less.
        width = height * mask.shape[1] / mask.shape[0] * min(1.5, len(sign[1:-1]) * 0.85)
        return _Part(sign, mask, width, width)
    mask = glyph(hand.face, sign)
    width = height * hand.stretch * mask.shape[1] / mask.shape[0]
    return _Part(sign, mask, width, max(width, 0.52 * hand.stretch * height) if hand.is_even else width)


@lru_cache(maxsize=4000)
def _stack(face: int, letters: str) -> NDArray[np.uint8]:
    """Letters above one another."""
    masks = [glyph(face, letter) for letter in letters]
    width = max(mask.shape[1] for mask in masks)
    rows = [cv2.copyMakeBorder(m, 5, 5, 0, 0, cv2.BORDER_CONSTANT, value=(0.0,)) for m in masks]
    sides = [((width - row.shape[1]) // 2, width - row.shape[1] - (width - row.shape[1]) // 2) for row in rows]
    return np.vstack([np.pad(row, ((0, 0), side)) for row, side in zip(rows, sides, strict=True)]).astype(np.uint8)


def _embossed(
    ground: NDArray[np.uint8], mask: NDArray[np.uint8], ink: Colour, relief: float, height: int
) -> NDArray[np.uint8]:
    """The characters inked; their raised edges catch the light from above."""
    out = inked(ground, mask, ink)
    if relief <= 0:
        return out
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, height * 0.03))
    slope = cv2.filter2D(soft, cv2.CV_32F, _LIGHT * np.float32(relief))
    return np.asarray(cv2.add(out, cv2.merge([slope] * 3), dtype=cv2.CV_8U), np.uint8)


def _stamp(canvas: NDArray[np.uint8], mask: NDArray[np.uint8], x: float, y: int, size: tuple[int, int]) -> None:
    if mask.shape[1::-1] != size:
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    left = min(max(0, round(x)), canvas.shape[1] - 1)
    top = min(max(0, y), canvas.shape[0] - 1)
    spot = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    np.maximum(spot, mask[: spot.shape[0], : spot.shape[1]], out=spot)


def _worn(mask: NDArray[np.uint8], wear: float) -> NDArray[np.uint8]:
    """Characters paler in patches, never wholly gone."""
    if wear <= 0:
        return mask
    patches = patch(mask.shape[0], mask.shape[1], wear)
    return np.asarray(cv2.multiply(mask, patches, scale=1 / 255), np.uint8)


def _grown(mask: NDArray[np.uint8], grow_px: float) -> NDArray[np.uint8]:
    """Strokes made bolder or thinner by a part of a pixel: paint that ran, paint that wore off."""
    if abs(grow_px) < 0.1:
        return mask
    kernel = np.ones((3, 3), np.uint8)
    other = cv2.dilate(mask, kernel) if grow_px > 0 else cv2.erode(mask, kernel)
    share = min(1.0, abs(grow_px))
    return np.asarray(cv2.addWeighted(mask, 1 - share, other, share, 0), np.uint8)
