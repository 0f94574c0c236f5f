"""Drawing on transparent pictures that are measured in metres.

A `Canvas` covers a rectangle of a plane, x to the right and y up, so that a headlight is written down where
it sits on the car. Pixels are premultiplied BGRA: an antialiased edge fades colour and alpha together, and
warping or shrinking it never shows a dark rim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Canvas:
    """`pixels` is (height_px, width_px, 4) uint8; (x0, y0) is the lower left corner in metres."""

    pixels: NDArray[np.uint8]
    x0: float
    y0: float
    px_per_m: float

    @classmethod
    def cover(cls, x0: float, y0: float, x1: float, y1: float, px_per_m: float = 400) -> Self:
        """An empty canvas over a rectangle."""
        shape = (round((y1 - y0) * px_per_m), round((x1 - x0) * px_per_m), 4)
        return cls(np.zeros(shape, np.uint8), x0, y0, px_per_m)

    @property
    def x1(self) -> float:
        """The right edge."""
        return float(self.x0 + self.pixels.shape[1] / self.px_per_m)

    @property
    def y1(self) -> float:
        """The upper edge."""
        return float(self.y0 + self.pixels.shape[0] / self.px_per_m)

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon with one colour."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], _bgra(colour), cv2.LINE_AA, _SHIFT)

    def line(self, points: Points, colour: Colour, width_m: float) -> None:
        """Draw an open line."""
        thickness = max(1, round(width_m * self.px_per_m))
        cv2.polylines(self.pixels, [self._fixed(points)], False, _bgra(colour), thickness, cv2.LINE_AA, _SHIFT)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, *, radius: float = 0.0) -> None:
        """Fill a rectangle with rounded corners."""
        self.polygon(rounded_box(x0, y0, x1, y1, radius), colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill an ellipse."""
        self.polygon(ellipse_points(x, y, rx, ry), colour)

    def gradient(self, points: Points, top: Colour, bottom: Colour, opacity: float = 1.0) -> None:
        """Fill a polygon with a vertical gradient, laid over what is there."""
        fixed = self._fixed(points)
        view, corner = self._around(fixed)
        if not view.size:
            return
        mask = np.zeros(view.shape[:2], np.uint8)
        cv2.fillPoly(mask, [fixed - np.array(corner) * (1 << _SHIFT)], 255, cv2.LINE_AA, _SHIFT)
        ys = [y for _, y in points]
        rows = np.arange(view.shape[0], dtype=np.float32) + corner[1]
        up = (self.y1 - rows / self.px_per_m - min(ys)) / max(1e-6, max(ys) - min(ys))
        ramp = np.clip(up, 0, 1)[:, None, None].astype(np.float32)
        colour = np.array(_bgra(top), np.float32) * ramp + np.array(_bgra(bottom), np.float32) * (1 - ramp)
        alpha = mask[..., None] * np.float32(opacity / 255)
        view[:] = (view * (1 - alpha) + colour * alpha + np.float32(0.5)).astype(np.uint8)

    def paste(self, picture: NDArray[np.uint8], x0: float, y0: float, x1: float, y1: float) -> None:
        """Lay a premultiplied BGRA picture into a rectangle."""
        left, right = (round((x - self.x0) * self.px_per_m) for x in (x0, x1))
        top, bottom = (round((self.y1 - y) * self.px_per_m) for y in (y1, y0))
        scaled = cv2.resize(picture, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        view = self.pixels[max(0, top) : bottom, max(0, left) : right]
        scaled = scaled[max(0, -top) :, max(0, -left) :][: view.shape[0], : view.shape[1]]
        rest = 1 - scaled[..., 3:].astype(np.float32) / 255
        view[:] = np.clip(view * rest + scaled + 0.5, 0, 255).astype(np.uint8)

    def _around(self, fixed: NDArray[np.int32]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """The part of the canvas around some points, and its upper left pixel."""
        x0, y0 = (max(0, int(v) - 1) for v in fixed.min(axis=0) >> _SHIFT)
        x1, y1 = (max(0, int(v) + 2) for v in fixed.max(axis=0) >> _SHIFT)
        return self.pixels[y0:y1, x0:x1], (x0, y0)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        metric = np.asarray(points, np.float64)
        pixels = np.stack([metric[:, 0] - self.x0, self.y1 - metric[:, 1]], axis=1) * self.px_per_m - 0.5
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)


def rounded_box(x0: float, y0: float, x1: float, y1: float, radius: float) -> Points:
    """The outline of a rectangle with rounded corners."""
    if radius <= 0:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    turns = np.linspace(0, np.pi / 2, 7)
    corners = [(x1, y1, 0), (x0, y1, 1), (x0, y0, 2), (x1, y0, 3)]
    outline = []
    for x, y, quarter in corners:
        cx = x - radius if x == x1 else x + radius
        cy = y - radius if y == y1 else y + radius
        outline += [(cx + radius * np.cos(a), cy + radius * np.sin(a)) for a in turns + quarter * np.pi / 2]
    return outline


def ellipse_points(x: float, y: float, rx: float, ry: float) -> Points:
    """The outline of an ellipse."""
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return [(x + rx * np.cos(a), y + ry * np.sin(a)) for a in turns]


def _bgra(colour: Colour) -> tuple[float, float, float, float]:
    return (*colour, 255.0)
