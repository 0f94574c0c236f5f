"""Plates of no country: any characters on any sheet, so that the reader trusts what it sees."""

import numpy as np

from plate_press.chance import between, often, pick
from plate_press.faces import Face, any_hand
from plate_press.palette import INKS, hue, luma
from plate_press.sheet import Sheet
from plate_press.stock import plain, state_ground
from plate_press.vocabulary import BR_CITIES, DEALERS, MX_STATES
from plate_press.writing import anything, text_of


def face(rng: np.random.Generator, width_px: float) -> Face:
    """One plate of any shape from 1.3:1 to 5:1."""
    is_square = often(rng, 0.2)
    width = 300.0
    height = width / (between(rng, 1.3, 1.9) if is_square else between(rng, 1.9, 4.9))
    sheet = Sheet((width, height), width_px)
    if often(rng, 0.5):
        ground = hue(rng, saturation=(0, 0.9), value=(0.1, 1.0))
        plain(sheet, ground)
        ink = INKS[1] if luma(ground) > 120 else (240, 240, 240)
    else:
        state_ground(rng, sheet)
        ink = pick(rng, INKS)
    has_title = often(rng, 0.5)
    if has_title:
        title = pick(rng, pick(rng, (BR_CITIES, DEALERS, MX_STATES)))
        sheet.text(
            title, (width / 2, height * 0.12), height * 0.12, fit_mm=width * 0.6, face=pick(rng, range(11)), ink=ink
        )
    rows = anything(rng, is_square=is_square)
    hand = any_hand(rng, (0.55, 0.38, 0.07))
    above = 0.22 if has_title else 0.04
    share = (0.96 - above) / len(rows)
    for i, row in enumerate(rows):
        row_height = height * share * between(rng, 0.7, 0.92)
        top = height * (above + share * i) + (height * share - row_height) / 2
        sheet.characters(row, (width * 0.03, top, width * 0.94, row_height), hand, ink)
    return Face(sheet.bgr, sheet.cut(between(rng, 2, 10)), tuple(text_of(r) for r in rows), "generic", width)
