"""One flat plate in the making: a sheet measured in millimetres, printed on, embossed, punched and cut."""

import re
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.palette import Colour
from plate_press.typefaces import glyph, line

_SIGNS = re.compile(r"\{[A-Z0-9]*\}|.")
_HYPHEN, _GAP, _DOT, _EMBLEM = 0.42, 0.34, 0.3, 0.62  # widths as shares of the characters' height


@dataclass(frozen=True, slots=True)
class Hand:
    """How characters are set: face, width against the face's own, gap, one advance for all or each its own."""

    face: int
    stretch: float = 1.0
    gap: float = 0.12
    is_even: bool = False
    grow_px: float = 0.0
    relief: float = 1.0


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

    def blend(self, mask: NDArray[np.uint8], x: int, y: int, colour: Colour, strength: float = 1.0) -> None:
        """Lay a mask in a colour on the sheet; what hangs over the rim is cut."""
        height, width = self.bgr.shape[:2]
        left, top = max(0, x), max(0, y)
        right, bottom = min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
        if left >= right or top >= bottom:
            return
        part = mask[top - y : bottom - y, left - x : right - x, None].astype(np.float32) * (strength / 255)
        ground = self.bgr[top:bottom, left:right]
        ground[:] = ground + (np.array(colour, np.float32) - ground) * part

    def text(
        self, text: str, centre_mm: tuple[float, float], height_mm: float, *, fit_mm: float, face: int, ink: Colour
    ) -> None:
        """A line of small print, narrowed to `fit_mm`."""
        mask = line(text, face)
        height = max(2, self.px(height_mm))
        width = max(2, round(min(mask.shape[1] * height / mask.shape[0], fit_mm * self.scale)))
        small = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        self.blend(small, self.px(centre_mm[0]) - width // 2, self.px(centre_mm[1]) - height // 2, ink)

    def characters(
        self, shown: str, box_mm: tuple[float, float, float, float], hand: Hand, ink: Colour
    ) -> list[Placed]:
        """The plate's own text, centred in a box x, y, w, h and as high as it; returns where emblems belong."""
        height = max(6, self.px(box_mm[3]))
        parts = [(sign, _mask(sign, height, hand)) for sign in _SIGNS.findall(shown)]
        widths = [_width(sign, mask, height, hand) for sign, mask in parts]
        gap = hand.gap * height
        total = sum(widths) + gap * (len(parts) - 1)
        squeeze = min(1.0, box_mm[2] * self.scale / total)
        x = (box_mm[0] + box_mm[2] / 2) * self.scale - total * squeeze / 2
        canvas = np.zeros(self.bgr.shape[:2], np.uint8)
        placed: list[Placed] = []
        for (sign, mask), advance in zip(parts, widths, strict=True):
            if mask is not None:
                own = max(2, round(mask.shape[1] * squeeze))
                _stamp(canvas, mask, x + (advance * squeeze - own) / 2, self.px(box_mm[1]), (own, height))
            placed.append(Placed(sign, x, advance * squeeze))
            x += (advance + gap) * squeeze
        self._emboss(_grown(canvas, hand.grow_px), ink, hand.relief, self.px(box_mm[1]), height)
        return placed

    def _emboss(self, mask: NDArray[np.uint8], ink: Colour, relief: float, y: int, height: int) -> None:
        """Ink the characters; their raised edges catch the light from above."""
        top, bottom = max(0, y - 6), min(mask.shape[0], y + height + 6)
        cover = mask[top:bottom].astype(np.float32) / 255
        ground = self.bgr[top:bottom]
        out = ground + (np.array(ink, np.float32) - ground) * cover[..., None]
        if relief > 0:
            soft = cv2.GaussianBlur(cover, (0, 0), max(0.6, height * 0.03))
            slope = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3) + 0.6 * np.asarray(
                cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
            )
            out += np.clip(slope * (14 * relief), -60, 60)[..., None]
        ground[:] = np.clip(out, 0, 255)

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


def _mask(sign: str, height: int, hand: Hand) -> NDArray[np.uint8] | None:
    """A sign's mask before it is squeezed, None for what leaves the sheet bare."""
    if sign.startswith("{"):
        letters = [glyph(hand.face, c) for c in sign[1:-1]]
        width = max(g.shape[1] for g in letters)
        rows = [
            np.pad(g, ((4, 4), ((width - g.shape[1]) // 2, width - g.shape[1] - (width - g.shape[1]) // 2)))
            for g in letters
        ]
        return _scaled(np.vstack(rows), height / (len(rows) * rows[0].shape[0]) * min(1.5, len(rows) * 0.85), height)
    if sign in "- ":
        return _bar(height) if sign == "-" else None
    if sign == ".":
        return _spot(height)
    return None if sign == "*" else _scaled(glyph(hand.face, sign), height / 96 * hand.stretch, height)


def _scaled(mask: NDArray[np.uint8], factor: float, height: int) -> NDArray[np.uint8]:
    """Only the width is fixed here; the height follows when the row is stamped."""
    width = max(2, round(mask.shape[1] * factor))
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _width(sign: str, mask: NDArray[np.uint8] | None, height: int, hand: Hand) -> float:
    special = {"-": _HYPHEN, " ": _GAP, ".": _DOT, "*": _EMBLEM}.get(sign)
    if special is not None:
        return special * height
    own = float(mask.shape[1]) if mask is not None else 0.0
    return max(own, 0.52 * hand.stretch * height) if hand.is_even and not sign.startswith("{") else own


def _bar(height: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, max(3, round(height * 0.3))), np.uint8)
    middle, thick = round(height * 0.5), max(1, round(height * 0.06))
    mask[middle - thick : middle + thick] = 255
    return mask


def _spot(height: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, max(3, round(height * 0.16))), np.uint8)
    cv2.circle(mask, (mask.shape[1] // 2, round(height * 0.5)), max(1, mask.shape[1] // 2), 255, -1, cv2.LINE_AA)
    return mask


def _stamp(canvas: NDArray[np.uint8], mask: NDArray[np.uint8], x: float, y: int, size: tuple[int, int]) -> None:
    if mask.shape[1::-1] != size:
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    left = min(max(0, round(x)), canvas.shape[1] - 1)
    top = min(max(0, y), canvas.shape[0] - 1)
    spot = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    np.maximum(spot, mask[: spot.shape[0], : spot.shape[1]], out=spot)


def _grown(mask: NDArray[np.uint8], grow_px: float) -> NDArray[np.uint8]:
    """Strokes made bolder or thinner by a part of a pixel: paint that ran, paint that wore off."""
    if abs(grow_px) < 0.1:
        return mask
    kernel = np.ones((3, 3), np.uint8)
    other = cv2.dilate(mask, kernel) if grow_px > 0 else cv2.erode(mask, kernel)
    share = min(1.0, abs(grow_px))
    return np.asarray(cv2.addWeighted(mask, 1 - share, other, share, 0), np.uint8)
