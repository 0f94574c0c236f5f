"""Brazilian plates: old grey ones with the city above, Mercosur's with a blue band; motorcycles in two rows."""

import numpy as np

from plate_press.chance import between, often, pick
from plate_press.faces import Face, any_hand
from plate_press.palette import INKS, Colour
from plate_press.sheet import Sheet
from plate_press.stock import plain
from plate_press.vocabulary import BR_CITIES
from plate_press.writing import brazilian, text_of

_CAR_MM, _MOTORCYCLE_MM, _OLD_MOTORCYCLE_MM = (400.0, 130.0), (200.0, 170.0), (187.0, 136.0)
_OLD: tuple[tuple[Colour, Colour], ...] = (((185, 185, 185), INKS[1]),) * 7 + (
    ((60, 60, 180), (240, 240, 240)),
    ((240, 240, 240), (40, 40, 180)),
)


def face(rng: np.random.Generator, width_px: float, *, is_old: bool) -> Face:
    """One plate, one in eight of a motorcycle."""
    is_square = often(rng, 0.13)
    size = (_OLD_MOTORCYCLE_MM if is_old else _MOTORCYCLE_MM) if is_square else _CAR_MM
    sheet = Sheet(size, width_px)
    ink = _old(rng, sheet) if is_old else _mercosur(rng, sheet)
    rows = brazilian(rng, is_old=is_old, is_square=is_square)
    hand = any_hand(rng, (0.65, 0.35, 0.0))
    above = 0.26 if is_old else 0.28
    share = (0.97 - above) / len(rows)
    for i, row in enumerate(rows):
        height = size[1] * share * between(rng, 0.8, 0.9)
        top = size[1] * (above + share * i) + (size[1] * share - height) / 2
        margin = between(rng, 10, 24)
        sheet.characters(row, (margin, top, size[0] - 2 * margin, height), hand, ink)
    return Face(
        sheet.bgr, sheet.cut(between(rng, 4, 9)), tuple(text_of(r) for r in rows), "br-old" if is_old else "br", size[0]
    )


def _old(rng: np.random.Generator, sheet: Sheet) -> Colour:
    ground, ink = pick(rng, _OLD)
    plain(sheet, ground)
    width, height = sheet.size_mm
    x = width * between(rng, 0.42, 0.56)
    sheet.text(
        pick(rng, BR_CITIES),
        (x, height * 0.15),
        height * between(rng, 0.1, 0.14),
        fit_mm=width * 0.6,
        face=pick(rng, (0, 1, 8)),
        ink=ink,
    )
    places = [(width * 0.28, height * 0.13), (width * 0.72, height * 0.13)]
    sheet.bolts(places, between(rng, 2, 5), pick(rng, ((70, 70, 70), (130, 130, 130), (40, 40, 150))))
    if often(rng, 0.6):
        sheet.bolts(
            [(width * between(rng, 0.14, 0.2), height * 0.2)],
            between(rng, 6, 10),
            pick(rng, ((40, 50, 170), (50, 190, 220), (60, 120, 60))),
        )
    if often(rng, 0.5):
        sheet.bolts([(x, height * 0.93) for x in (width * 0.4, width * 0.6)], between(rng, 4, 7), (35, 35, 35))
    return ink


def _mercosur(rng: np.random.Generator, sheet: Sheet) -> Colour:
    plain(sheet, (240, 240, 240))
    width, height = sheet.size_mm
    sheet.fill((0, 0, width, height * 0.24), (150, 60, 10))
    sheet.text("BRASIL", (width / 2, height * 0.125), height * 0.12, fit_mm=width * 0.3, face=0, ink=(245, 245, 245))
    sheet.fill((width * 0.89, height * 0.05, width * 0.08, height * 0.14), (60, 150, 60))
    if width > 300 and often(rng, 0.8):
        sheet.text("BR", (width * 0.05, height * 0.88), height * 0.13, fit_mm=30, face=0, ink=INKS[1])
        sheet.fill((width * 0.025, height * 0.34, width * 0.045, height * 0.2), (190, 190, 190))
    return pick(rng, (INKS[1],) * 6 + ((40, 40, 180), (170, 80, 20), (60, 120, 30)))
