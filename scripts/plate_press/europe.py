"""European-like plates: up to 530 x 114 mm, a blue band with the country's letters, seals; square ones too."""

import cv2
import numpy as np

from plate_press.chance import between, often, pick
from plate_press.faces import Face, din_hand
from plate_press.palette import INKS, WHITES, Colour, hue
from plate_press.sheet import Sheet
from plate_press.stock import plain
from plate_press.vocabulary import EU_COUNTRIES
from plate_press.writing import european, text_of

_BLUE: Colour = (150, 60, 10)
_COLOURED: tuple[tuple[Colour, Colour], ...] = (
    ((40, 200, 240), INKS[1]),
    ((30, 25, 25), (235, 235, 235)),
    ((245, 245, 245), (30, 30, 180)),
    ((60, 210, 235), INKS[1]),
    ((245, 245, 245), (70, 120, 30)),
)
"""Ground and ink of taxis, trailers, the Dutch, the British rear and other plates."""


def face(rng: np.random.Generator, width_px: float) -> Face:
    """One plate, one in seven of them square."""
    is_square = often(rng, 0.14)
    size = (
        pick(rng, ((280.0, 200.0), (340.0, 240.0), (300.0, 210.0)))
        if is_square
        else (between(rng, 440, 530), between(rng, 105, 114))
    )
    sheet = Sheet(size, width_px)
    ground, ink = (pick(rng, WHITES), INKS[1]) if often(rng, 0.66) else pick(rng, _COLOURED)
    plain(sheet, ground)
    if often(rng, 0.6):
        rim = max(1, sheet.px(2.5))
        cv2.rectangle(
            sheet.bgr,
            (rim, rim),
            (sheet.bgr.shape[1] - rim - 1, sheet.bgr.shape[0] - rim - 1),
            ink,
            max(1, sheet.px(2)),
        )
    left = _band(rng, sheet) if often(rng, 0.78) else 6.0
    right = 45.0 if often(rng, 0.06) else 6.0
    if right > 6:
        sheet.fill((size[0] - 42, 0, 42, size[1]), _BLUE)
    rows = european(rng, is_square=is_square)
    hand = din_hand(rng)
    band = size[1] / len(rows)
    for i, row in enumerate(rows):
        height = band * between(rng, 0.62, 0.76)
        top = band * i + (band - height) / 2
        for placed in sheet.characters(row, (left + 4, top, size[0] - left - right - 8, height), hand, ink):
            if placed.sign == "*":
                _seals(rng, sheet, placed.x + placed.width / 2, top, height)
    return Face(sheet.bgr, sheet.cut(between(rng, 3, 10)), tuple(text_of(row) for row in rows), "eu", size[0])


def _band(rng: np.random.Generator, sheet: Sheet) -> float:
    """The blue band; returns where it ends."""
    width, height = between(rng, 38, 48), sheet.size_mm[1]
    sheet.fill((0, 0, width, height), _BLUE if often(rng, 0.85) else hue(rng, saturation=(0.6, 1), value=(0.3, 0.7)))
    centre = (sheet.px(width / 2), sheet.px(height * 0.3))
    for angle in np.arange(12) * (np.pi / 6):
        at = (round(centre[0] + np.cos(angle) * sheet.px(13)), round(centre[1] + np.sin(angle) * sheet.px(13)))
        cv2.circle(sheet.bgr, at, max(1, sheet.px(2)), (40, 200, 240), -1)
    sheet.text(
        pick(rng, EU_COUNTRIES),
        (width / 2, height * 0.76),
        height * 0.2,
        fit_mm=width * 0.7,
        face=0,
        ink=(245, 245, 245),
    )
    return width


def _seals(rng: np.random.Generator, sheet: Sheet, x_px: float, top_mm: float, height_mm: float) -> None:
    """Round stickers above one another, or a coat of arms."""
    if often(rng, 0.5):
        for share in (0.28, 0.75):
            colour = pick(rng, ((60, 60, 200), (80, 170, 80), (60, 170, 220), (200, 200, 200), (180, 100, 40)))
            at = (round(x_px), sheet.px(top_mm + height_mm * share))
            cv2.circle(sheet.bgr, at, max(1, sheet.px(between(rng, 11, 15))), colour, -1, cv2.LINE_AA)
            cv2.circle(sheet.bgr, at, max(1, sheet.px(5)), (230, 230, 230), -1, cv2.LINE_AA)
        return
    half, y = sheet.px(13), sheet.px(top_mm + height_mm * 0.5)
    points = np.array([[-half, -half], [half, -half], [half, half // 3], [0, int(half * 1.3)], [-half, half // 3]])
    cv2.fillPoly(
        sheet.bgr,
        [(points + np.array([round(x_px), y])).astype(np.int32)],
        pick(rng, ((60, 40, 190), (170, 80, 40), (60, 150, 210))),
    )
    cv2.circle(sheet.bgr, (round(x_px), y), max(1, half // 2), (230, 230, 235), -1)
