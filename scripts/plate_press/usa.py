"""US-like plates: states' names and slogans, picture grounds, emblems, stickers, stacked letters (not read)."""

import cv2
import numpy as np

from plate_press.chance import between, often, pick, whole
from plate_press.faces import Face, any_hand
from plate_press.ink import lay
from plate_press.palette import INKS, Colour, hue, luma, mixed
from plate_press.sheet import Sheet
from plate_press.stock import landscape, plain, state_ground
from plate_press.typefaces import PRINT_FILES, SYMBOLS, symbol
from plate_press.vocabulary import MONTHS, US_SECOND, US_STATES, us_colours
from plate_press.writing import american, text_of

SIZE_MM = (305.0, 152.0)


def face(rng: np.random.Generator, width_px: float) -> Face:
    """One plate."""
    sheet = Sheet(SIZE_MM, width_px)
    ground, ink = _ground(rng, sheet)
    shown = american(rng)
    box = _box(rng, shown)
    if box[0] > 40 or box[0] + box[2] < 265:
        _picture(rng, sheet, x_mm=22 if box[0] > 40 else 283)
    _small_print(rng, sheet, ink)
    if often(rng, 0.12):
        behind = (between(rng, 120, 185) * sheet.scale, 76 * sheet.scale)
        _emblem(rng, sheet, behind, mixed(ground, ink, between(rng, 0.1, 0.35)), grow=2.5)
    hand = any_hand(rng, (0.62, 0.3, 0.08))
    for placed in sheet.characters(shown, box, hand, ink):
        if placed.sign == "*" or (placed.sign == " " and often(rng, 0.2)):
            grow = between(rng, 0.7, 1.6) if placed.sign == "*" else 1.0
            _emblem(rng, sheet, (placed.x + placed.width / 2, (box[1] + box[3] / 2) * sheet.scale), ink, grow=grow)
    _stickers(rng, sheet)
    holes = [(float(x), float(y)) for x in (58, 247) for y in (12, 140)]
    sheet.bolts(holes, between(rng, 2.5, 5), pick(rng, ((60, 60, 60), (150, 150, 150), (220, 220, 220), ground)))
    return Face(sheet.bgr, sheet.cut(between(rng, 6, 14)), (text_of(shown),), "us", SIZE_MM[0])


def _ground(rng: np.random.Generator, sheet: Sheet) -> tuple[Colour, Colour]:
    if often(rng, 0.45):
        ground, ink = pick(rng, us_colours())
        plain(sheet, ground)
        if often(rng, 0.3):
            landscape(rng, sheet, ground=ground)
        if often(rng, 0.25):
            sheet.fill((0, 0, 305, between(rng, 20, 36)), ink)
        return ground, ink
    ground = state_ground(rng, sheet)
    ink = pick(rng, INKS) if often(rng, 0.6) else hue(rng, saturation=(0.6, 1), value=(0.15, 0.55))
    if luma(ground) - luma(ink) < 60:
        ink = INKS[1]
    return ground, ink


def _box(rng: np.random.Generator, shown: str) -> tuple[float, float, float, float]:
    """Where the characters stand; short texts leave room for a picture at one side."""
    height = between(rng, 62, 84)
    top = between(rng, 36, 52) if height < 74 else between(rng, 32, 42)
    margin = between(rng, 6, 14)
    left, width = margin, 305 - 2 * margin
    if len(text_of(shown)) <= 6 and often(rng, 0.5):
        room = between(rng, 36, 62)
        left, width = (left + room, width - room) if often(rng, 0.7) else (left, width - room)
    return left, top, width, height


def _small_print(rng: np.random.Generator, sheet: Sheet, ink: Colour) -> None:
    state, slogan = pick(rng, US_STATES)
    slogan = pick(rng, US_SECOND) if often(rng, 0.25) else slogan
    upper, lower = (slogan, state) if often(rng, 0.15) else (state, slogan)
    colour = ink if often(rng, 0.5) else hue(rng, saturation=(0.6, 1), value=(0.2, 0.8))
    if upper:
        sheet.text(
            upper, (between(rng, 135, 170), between(rng, 14, 22)), between(rng, 12, 24), fit_mm=between(rng, 110, 200),
            face=whole(rng, 0, len(PRINT_FILES) - 1), ink=colour,
        )  # fmt: skip
    if lower and often(rng, 0.9):
        sheet.text(
            lower, (between(rng, 140, 165), between(rng, 133, 141)), between(rng, 8, 16), fit_mm=between(rng, 100, 190),
            face=whole(rng, 0, len(PRINT_FILES) - 1), ink=ink if often(rng, 0.5) else colour,
        )  # fmt: skip


