"""Plate characters drawn as strokes, for the dies of which no free typeface exists.

The dies of Mexican, US and Brazilian plates (and the FE face of Europe) are mostly one stroke of even width bent into
rounded rectangles. Each character is here a path in a unit box: points joined by lines, `*` marks a corner that
is rounded by the style's radius, `/` begins another stroke, `z` closes one. A style (`Die`) fixes width, weight,
radius, ends and which of a character's forms is used; `DIES` of them stand for the dies of the world.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, whole

DIES: Final = 220
GLYPH_PX: Final = 96
_FINE: Final = 16  # cv2's fixed-point coordinates: 4 bits of fraction

FORMS: Final[dict[str, tuple[str, ...]]] = {
    "0": ("0,0* 1,0* 1,1* 0,1* z",),
    "1": (".2,.2 .62,0 .62,1", ".5,0 .5,1", ".15,.2 .5,0 .5,1 / .1,1 .9,1", ".25,0 .55,0 .55,1", ".1,.3 .6,0 .6,1"),
    "2": (
        "0,.25 0,0* 1,0* 1,.45* 0,.75* 0,1 1,1",
        "0,.25 0,0* 1,0* 1,.4* 0,1 1,1",
        "0,.2 0,0* 1,0* 1,.5* 0,.5* 0,1 1,1",
        "0,.28 0,0* 1,0* 1,.5* 0,.92* 0,1 1,1",
        "0,.22 0,0* 1,0* 1,.36* 0,.82 0,1 1,1",
    ),
    "3": (
        "0,.22 0,0* 1,0* 1,.47* .4,.47 / .4,.47 1,.47* 1,1* 0,1* 0,.78",
        "0,0 1,0 .45,.4 1,.42* 1,1* 0,1* 0,.78",
        "0,.2 0,0* .95,0* .95,.46* .3,.46 / .3,.46 1,.46* 1,1* 0,1* 0,.8",
    ),
    "4": (
        ".76,1 .76,0 0,.7 1,.7",
        ".2,0 0,.64 1,.64 / .76,.35 .76,1",
        ".72,1 .72,0 .6,0 0,.74 1,.74",
        ".7,1 .7,0 .5,0 0,.62 0,.72 1,.72",
        ".8,1 .8,0 0,.62 0,.66 1,.66",
        ".62,1 .62,0 .55,0 0,.68 1,.68",
    ),
    "5": ("1,0 .04,0 .04,.42 1,.42* 1,1* 0,1* 0,.78", ".95,0 .1,0 0,.48 / 0,.5 0,.38* 1,.38* 1,1* 0,1* 0,.78"),
    "6": (
        "1,.22 1,0* 0,0* 0,1* 1,1* 1,.45* 0,.45*",
        ".72,0 0,.5* 0,1* 1,1* 1,.47* .08,.47",
        ".9,0 0,.1* 0,1* 1,1* 1,.42* 0,.42",
    ),
    "7": ("0,0 1,0 .38,1", "0,0 1,0 1,.12* .4,.6* .4,1", "0,.12 0,0 1,0 .45,1"),
    "8": (
        "0,0* 1,0* 1,.47* 0,.47* z / 0,.47* 1,.47* 1,1* 0,1* z",
        ".06,0* .94,0* .94,.46* .06,.46* z / 0,.46* 1,.46* 1,1* 0,1* z",
    ),
    "9": (
        "0,.78 0,1* 1,1* 1,0* 0,0* 0,.55* 1,.55*",
        ".28,1 1,.5* 1,0* 0,0* 0,.53* .92,.53",
        ".1,1 1,.9* 1,0* 0,0* 0,.58* 1,.58",
    ),
    "A": (
        "0,1 .5,0 1,1 / .18,.68 .82,.68",
        "0,1 .42,0 .58,0 1,1 / .16,.68 .84,.68",
        "0,1 0,0* 1,0* 1,1 / 0,.56 1,.56",
        "0,1 .3,0 .7,0 1,1 / .1,.66 .9,.66",
    ),
    "B": ("0,0 .96,0* .96,.47* 0,.47 z / 0,.47 1,.47* 1,1* 0,1 z", "0,0 1,0* 1,.47* 0,.47 z / 0,.47 1,.47* 1,1* 0,1 z"),
    "C": ("1,.25 1,0* 0,0* 0,1* 1,1* 1,.75", "1,.33 1,0* 0,0* 0,1* 1,1* 1,.67"),
    "D": ("0,0 1,0* 1,1* 0,1 z", "0,0 .6,0 1,.25* 1,.75* .6,1 0,1 z"),
    "E": (
        "1,0 0,0 0,1 1,1 / 0,.48 .85,.48",
        "1,0 0,0 0,1 1,1 / 0,.48 .85,.48",
        "1,.16 1,0 0,0 0,1 1,1 1,.84 / 0,.48 .65,.48 / .65,.38 .65,.6",
        "1,.14 1,0 0,0 0,1 1,1 1,.86 / 0,.5 .7,.5",
        "1,0 0,0 0,1 1,1 / 0,.5 1,.5",
    ),
    "F": (
        "1,0 0,0 0,1 / 0,.48 .85,.48",
        "1,.16 1,0 0,0 0,1 / 0,.48 .65,.48 / .65,.38 .65,.6 / -.08,1 .3,1",
        "1,0 0,0 0,1 / 0,.52 .8,.52",
    ),
    "G": (
        "1,.22 1,0* 0,0* 0,1* 1,1* 1,.6 .5,.6",
        "1,.22 1,0* 0,0* 0,1* 1,1* 1,.58 .5,.58 / 1,.58 1,1",
        "1,.2 1,0* 0,0* 0,1* 1,1* 1,.62 .6,.62",
    ),
    "H": ("0,0 0,1 / 1,0 1,1 / 0,.48 1,.48",),
    "I": (
        ".5,0 .5,1 / 0,0 1,0 / 0,1 1,1",
        ".5,0 .5,1",
        ".5,0 .5,1 / 0,0 1,0 / 0,1 1,1",
        ".5,0 .5,1 / .1,0 .9,0 / .1,1 .9,1",
        ".5,0 .5,1",
    ),
    "J": ("1,0 1,1* 0,1* 0,.7", ".4,0 1,0 1,1* 0,1* 0,.7"),
    "K": ("0,0 0,1 / 1,0 0,.6 / .3,.44 1,1", "0,0 0,1 / 1,0 .1,.5 1,1 / 0,.5 .1,.5"),
    "L": ("0,0 0,1 1,1",),
    "M": ("0,1 0,0 .5,.62 1,0 1,1", "0,1 0,0 .5,1 1,0 1,1", "0,1 .1,0 .5,.8 .9,0 1,1", "0,1 0,0 .5,.4 1,0 1,1"),
    "N": ("0,1 0,0 1,1 1,0",),
    "O": ("0,0* 1,0* 1,1* 0,1* z",),
    "P": ("0,1 0,0 1,0* 1,.55* 0,.55",),
    "Q": (
        "0,0* 1,0* 1,1* 0,1* z / .55,.68 1.02,1.04",
        "0,0* 1,0* 1,1* 0,1* z / .6,.75 .95,1.08",
        "0,0* 1,0* 1,1* 0,1* z / .62,.8 1.02,1",
        "0,0* 1,0* 1,1* 0,1* z / .45,.76 .95,1",
        "0,0* 1,0* 1,1* 0,1* z / .68,.86 1.12,1.02",
    ),
    "R": ("0,1 0,0 1,0* 1,.52* 0,.52 / .42,.52 1,1", "0,1 0,0 1,0* 1,.5* 0,.5 / .5,.5 1,.58* 1,1"),
    "S": ("1,.22 1,0* 0,0* 0,.47* 1,.47* 1,1* 0,1* 0,.78", "1,.28 1,0* 0,0* 0,.42* 1,.56* 1,1* 0,1* 0,.72"),
    "T": ("0,0 1,0 / .5,0 .5,1",),
    "U": ("0,0 0,1* 1,1* 1,0",),
    "V": ("0,0 .5,1 1,0", "0,0 .42,1 .58,1 1,0"),
    "W": (
        "0,0 .22,1 .5,.25 .78,1 1,0",
        "0,0 0,1 .5,.4 1,1 1,0",
        "0,0 .25,1 .5,0 .75,1 1,0",
        "0,0 .08,1 .5,.35 .92,1 1,0",
    ),
    "X": ("0,0 1,1 / 1,0 0,1",),
    "Y": ("0,0 .5,.5 1,0 / .5,.5 .5,1", "0,0 .5,.58 1,0 / .5,.58 .5,1"),
    "Z": ("0,0 1,0 0,1 1,1",),
}  # fmt: skip
_WIDE: Final = {"M": 1.16, "W": 1.2, "I": 0.7, "1": 0.62, "Q": 1.0, "L": 0.92, "J": 0.92}


@dataclass(frozen=True, slots=True)
class Die:
    """One set of punches. Shares are of the character's height."""

    width: float
    weight: float
    radius: float
    square_ends: bool
    forms: tuple[int, ...]
    slashed_zero: bool


