"""Mexican plates: every class of `protocol.plates.FORMATS` on a state's or the federation's design.

300 x 150 mm, motorcycles 215 x 134 mm (one row or two). The state's name stands above, a slogan, the class or the
validity below, an F or T mark and the state's number in a corner: all of that is print, not text.
"""

import cv2
import numpy as np

from plate_press.chance import between, often, pick, whole
from plate_press.faces import Face, any_hand
from plate_press.palette import INKS, Colour, hue, luma
from plate_press.sheet import Sheet
from plate_press.stock import graded, plain, state_ground
from plate_press.typefaces import PRINT_FILES
from plate_press.vocabulary import MX_SLOGANS, MX_STATES
from plate_press.writing import mexican, text_of

CAR_MM = (300.0, 150.0)
MOTORCYCLE_MM = (215.0, 134.0)
_PALE: Colour = (245, 245, 245)
_BANDS: dict[str, Colour] = {
    "taxi": (40, 180, 240), "federal-carrier": (70, 120, 30), "police": (120, 50, 20), "ambulance": (40, 40, 190),
    "fire": (40, 40, 190), "civil-protection": (20, 110, 230), "disability": (180, 90, 20), "ecological": (70, 160, 60),
}  # fmt: skip


def face(rng: np.random.Generator, name: str, width_px: float) -> Face:
    """One plate of a class."""
    shown, form = mexican(rng, name)
    size = MOTORCYCLE_MM if name == "motorcycle" else CAR_MM
    sheet = Sheet(size, width_px)
    ground = _ground(rng, sheet, name, is_current=form.is_current)
    ink = _ink(rng, ground)
    rows = _rows(rng, shown, name)
    _small_print(rng, sheet, name, ink)
    _characters(rng, sheet, rows, ink)
    _marks(rng, sheet)
    return Face(sheet.bgr, sheet.cut(between(rng, 4, 12)), tuple(text_of(r) for r in rows), f"mx-{name}", size[0])


def _ground(rng: np.random.Generator, sheet: Sheet, name: str, *, is_current: bool) -> Colour:
    """Older sheets are plainer; classes with a colour of their own often carry it as a band."""
    if not is_current and often(rng, 0.5):
        ground = pick(rng, ((235, 240, 240), (200, 225, 235), (150, 215, 225), (120, 190, 120), (225, 225, 225)))
        plain(sheet, ground)
    else:
        ground = state_ground(rng, sheet)
    band = _BANDS.get(name)
    width, height = sheet.size_mm
    if band and often(rng, 0.5):
        sheet.fill((0, 0, width, height * between(rng, 0.15, 0.26)), band)
        sheet.fill((0, height * between(rng, 0.8, 0.9), width, height * 0.25), band)
    elif often(rng, 0.3):
        colour = hue(rng, saturation=(0.4, 0.9), value=(0.3, 0.8))
        sheet.fill((0, 0, width, height * between(rng, 0.14, 0.26)), colour)
        if often(rng, 0.6):
            sheet.fill((0, height * between(rng, 0.82, 0.92), width, height * 0.25), colour)
    if often(rng, 0.04):
        graded(sheet, [hue(rng, saturation=(0.3, 0.8), value=(0.2, 0.5))] * 2)
        ground = (60, 60, 60)
    return ground


def _ink(rng: np.random.Generator, ground: Colour) -> Colour:
    """Dark on light, mostly black; light on the few dark sheets."""
    if luma(ground) < 110:
        return (240, 240, 240)
    return INKS[0] if often(rng, 0.6) else pick(rng, INKS)


def _rows(rng: np.random.Generator, shown: str, name: str) -> tuple[str, ...]:
    """Motorcycles: two rows in half of them, broken at a hyphen, or none. Elsewhere hyphens may be gaps."""
    if name == "motorcycle" and often(rng, 0.5) and "-" in shown:
        upper, _, lower = shown.partition("-")
        if len(lower) == 1:
            plain_text = shown.replace("-", "")
            upper, lower = plain_text[:3], plain_text[3:]
        return (upper, lower)
    style = rng.random()
    if style < 0.75:
        return (shown,)
    return (shown.replace("-", pick(rng, (" ", ".", "*", ""))),)


