"""Fields of chance made once: grain for noise, clouds for dirt, light and paint. Windows of them are cheap."""

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import whole

_GRAIN_SIDE: Final = 640
_CLOUDS: Final = 24
_CLOUD_SIDE: Final = 256


@cache
def _grain(kind: int) -> NDArray[np.float32]:
    """0: of each channel alone; 1: of the brightness; 2: of both. From 3 on the same, two pixels wide."""
    rng = np.random.default_rng([7, kind])
    single = rng.standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3), np.float32)
    shared = np.repeat(rng.standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 1), np.float32), 3, axis=2)
    field = (single, shared, single * 0.6 + shared * 0.7)[kind % 3]
    return field if kind < 3 else np.asarray(cv2.blur(field, (2, 2)), np.float32) * 1.7


def grain(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Normal noise of about sigma 1, (height, width, 3), a window of one of six fields."""
    y, x = whole(rng, 0, _GRAIN_SIDE - height), whole(rng, 0, _GRAIN_SIDE - width)
    return _grain(whole(rng, 0, 5))[y : y + height, x : x + width]


@cache
def _cloud(number: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng([8, number])
    field = np.zeros((_CLOUD_SIDE, _CLOUD_SIDE), np.float32)
    for cells, weight in ((3, 1.0), (6, 0.7), (12, 0.5), (30, 0.35), (70, 0.25)):
        coarse = rng.random((cells, cells), np.float32)
        field += weight * np.asarray(cv2.resize(coarse, field.shape, interpolation=cv2.INTER_CUBIC), np.float32)
    low, high = np.quantile(field, 0.01), np.quantile(field, 0.99)
    return np.asarray(np.clip((field - low) / (high - low), 0, 1) * 255, np.uint8)


def cloud(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """A smooth field 0..255, (height, width)."""
    field = _cloud(whole(rng, 0, _CLOUDS - 1))
    side = whole(rng, 60, _CLOUD_SIDE)
    y, x = whole(rng, 0, _CLOUD_SIDE - side), whole(rng, 0, _CLOUD_SIDE - side)
    return np.asarray(cv2.resize(field[y : y + side, x : x + side], (width, height)), np.uint8)


def patch(height: int, width: int, strength: float) -> NDArray[np.uint8]:
    """A field of 255 with patches down to 105, the more of them the greater `strength` (0..1) is."""
    field = _cloud(round(strength * 1000) % _CLOUDS)
    small = cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(255 - np.clip((small.astype(np.float32) - 200 + 90 * strength) * 4, 0, 150), np.uint8)
