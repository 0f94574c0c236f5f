"""The two ends and the glass of a vehicle, drawn as flat pictures that are laid onto its body."""

from dataclasses import dataclass
from random import Random

import numpy as np

from .canvas import Canvas, Colour, ellipse_points, rounded_box
from .meshes import Span
from .people import HEAD_M, head

_CHROME, _CHROME_DARK = (226, 224, 220), (120, 118, 116)
_BLACK, _PLASTIC = (24, 23, 22), (46, 45, 44)
_AMBER, _RED, _RED_DARK = (20, 130, 240), (30, 24, 190), (20, 14, 96)


@dataclass(frozen=True, slots=True)
class EndSize:
    """An end's half width, and the heights between which lamps and bumper sit."""

    half_width: float
    bottom: float
    bumper: float
    top: float


def front_end(size: EndSize, rng: Random, *, paint: Colour) -> Canvas:
    """Headlights, grille, badge, bumper with its intake and fog lamps."""
    w, lamp_y0, lamp_y1 = size.half_width - 0.05, size.bumper + 0.035, size.top - 0.06
    canvas = Canvas.cover(-w, size.bottom, w, size.top)
    _seam(canvas, w, size.bumper, paint)
    _intake(canvas, w, size)
    _grille(canvas, w * 0.52, lamp_y0, lamp_y1, bars=rng.choice((3, 4, 5)))
    for side in (-1, 1):
        _headlight(canvas, side, (w * 0.58, w * 0.97), (lamp_y0, lamp_y1))
        fog_y = (size.bottom + size.bumper) / 2 - 0.03
        canvas.ellipse(side * w * 0.78, fog_y, 0.055, 0.045, _PLASTIC)
        canvas.ellipse(side * w * 0.78, fog_y, 0.038, 0.032, (206, 210, 206))
    return canvas


def rear_end(size: EndSize, rng: Random, *, paint: Colour) -> Canvas:
    """Tail lamps, boot seam, bumper, exhaust, a maker's word."""
    w = size.half_width - 0.05
    canvas = Canvas.cover(-w, size.bottom, w, size.top)
    dark = tuple(c * 0.45 for c in paint)
    _seam(canvas, w, size.bumper, paint)
    canvas.line([(-w * 0.64, size.top - 0.01), (-w * 0.64, size.bumper + 0.02), (w * 0.64, size.bumper + 0.02),
                 (w * 0.64, size.top - 0.01)], (dark[0], dark[1], dark[2]), 0.008)  # fmt: skip
    tall = rng.random() < 0.4
    for side in (-1, 1):
        _tail_lamp(canvas, side, w, size.top - (0.30 if tall else 0.20), size.top - 0.05)
    canvas.box(-0.16, size.top - 0.10, 0.16, size.top - 0.085, _CHROME, radius=0.006)
    canvas.ellipse(0, size.top - 0.145, 0.045, 0.035, _CHROME)
    canvas.ellipse(0, size.top - 0.145, 0.033, 0.024, _CHROME_DARK)
    canvas.box(-w * 0.9, size.bottom, w * 0.9, size.bottom + 0.07, _PLASTIC, radius=0.02)
    canvas.ellipse(-w * 0.6, size.bottom + 0.03, 0.035, 0.022, _CHROME_DARK)
    return canvas


def windscreen(half_width: float, height: float, *, driver: bool, look: int = 0) -> Canvas:
    """Glass with the cabin behind it, a driver if wanted, and the sky on it."""
    canvas = Canvas.cover(-half_width, 0.0, half_width, height, px_per_m=420)
    lean = 0.10
    glass = [(-half_width + 0.01, 0.01), (half_width - 0.01, 0.01), (half_width - lean, height - 0.01),
             (-half_width + lean, height - 0.01)]  # fmt: skip
    canvas.gradient(glass, (58, 52, 46), (30, 27, 24))
    for side in (-1, 1):
        canvas.box(side * half_width * 0.45 - 0.13, 0.05, side * half_width * 0.45 + 0.13, height * 0.62, (44, 42, 40),
                   radius=0.06)  # fmt: skip
        canvas.box(side * half_width * 0.45 - 0.09, height * 0.60, side * half_width * 0.45 + 0.09, height * 0.80,
                   (38, 36, 34), radius=0.04)  # fmt: skip
    if driver:
        _driver(canvas, half_width * 0.45, height, look)
    canvas.polygon([(-half_width, 0), (half_width, 0), (half_width * 0.93, 0.075), (-half_width * 0.93, 0.085)], _BLACK)
    canvas.box(-0.09, height - 0.10, 0.09, height - 0.05, (20, 20, 20), radius=0.015)
    _reflections(canvas, half_width, height, lean)
    canvas.line([(-half_width * 0.7, 0.02), (-0.05, 0.055)], (12, 12, 12), 0.012)
    canvas.line([(-0.02, 0.02), (half_width * 0.6, 0.055)], (12, 12, 12), 0.012)
    frame = [*glass, glass[0]]
    canvas.line(frame, (18, 18, 18), 0.022)
    return canvas


def _driver(canvas: Canvas, x: float, height: float, look: int) -> None:
    shoulder = height * 0.38
    jacket = [(x - 0.22, 0.0), (x + 0.22, 0.0), (x + 0.19, shoulder - 0.03), (x + 0.07, shoulder + 0.04),
              (x - 0.07, shoulder + 0.04), (x - 0.19, shoulder - 0.03)]  # fmt: skip
    canvas.gradient(jacket, (120, 92, 70), (60, 46, 36))
    y = shoulder - 0.03
    canvas.paste(head(look), x - HEAD_M[0] / 2, y, x + HEAD_M[0] / 2, y + HEAD_M[1])
    wheel = np.array(ellipse_points(x, 0.07, 0.18, 0.13))
    canvas.line([(float(px), float(py)) for px, py in wheel[:20]], (22, 22, 22), 0.022)


