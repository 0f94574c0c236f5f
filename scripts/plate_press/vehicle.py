"""What surrounds a plate, in its own plane: paint, grille, lamps, the frame around it, dirt and shadow on it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, pick, whole
from plate_press.faces import Face
from plate_press.ink import inked, lay
from plate_press.palette import Colour, hue, luma, mixed, paint
from plate_press.textures import cloud
from plate_press.typefaces import PRINT_FILES, line
from plate_press.vocabulary import DEALERS, MAKES

_ROOM: Final = {"us": 0.13, "mx": 0.11}  # share of the height that a frame may cover and hide no character


@dataclass(frozen=True, slots=True)
class Panel:
    """A flat picture (h, w, 3) with a plate at `x`, `y` of `width` x `height` px; `cover` is 255 on the plate."""

    bgr: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    x: int
    y: int
    width: int
    height: int


def mount(rng: np.random.Generator, face: Face, harshness: float) -> Panel:
    """Put the plate on a vehicle."""
    height, width = face.bgr.shape[:2]
    pad_x, pad_y = int(width * between(rng, 0.12, 0.4)) + 4, int(height * between(rng, 0.2, 0.75)) + 4
    bgr = bodywork(rng, height + 2 * pad_y, width + 2 * pad_x)
    panel = Panel(bgr, np.zeros(bgr.shape[:2], np.uint8), pad_x, pad_y, width, height)
    _around(rng, panel)
    _hang(rng, panel, face)
    _frame(rng, panel, face.kind)
    if often(rng, 0.55 * harshness):
        _soil(rng, panel, harshness)
    if often(rng, 0.4):
        _slope(rng, panel.bgr, 0.5 * harshness)
    if often(rng, 0.3 * harshness):
        _shadow(rng, panel.bgr, between(rng, 0.25, 0.75))
    if often(rng, 0.12 * harshness):
        _glare(rng, panel)
    return panel


def bodywork(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """Painted metal with a reflection, a seam or a grille."""
    colour = paint(rng)
    other = mixed(colour, pick(rng, ((255, 255, 255), (0, 0, 0), (0, 0, 0))), between(rng, 0, 0.6))
    column = np.linspace(colour, other, height).astype(np.uint8)[:, None]
    sheet = np.asarray(cv2.repeat(column, 1, width), np.uint8)
    for _ in range(whole(rng, 0, 3)):
        y, lean = whole(rng, 0, height - 1), int(between(rng, -0.1, 0.1) * width)
        tone = mixed(colour, pick(rng, ((0, 0, 0), (255, 255, 255))), between(rng, 0.2, 0.9))
        cv2.line(sheet, (0, y), (width, y + lean), tone, whole(rng, 1, max(1, height // 12)), cv2.LINE_AA)
    if often(rng, 0.2):
        _grille(rng, sheet)
    return sheet


def _grille(rng: np.random.Generator, sheet: NDArray[np.uint8]) -> None:
    height, width = sheet.shape[:2]
    top = whole(rng, 0, height - 1) if often(rng, 0.5) else 0
    step = max(4, int(height * between(rng, 0.04, 0.12)))
    dark, light = (25, 25, 25), pick(rng, ((60, 60, 60), (120, 120, 120), (190, 190, 190)))
    sheet[top:] = dark
    for y in range(top, height, step):
        cv2.line(sheet, (0, y), (width, y), light, max(1, step // 4))
    if often(rng, 0.4):
        for x in range(0, width, step * 2):
            cv2.line(sheet, (x, top), (x, height), light, max(1, step // 5))


def _around(rng: np.random.Generator, panel: Panel) -> None:
    """A recess, a plate lamp, a badge, a tail lamp, a maker's emblem beside the plate."""
    bgr, x, y, width, height = panel.bgr, panel.x, panel.y, panel.width, panel.height
    if often(rng, 0.3):
        grow = (int(width * between(rng, 0.02, 0.12)), int(height * between(rng, 0.05, 0.3)))
        tone = mixed(tuple_of(bgr[y, x]), (0, 0, 0), between(rng, 0.2, 0.8))
        cv2.rectangle(bgr, (x - grow[0], y - grow[1]), (x + width + grow[0], y + height + grow[1]), tone, -1)
    if often(rng, 0.2):
        _word(rng, panel, int(y * between(rng, 0.1, 0.6)), max(5, int(height * between(rng, 0.12, 0.3))))
    if often(rng, 0.15):
        _word(rng, panel, y + height + int(y * between(rng, 0.2, 0.6)), max(5, int(height * between(rng, 0.1, 0.3))))
    if often(rng, 0.12):
        at = (x + width // 2, y - int(height * between(rng, 0.15, 0.4)))
        cv2.ellipse(
            bgr,
            at,
            (int(width * 0.1), int(height * 0.1)),
            0,
            0,
            360,
            pick(rng, ((150, 60, 20), (200, 200, 200), (40, 40, 40))),
            -1,
            cv2.LINE_AA,
        )
    if often(rng, 0.12):
        lamp = hue(rng, saturation=(0.6, 1), value=(0.3, 0.9)) if often(rng, 0.3) else (30, 20, whole(rng, 90, 230))
        edge = 0 if often(rng, 0.5) else bgr.shape[1]
        cv2.circle(
            bgr, (edge, whole(rng, 0, bgr.shape[0])), int(height * between(rng, 0.3, 0.8)), lamp, -1, cv2.LINE_AA
        )


def tuple_of(pixel: NDArray[np.uint8]) -> Colour:
    return (int(pixel[0]), int(pixel[1]), int(pixel[2]))


def _word(rng: np.random.Generator, panel: Panel, y: int, height: int) -> None:
    """Raised letters of a badge above or below the plate."""
    mask = line(pick(rng, MAKES), whole(rng, 0, len(PRINT_FILES) - 1))
    width = max(4, int(mask.shape[1] * height / mask.shape[0]))
    small = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    x = panel.x + int(panel.width * between(rng, -0.1, 0.8))
    for shift, tone in (
        (1, (30, 30, 30)),
        (0, pick(rng, ((210, 210, 210), (240, 240, 240), (90, 90, 90), (40, 40, 160)))),
    ):
        lay(panel.bgr, small, x + shift, y + shift, tone)


def _hang(rng: np.random.Generator, panel: Panel, face: Face) -> None:
    """The plate itself over the body, and the shadow it throws."""
    x, y, w, h = panel.x, panel.y, panel.width, panel.height
    if often(rng, 0.6):
        drop = max(1, int(h * between(rng, 0.01, 0.06)))
        area = panel.bgr[y : y + h + drop, x : x + w + drop // 2]
        area[:] = (area * between(rng, 0.2, 0.7)).astype(np.uint8)
    spot = panel.bgr[y : y + h, x : x + w]
    cv2.copyTo(face.bgr, face.alpha, spot)
    panel.cover[y : y + h, x : x + w] = face.alpha
    if often(rng, 0.4):
        edge = pick(rng, ((60, 60, 60), (200, 200, 200), (20, 20, 20)))
        cv2.rectangle(panel.bgr, (x + 1, y + 1), (x + w - 2, y + h - 2), edge, 1, cv2.LINE_AA)


def _frame(rng: np.random.Generator, panel: Panel, kind: str) -> None:
    """A dealer's frame over the rim, a holder's strip below, or nothing."""
    x, y, w, h = panel.x, panel.y, panel.width, panel.height
    style = rng.random()
    room = _ROOM.get(kind.partition("-")[0], 0.03)
    colour = pick(rng, ((20, 20, 20), (20, 20, 20), (35, 35, 35), (190, 190, 190), (150, 150, 155), (60, 30, 20)))
    ink = (235, 235, 235) if luma(colour) < 110 else (25, 25, 25)
    if style < 0.3:
        outer, upper, lower = (
            max(1, int(h * between(rng, 0.02, 0.08))),
            h * between(rng, 0.01, room),
            h * between(rng, 0.01, room),
        )
        side = max(1, int(w * between(rng, 0.005, 0.018)))
        for box in (
            (x - outer, y - outer, x + w + outer, y + int(upper)),
            (x - outer, y + h - int(lower), x + w + outer, y + h + outer),
            (x - outer, y, x + side, y + h),
            (x + w - side, y, x + w + outer, y + h),
        ):
            cv2.rectangle(panel.bgr, box[:2], (box[2] - 1, box[3] - 1), colour, -1)
        if often(rng, 0.6):
            _strip_text(rng, panel, y + h + outer - int((lower + outer) * 0.9), int((lower + outer) * 0.8), ink)
        if often(rng, 0.35):
            _strip_text(rng, panel, y - outer + 1, int((upper + outer) * 0.8), ink)
    elif style < 0.5:
        strip = max(2, int(h * between(rng, 0.08, 0.22)))
        rim = max(1, int(h * 0.03))
        cv2.rectangle(panel.bgr, (x - rim, y + h), (x + w + rim, y + h + strip), colour, -1)
        cv2.rectangle(panel.bgr, (x - rim, y - rim), (x + w + rim, y + h + strip), colour, rim)
        if often(rng, 0.75):
            _strip_text(rng, panel, y + h + 1, max(3, int(strip * 0.75)), ink)


def _strip_text(rng: np.random.Generator, panel: Panel, y: int, height: int, ink: Colour) -> None:
    mask = line(pick(rng, DEALERS), whole(rng, 0, len(PRINT_FILES) - 1))
    if height < 3:
        return
    width = min(int(panel.width * 0.9), int(mask.shape[1] * height / mask.shape[0]))
    if width >= 4:
        small = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        lay(panel.bgr, small, panel.x + (panel.width - width) // 2, y, ink)


def _soil(rng: np.random.Generator, panel: Panel, harshness: float) -> None:
    """Dust and mud: a veil, thicker in patches or towards the lower rim, never opaque over a character."""
    height, width = panel.bgr.shape[:2]
    veil = cloud(rng, height, width)
    density = between(rng, 0.1, 0.55) * min(1.0, harshness)
    if often(rng, 0.5):
        veil = np.asarray(
            cv2.convertScaleAbs(np.maximum(veil, at := np.uint8(whole(rng, 100, 180))) - at, alpha=4), np.uint8
        )
    if often(rng, 0.4):
        ramp = np.linspace(50, 255, height).astype(np.uint8)[:, None]
        veil = np.asarray(cv2.multiply(veil, np.repeat(ramp, width, axis=1), scale=1 / 255), np.uint8)
    mud = pick(rng, ((90, 110, 130), (60, 80, 100), (120, 130, 140), (150, 160, 165), (40, 50, 60)))
    panel.bgr[:] = inked(panel.bgr, np.asarray(cv2.convertScaleAbs(veil, alpha=density), np.uint8), mud)


def _slope(rng: np.random.Generator, bgr: NDArray[np.uint8], depth: float) -> None:
    """Light that falls off to one side, as under a plate lamp or a bumper's edge."""
    height, width = bgr.shape[:2]
    ends = np.array([255, 255 * (1 - depth * float(rng.random()))], np.uint8)[:: 1 if often(rng, 0.6) else -1]
    ramp = cv2.resize(ends[:, None] if often(rng, 0.6) else ends[None], (width, height))
    cv2.multiply(bgr, cv2.merge([ramp] * 3), bgr, 1 / 255)


def _shadow(rng: np.random.Generator, bgr: NDArray[np.uint8], darkness: float) -> None:
    """An edge of shade across the picture."""
    height, width = bgr.shape[:2]
    shade = np.full((height, width), 255, np.uint8)
    y0, y1 = (int(height * between(rng, 0.1, 0.9)) for _ in range(2))
    points = (
        [(0, y0), (width, y1), (width, 0), (0, 0)]
        if often(rng, 0.5)
        else [(y0, 0), (y1, height), (width, height), (width, 0)]
    )
    cv2.fillPoly(shade, [np.array(points, np.int32)], int(255 * (1 - darkness)))
    if often(rng, 0.6):
        shade = np.asarray(cv2.blur(shade, (whole(rng, 1, 9), whole(rng, 1, 9))), np.uint8)
    cv2.multiply(bgr, cv2.merge([shade] * 3), bgr, 1 / 255)


def _glare(rng: np.random.Generator, panel: Panel) -> None:
    """A bright spot of the sun or of a lamp; characters under it pale but stay."""
    height, width = panel.bgr.shape[:2]
    spot = np.zeros((height, width), np.uint8)
    at = (panel.x + int(panel.width * rng.random()), panel.y + int(panel.height * rng.random()))
    cv2.ellipse(
        spot,
        at,
        (int(width * between(rng, 0.06, 0.3)), int(height * between(rng, 0.06, 0.4))),
        360 * rng.random(),
        0,
        360,
        int(between(rng, 60, 140)),
        -1,
    )
    side = max(3, int(height * 0.25)) | 1
    veil = cv2.blur(cv2.blur(spot, (side, side)), (side, side))
    cv2.add(panel.bgr, cv2.merge([veil] * 3), panel.bgr)