@cache
def die(number: int) -> Die:
    """The set of punches with this number, always the same."""
    rng = np.random.default_rng([99, number])
    width = between(rng, 0.38, 0.66)
    return Die(
        width=width,
        # Past a quarter of the width the counters of B and 8 and the diagonal of N would fill up.
        weight=min(between(rng, 0.085, 0.165), 0.27 * width),
        radius=between(rng, 0.14, 0.5),
        square_ends=often(rng, 0.4),
        forms=tuple(0 if often(rng, 0.45) else whole(rng, 0, 9) for _ in FORMS),
        slashed_zero=often(rng, 0.06),
    )


def punch(number: int, character: str) -> NDArray[np.uint8]:
    """Mask of a character, `GLYPH_PX` high and as wide as it is printed."""
    style = die(number)
    forms = FORMS[character]
    form = forms[style.forms[list(FORMS).index(character)] % len(forms)]
    if character == "0" and style.slashed_zero:
        form += " / .25,.78 .75,.22"
    weight_px = style.weight * GLYPH_PX
    width_px = max(weight_px * 1.02, style.width * _WIDE.get(character, 1.0) * GLYPH_PX)
    box = np.array([width_px - weight_px, GLYPH_PX - weight_px])
    canvas = np.zeros((GLYPH_PX + 8, int(width_px) + 10), np.uint8)
    thin = max(1, round(weight_px * 0.25)) if style.square_ends else max(1, round(weight_px))
    for stroke in form.split("/"):
        points = _points(stroke.split(), box, style.radius * width_px) + weight_px / 2 + 4
        closed = stroke.rstrip().endswith("z")
        cv2.polylines(canvas, [np.round(points * _FINE).astype(np.int32)], closed, 255, thin, cv2.LINE_AA, 4)
    if style.square_ends:
        side = max(1, round(weight_px) - thin + 1)
        canvas = np.asarray(cv2.dilate(canvas, np.ones((side, side), np.uint8)), np.uint8)
    x, y, w, h = cv2.boundingRect((canvas > 60).astype(np.uint8))
    return np.asarray(cv2.resize(canvas[y : y + h, x : x + w], (w, GLYPH_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _points(words: list[str], box: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """The path in pixels, its marked corners bent."""
    closed = words[-1] == "z"
    words = words[:-1] if closed else words
    bent = [w.endswith("*") for w in words]
    knots = np.array([[float(v) for v in w.rstrip("*").split(",")] for w in words]) * box
    path: list[NDArray[np.float64]] = []
    for i, knot in enumerate(knots):
        inner = closed or 0 < i < len(knots) - 1
        path += _bend(knots[i - 1], knot, knots[(i + 1) % len(knots)], radius) if bent[i] and inner else [knot]
    return np.array(path)


def _bend(
    before: NDArray[np.float64], corner: NDArray[np.float64], after: NDArray[np.float64], radius: float
) -> list[NDArray[np.float64]]:
    """A corner as a curve that begins and ends at most half a side away from it."""
    back, on = before - corner, after - corner
    back_px, on_px = float(np.hypot(*back)), float(np.hypot(*on))
    start = corner + back / back_px * min(radius, back_px / 2)
    end = corner + on / on_px * min(radius, on_px / 2)
    # A cubic with handles at 0.55 of the way is a quarter circle to within 0.1 %.
    one, other = start + (corner - start) * 0.55, end + (corner - end) * 0.55
    return [
        (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * one + 3 * (1 - t) * t**2 * other + t**3 * end
        for t in np.linspace(0, 1, 7)
    ]