def _reflections(canvas: Canvas, half_width: float, height: float, lean: float) -> None:
    """A band of sky at the top and two slanted streaks, thin enough to see the driver through."""
    top = [(-half_width + lean * 0.8, height * 0.78), (half_width - lean * 0.8, height * 0.78),
           (half_width - lean, height - 0.01), (-half_width + lean, height - 0.01)]  # fmt: skip
    canvas.gradient(top, (214, 196, 170), (70, 64, 56), opacity=0.42)
    for x, width in ((-half_width * 0.62, 0.16), (-half_width * 0.30, 0.05)):
        streak = [(x, 0.09), (x + width, 0.09), (x + width + 0.14, height - 0.02), (x + 0.14, height - 0.02)]
        canvas.gradient(streak, (235, 226, 210), (150, 140, 128), opacity=0.20)


def _seam(canvas: Canvas, w: float, y: float, paint: Colour) -> None:
    canvas.line([(-w, y), (w, y)], (paint[0] * 0.4, paint[1] * 0.4, paint[2] * 0.4), 0.01)
    canvas.line([(-w, y - 0.012), (w, y - 0.012)], tuple(min(255.0, c * 1.2 + 30) for c in paint), 0.006)  # type: ignore[arg-type]


def _intake(canvas: Canvas, w: float, size: EndSize) -> None:
    y0 = size.bottom + 0.03
    canvas.gradient(rounded_box(-w * 0.62, y0, w * 0.62, y0 + 0.09, 0.03), _BLACK, (12, 12, 12))
    for y in np.arange(y0 + 0.02, y0 + 0.085, 0.022):
        canvas.line([(-w * 0.58, float(y)), (w * 0.58, float(y))], _PLASTIC, 0.006)
    canvas.box(-w, size.bottom - 0.02, w, size.bottom + 0.012, _PLASTIC)


def _grille(canvas: Canvas, half: float, y0: float, y1: float, bars: int) -> None:
    canvas.gradient(rounded_box(-half, y0, half, y1, 0.035), _CHROME, _CHROME_DARK)
    canvas.gradient(rounded_box(-half + 0.014, y0 + 0.014, half - 0.014, y1 - 0.014, 0.025), (40, 39, 38), (14, 14, 14))
    for y in np.linspace(y0, y1, bars + 2)[1:-1]:
        bar = rounded_box(-half + 0.02, float(y) - 0.007, half - 0.02, float(y) + 0.007, 0.004)
        canvas.gradient(bar, (190, 188, 186), (70, 70, 70))
    middle = (y0 + y1) / 2
    canvas.ellipse(0, middle, 0.07, 0.056, _CHROME_DARK)
    canvas.ellipse(0, middle + 0.004, 0.062, 0.048, _CHROME)
    canvas.polygon([(-0.034, middle - 0.022), (0, middle + 0.034), (0.034, middle - 0.022), (0, middle - 0.004)],
                   (96, 60, 40))  # fmt: skip


def _headlight(canvas: Canvas, side: int, x: Span, y: Span) -> None:
    (x_in, x_out), (y0, y1) = x, y
    outline = [(side * x_in, y0 + 0.02), (side * (x_in + 0.02), y1), (side * x_out, y1 - 0.005),
               (side * x_out, y0 + 0.03), (side * (x_out - 0.04), y0)]  # fmt: skip
    canvas.polygon(outline, (60, 60, 60))
    canvas.gradient(outline, (238, 236, 232), (128, 126, 124), opacity=0.92)
    ry = (y1 - y0) * 0.36
    lamp_x, lamp_y = side * (x_in + (x_out - x_in) * 0.38), (y0 + y1) / 2
    for scale, colour in ((1.0, (96, 96, 96)), (0.86, (226, 230, 232)), (0.5, (252, 254, 255))):
        canvas.ellipse(lamp_x, lamp_y, ry * 1.1 * scale, ry * scale, colour)
    corner = [(side * (x_out - 0.085), y1 - 0.012), (side * x_out, y1 - 0.012), (side * x_out, y0 + 0.035),
              (side * (x_out - 0.07), y0 + 0.01)]  # fmt: skip
    canvas.gradient(corner, _AMBER, (14, 80, 170))


def _tail_lamp(canvas: Canvas, side: int, w: float, y0: float, y1: float) -> None:
    x_in, x_out = w * 0.68, w * 0.985
    left, right = sorted((side * x_in, side * x_out))
    canvas.gradient(rounded_box(left, y0, right, y1, 0.03), (60, 50, 235), _RED_DARK)
    middle = (y0 + y1) / 2
    inner = sorted((side * (x_in + 0.015), side * (x_in + 0.11)))
    canvas.gradient(
        rounded_box(inner[0], y0 + 0.015, inner[1], middle - 0.008, 0.012), (235, 235, 235), (170, 170, 170)
    )
    outer = sorted((side * (x_in + 0.125), side * (x_out - 0.01)))
    canvas.gradient(rounded_box(outer[0], y0 + 0.015, outer[1], middle - 0.008, 0.012), _AMBER, (10, 80, 190))
    canvas.line([(left, middle), (right, middle)], _RED, 0.01)