def _emblem(
    rng: np.random.Generator, sheet: Sheet, at_px: tuple[float, float], ink: Colour, *, grow: float = 1.0
) -> None:
    """A state's outline, a shield, a heart, a rider: between the groups or behind them, no character."""
    colour = ink if grow > 2 or often(rng, 0.4) else hue(rng, saturation=(0.4, 1), value=(0.2, 0.8))
    radius = sheet.px(between(rng, 8, 17) * grow)
    if often(rng, 0.6):
        _pictogram(rng, sheet, at_px, radius, colour)
        return
    count = whole(rng, 3, 9)
    angles = np.sort(rng.random(count)) * 2 * np.pi
    radii = radius * (0.5 + 0.5 * rng.random(count))
    points = np.stack([at_px[0] + np.cos(angles) * radii, at_px[1] + np.sin(angles) * radii], axis=1)
    cv2.fillPoly(sheet.bgr, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)
    if often(rng, 0.3):
        centre = (round(at_px[0]), round(at_px[1]))
        cv2.circle(sheet.bgr, centre, max(1, radius // 2), hue(rng, saturation=(0.3, 1), value=(0.3, 1)), -1)


def _pictogram(rng: np.random.Generator, sheet: Sheet, at_px: tuple[float, float], radius: int, colour: Colour) -> None:
    mask = symbol(pick(rng, SYMBOLS))
    width, height = max(3, round(radius * between(rng, 1.2, 1.9))), max(3, radius * 2)
    small = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    lay(sheet.bgr, small, round(at_px[0] - width / 2), round(at_px[1] - height / 2), colour)


def _picture(rng: np.random.Generator, sheet: Sheet, *, x_mm: float) -> None:
    """An organisation's emblem or a wheelchair beside the characters."""
    if often(rng, 0.3):
        for i in range(whole(rng, 1, 2)):
            word = pick(rng, US_SECOND).split()[0]
            sheet.text(word, (x_mm, 62 + 26 * i), 13, fit_mm=38, face=pick(rng, (0, 1, 8)), ink=INKS[0])
        return
    for _ in range(whole(rng, 1, 3)):
        at_px = (x_mm * sheet.scale + between(rng, -4, 4), between(rng, 60, 95) * sheet.scale)
        _emblem(rng, sheet, at_px, INKS[0])
    if often(rng, 0.4):
        _club(rng, sheet, x_mm)


def _club(rng: np.random.Generator, sheet: Sheet, x_mm: float) -> None:
    """A ring, filled or not, with a club's initial in it: a letter that is not read."""
    radius = sheet.px(between(rng, 14, 22))
    at = (round(x_mm * sheet.scale), round(76 * sheet.scale))
    colour = hue(rng, saturation=(0.4, 1), value=(0.2, 0.8))
    cv2.circle(sheet.bgr, at, radius, colour, -1 if often(rng, 0.4) else max(1, radius // 6), cv2.LINE_AA)
    if often(rng, 0.5):
        ink = (240, 240, 240) if often(rng, 0.5) else hue(rng, saturation=(0.4, 1), value=(0.2, 0.9))
        letter = pick(rng, "ABCDEFGHIKLMNOPRSTUVW")
        sheet.text(letter, (x_mm, 76), between(rng, 14, 24), fit_mm=24, face=whole(rng, 0, 10), ink=ink)


def _stickers(rng: np.random.Generator, sheet: Sheet) -> None:
    """Month and year, in any corner, printed or stuck."""
    for x, y in ((8, 6), (262, 6), (8, 122), (262, 122)):
        if not often(rng, 0.36):
            continue
        colour = hue(rng, saturation=(0.0, 1), value=(0.5, 1))
        width, height = between(rng, 24, 36), between(rng, 15, 24)
        sheet.fill((x, y, width, height), colour)
        label = (
            pick(rng, MONTHS)
            if often(rng, 0.5)
            else pick(rng, ("27", "26", "2026", "12-07", "09", "83", "2", "10", "96"))
        )
        ink = INKS[1] if luma(colour) > 120 else (240, 240, 240)
        sheet.text(
            label,
            (x + width / 2, y + height / 2),
            height * 0.6,
            fit_mm=width * 0.85,
            face=pick(rng, (0, 1, 9)),
            ink=ink,
        )
