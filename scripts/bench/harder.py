"""The same photographs made harder, as streets make them: each way keeps the boxes that are known.

Real pictures of helmets, masks, windscreens and nights with marked faces are in no package, so these are imitations: a
helmet is a dark dome over the upper half of the face, a mask a cloth over the lower, a windscreen its glare.
"""

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from .known import Box, Known, Picture

SEED: Final = 5
Harder = Callable[[Known], Known]


def harder_forms(known: Known) -> Iterator[Known]:
    """A picture in every harder form, each named by it."""
    for name, make in FORMS.items():
        made = make(known)
        yield Known(f"{name}-{known.name.replace('-', '_')}", made.image, made.faces, made.plates, made.unsure)


def small(known: Known) -> Known:
    """Six tenths of its size: the faces that stood near are small now."""
    return _resized(known, 0.6)


def large(known: Known) -> Known:
    """Enlarged to the size of a camera's picture."""
    return _resized(known, min(1920 / max(known.image.shape), 2.2))


def mirrored(known: Known) -> Known:
    """Left and right exchanged: profiles look the other way."""
    width = known.image.shape[1]

    def turned(boxes: list[Box]) -> list[Box]:
        return [(width - right, top, width - left, bottom) for left, top, right, bottom in boxes]

    image = np.ascontiguousarray(known.image[:, ::-1])
    return Known(known.name, image, turned(known.faces), turned(known.plates), turned(known.unsure))


def night(known: Known) -> Known:
    """Dark, coloured by lamps, and noisy, as a camera at its longest exposure."""
    light = (known.image / 255.0) ** 1.8 * np.array([0.22, 0.27, 0.32])
    return _with(known, light * 255 + _noise(known.image, 5.0))


def infrared(known: Known) -> Known:
    """Grey, bright in the middle and dark at the rim, noisy: lit by the camera's own lamp."""
    grey = cv2.cvtColor(known.image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    height, width = grey.shape
    y, x = np.mgrid[:height, :width]
    lamp = np.exp(-(((x / width - 0.5) / 0.45) ** 2) - ((y / height - 0.5) / 0.6) ** 2)
    lit = (grey / 255) ** 0.8 * 255 * (0.25 + 0.75 * lamp)
    return _with(known, np.repeat(lit[..., None], 3, axis=2) + _noise(known.image, 8.0))


def blurred(known: Known) -> Known:
    """Moved sideways while the shutter was open, by a fifth of a face."""
    reach_px = max(3, round(_usual_face_px(known) / 5))
    return _with(known, cv2.filter2D(known.image, -1, np.full((1, reach_px), 1 / reach_px)))


def squeezed(known: Known) -> Known:
    """Through a JPEG of very low quality."""
    _, data = cv2.imencode(".jpg", known.image, [cv2.IMWRITE_JPEG_QUALITY, 12])
    return _with(known, cv2.imdecode(data, cv2.IMREAD_COLOR))


def masked(known: Known) -> Known:
    """A cloth over the lower half of every face."""
    image = known.image.copy()
    for left, top, right, bottom in known.faces:
        width, height = right - left, bottom - top
        cloth = [(-0.02, 0.52), (0.5, 0.44), (1.02, 0.52), (0.92, 0.86), (0.5, 1.04), (0.08, 0.86)]
        points = np.array([(left + x * width, top + y * height) for x, y in cloth])
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], (205, 190, 170), cv2.LINE_AA)
    return _with(known, image)


def helmeted(known: Known) -> Known:
    """A helmet's dome down to the brows, with a strap under the chin."""
    image = known.image.copy()
    for left, top, right, bottom in known.faces:
        width, height = right - left, bottom - top
        middle, brow = (left + right) / 2, top + 0.30 * height
        axes = (round(width * 0.72), round(height * 0.62))
        cv2.ellipse(image, (round(middle), round(brow)), axes, 0, 180, 360, (40, 36, 150), -1, cv2.LINE_AA)
        for side in (-1, 1):
            start = (round(middle + side * 0.62 * width), round(brow))
            end = (round(middle), round(bottom + 0.04 * height))
            cv2.line(image, start, end, (30, 30, 30), max(1, round(width / 14)), cv2.LINE_AA)
    return _with(known, image)


def glazed(known: Known) -> Known:
    """Behind a windscreen: less contrast, a grey sheen, and the sky's reflection in bands."""
    height, width = known.image.shape[:2]
    y, x = np.mgrid[:height, :width]
    bands = 0.5 + 0.5 * np.sin((x + 0.6 * y) / max(width, height) * 30)
    sheen = (0.18 + 0.34 * bands)[..., None]
    return _with(known, known.image * (1 - sheen) * 0.8 + sheen * np.array([205.0, 195.0, 185.0]))


FORMS: Final[dict[str, Harder]] = {
    "small": small,
    "large": large,
    "mirrored": mirrored,
    "night": night,
    "infrared": infrared,
    "blurred": blurred,
    "squeezed": squeezed,
    "masked": masked,
    "helmeted": helmeted,
    "glazed": glazed,
}


def _with(known: Known, image: object) -> Known:
    picture = np.clip(np.asarray(image), 0, 255).astype(np.uint8)
    return Known(known.name, picture, known.faces, known.plates, known.unsure)


def _resized(known: Known, factor: float) -> Known:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    image = cv2.resize(known.image, None, fx=factor, fy=factor, interpolation=how).astype(np.uint8, copy=False)

    def scaled(boxes: list[Box]) -> list[Box]:
        return [(a * factor, b * factor, c * factor, d * factor) for a, b, c, d in boxes]

    return Known(known.name, image, scaled(known.faces), scaled(known.plates), scaled(known.unsure))


def _noise(image: Picture, sigma: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(SEED).normal(0, sigma, image.shape)


def _usual_face_px(known: Known) -> float:
    return float(np.median([right - left for left, _, right, _ in known.faces])) if known.faces else 30.0