def _small_print(rng: np.random.Generator, sheet: Sheet, name: str, ink: Colour) -> None:
    width, height = sheet.size_mm
    state = "SERVICIO PUBLICO FEDERAL" if name == "federal-carrier" and often(rng, 0.7) else pick(rng, MX_STATES)
    face_number = whole(rng, 0, len(PRINT_FILES) - 1) if often(rng, 0.4) else pick(rng, (0, 1, 8, 9))
    other = pick(rng, (*INKS, _PALE, hue(rng, saturation=(0.5, 1), value=(0.3, 0.7))))
    colour = ink if often(rng, 0.4) else other
    sheet.text(
        state, (width * between(rng, 0.46, 0.54), height * between(rng, 0.1, 0.17)), height * between(rng, 0.08, 0.15),
        fit_mm=width * between(rng, 0.4, 0.72), face=face_number, ink=colour,
    )  # fmt: skip
    if often(rng, 0.85):
        sheet.text(
            pick(rng, MX_SLOGANS),
            (width * between(rng, 0.42, 0.58), height * between(rng, 0.87, 0.93)),
            height * between(rng, 0.05, 0.09),
            fit_mm=width * 0.62,
            face=pick(rng, (0, 1, 8, 9, face_number)),
            ink=colour,
        )


def _characters(rng: np.random.Generator, sheet: Sheet, rows: tuple[str, ...], ink: Colour) -> None:
    width, height = sheet.size_mm
    hand = any_hand(rng, (0.66, 0.34, 0.0))
    margin = width * between(rng, 0.02, 0.05)
    if len(rows) == 2:
        row_height = height * between(rng, 0.27, 0.33)
        for i, row in enumerate(rows):
            top = height * (0.2 + 0.35 * i) + between(rng, -1, 1)
            sheet.characters(row, (margin, top, width - 2 * margin, row_height), hand, ink)
        return
    row_height = height * between(rng, 0.4, 0.56)
    top = height * 0.53 - row_height / 2 + between(rng, -3, 3)
    box = (margin, top, width - 2 * margin, row_height)
    for placed in sheet.characters(rows[0], box, hand, ink):
        if placed.sign == "*" or (placed.sign == " " and often(rng, 0.3)):
            _seal(rng, sheet, placed.x + placed.width / 2, (top + row_height / 2) * sheet.scale)


def _seal(rng: np.random.Generator, sheet: Sheet, x_px: float, y_px: float) -> None:
    """A round emblem between the groups."""
    colour = hue(rng, saturation=(0.2, 0.8), value=(0.3, 0.8))
    radius = max(1, sheet.px(between(rng, 5, 11)))
    cv2.circle(sheet.bgr, (round(x_px), round(y_px)), radius, colour, -1 if often(rng, 0.6) else 1, cv2.LINE_AA)


def _marks(rng: np.random.Generator, sheet: Sheet) -> None:
    """F or T, the state's number, a bar code, the holes."""
    width, height = sheet.size_mm
    corners = [
        (width * 0.05, height * 0.9),
        (width * 0.95, height * 0.9),
        (width * 0.05, height * 0.12),
        (width * 0.95, height * 0.12),
    ]
    for mark, share in ((pick(rng, ("F", "T")), 0.4), (str(whole(rng, 1, 32)), 0.35)):
        if often(rng, share):
            sheet.text(
                mark,
                pick(rng, corners),
                height * between(rng, 0.05, 0.1),
                fit_mm=16,
                face=pick(rng, (0, 1, 8)),
                ink=INKS[0],
            )
    if often(rng, 0.3):
        x, y = width * between(rng, 0.05, 0.8), height * between(rng, 0.84, 0.92)
        for i in range(whole(rng, 8, 20)):
            sheet.fill((x + i * 2.2, y, 1.1, 7), (30, 30, 30))
    if often(rng, 0.9):
        span, y = between(rng, 0.22, 0.36), height * between(rng, 0.06, 0.1)
        places = [(width * (0.5 - span), y), (width * (0.5 + span), y)]
        if often(rng, 0.6):
            places += [(x, height - y) for x, _ in places]
        sheet.bolts(
            places, between(rng, 2, 5), pick(rng, ((60, 60, 60), (150, 150, 150), (200, 200, 200), (40, 60, 90)))
        )
