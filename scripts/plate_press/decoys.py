"""Pictures without a plate that a detector may take for one: the reader must answer with nothing."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, pick, whole
from plate_press.ink import inked, lay
from plate_press.palette import WHITES, hue, luma, paint
from plate_press.sheet import Sheet
from plate_press.stock import landscape, state_ground
from plate_press.textures import cloud
from plate_press.typefaces import PRINT_FILES, line
from plate_press.vehicle import bodywork
from plate_press.vocabulary import MAKES, MX_SLOGANS, MX_STATES, OVERLAYS, SIGNS

Image = NDArray[np.uint8]
_MONO: Final = (9, 1, 0)


def decoy(rng: np.random.Generator, height: int, width: int) -> Image:
    """A picture of the size with one of the things that are no plates."""
    return pick(rng, _ALL)(rng, height, width)


def _badge(rng: np.random.Generator, height: int, width: int) -> Image:
    bgr = bodywork(rng, height, width)
    for _ in range(whole(rng, 1, 2)):
        tone = pick(rng, ((220, 220, 220), (245, 245, 245), (40, 40, 40), (50, 50, 190)))
        _words(rng, bgr, pick(rng, MAKES), tone, wide=(0.4, 0.9), high=(0.25, 0.7), shadow=True)
    return bgr


def _sign(rng: np.random.Generator, height: int, width: int) -> Image:
    ground = hue(rng, saturation=(0.3, 1), value=(0.3, 0.9)) if often(rng, 0.6) else pick(rng, WHITES)
    bgr = np.empty((height, width, 3), np.uint8)
    bgr[:] = ground
    ink = (245, 245, 245) if luma(ground) < 130 else (30, 30, 30)
    if often(rng, 0.5):
        cv2.rectangle(bgr, (3, 3), (width - 4, height - 4), ink, max(1, height // 30))
    for _ in range(whole(rng, 1, 2)):
        _words(rng, bgr, pick(rng, SIGNS), ink, wide=(0.5, 0.95), high=(0.2, 0.6))
    return bgr


def _overlay(rng: np.random.Generator, height: int, width: int) -> Image:
    """The camera's date, time and name over whatever is behind."""
    bgr = pick(rng, (_wall, _grille, _scene))(rng, height, width)
    day = f"{whole(rng, 2019, 2027)}-{whole(rng, 1, 12):02}-{whole(rng, 1, 28):02}"
    stamp = f"{day} {whole(rng, 0, 23):02}:{whole(rng, 0, 59):02}:{whole(rng, 0, 59):02}"
    texts = [stamp if often(rng, 0.6) else stamp[5:], f"{pick(rng, OVERLAYS)} {whole(rng, 1, 64):02}"]
    for i in range(whole(rng, 1, 2)):
        tone = (250, 250, 250) if often(rng, 0.8) else (30, 30, 30)
        _words(rng, bgr, texts[i], tone, wide=(0.6, 1.0), high=(0.2, 0.5), shadow=often(rng, 0.6), faces=_MONO)
    return bgr


def _lamp(rng: np.random.Generator, height: int, width: int) -> Image:
    bgr = bodywork(rng, height, width)
    for _ in range(whole(rng, 1, 3)):
        at = (whole(rng, 0, width), whole(rng, 0, height))
        tone = pick(rng, ((30, 20, 200), (40, 140, 240), (235, 240, 245), (20, 15, 110)))
        cv2.ellipse(
            bgr,
            at,
            (int(width * between(rng, 0.1, 0.5)), int(height * between(rng, 0.15, 0.6))),
            0,
            0,
            360,
            tone,
            -1,
            cv2.LINE_AA,
        )
    return bgr


def _grille(rng: np.random.Generator, height: int, width: int) -> Image:
    bgr = bodywork(rng, height, width)
    step, tone = (
        max(3, int(height * between(rng, 0.05, 0.25))),
        pick(rng, ((20, 20, 20), (130, 130, 130), (200, 200, 200))),
    )
    for y in range(0, height, step):
        cv2.line(bgr, (0, y), (width, y), tone, max(1, step // 3))
    if often(rng, 0.5):
        for x in range(0, width, step * 2):
            cv2.line(bgr, (x, 0), (x, height), tone, max(1, step // 4))
    return bgr


def _wall(rng: np.random.Generator, height: int, width: int) -> Image:
    """Asphalt, plaster, foliage."""
    bgr = np.empty((height, width, 3), np.uint8)
    bgr[:] = paint(rng)
    return inked(bgr, cloud(rng, height, width), hue(rng, saturation=(0, 0.6), value=(0.2, 0.9)))


def _scene(rng: np.random.Generator, height: int, width: int) -> Image:
    sheet = Sheet((float(width), float(height)), width)
    ground = state_ground(rng, sheet)
    landscape(rng, sheet, ground=ground)
    return np.asarray(cv2.resize(sheet.bgr, (width, height)), np.uint8)


def _holder(rng: np.random.Generator, height: int, width: int) -> Image:
    """A place for a plate without one, or a sheet with a state's name and no number."""
    bgr = bodywork(rng, height, width)
    x, y = int(width * 0.12), int(height * 0.18)
    if often(rng, 0.5):
        cv2.rectangle(bgr, (x, y), (width - x, height - y), (25, 25, 25), -1)
        cv2.rectangle(bgr, (x, y), (width - x, height - y), (80, 80, 80), 1)
        return bgr
    sheet = Sheet((300, 150), width - 2 * x)
    state_ground(rng, sheet)
    sheet.text(pick(rng, MX_STATES), (150, 20), 16, fit_mm=200, face=whole(rng, 0, 10), ink=(40, 40, 40))
    sheet.text(pick(rng, MX_SLOGANS), (150, 134), 12, fit_mm=180, face=whole(rng, 0, 10), ink=(40, 40, 40))
    bgr[y : height - y, x : width - x] = cv2.resize(sheet.bgr, (width - 2 * x, height - 2 * y))
    return bgr


def _words(
    rng: np.random.Generator,
    bgr: Image,
    text: str,
    tone: tuple[int, int, int],
    *,
    wide: tuple[float, float],
    high: tuple[float, float],
    shadow: bool = False,
    faces: tuple[int, ...] = tuple(range(len(PRINT_FILES))),
) -> None:
    """Text somewhere in the picture, `wide` and `high` as shares of it."""
    height, width = bgr.shape[:2]
    mask = line(text, pick(rng, faces))
    size = (max(6, int(width * between(rng, *wide))), max(5, int(height * between(rng, *high))))
    size = (min(size[0], int(mask.shape[1] * size[1] / mask.shape[0] * 1.3) + 4), size[1])
    small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    x, y = whole(rng, 0, max(0, width - size[0])), whole(rng, 0, max(0, height - size[1]))
    if shadow:
        lay(bgr, small, x + 1, y + 1, (20, 20, 20))
    lay(bgr, small, x, y, tone)


_ALL: Final[tuple[Callable[[np.random.Generator, int, int], Image], ...]] = (
    _badge, _badge, _sign, _sign, _overlay, _overlay, _lamp, _grille, _wall, _scene, _holder, _holder,
)  # fmt: skip
