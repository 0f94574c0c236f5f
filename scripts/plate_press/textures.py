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
def _grain() -> NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3), np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Independent normal noise, (height, width, 3), sigma 1; mirrored at random so that windows rarely repeat."""
    y, x = whole(rng, 0, _GRAIN_SIDE - height), whole(rng, 0, _GRAIN_SIDE - width)
    window = _grain()[y : y + height, x : x + width]
    return window[:: 1 if rng.random() < 0.5 else -1, :: 1 if rng.random() < 0.5 else -1]


@cache
def _cloud(number: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([8, number])
    field = np.zeros((_CLOUD_SIDE, _CLOUD_SIDE), np.float32)
    for cells, weight in ((3, 1.0), (6, 0.7), (12, 0.5), (30, 0.35), (70, 0.25)):
        coarse = rng.random((cells, cells), np.float32)
        field += weight * np.asarray(cv2.resize(coarse, field.shape, interpolation=cv2.INTER_CUBIC), np.float32)
    low, high = np.quantile(field, 0.01), np.quantile(field, 0.99)
    return np.asarray(np.clip((field - low) / (high - low), 0, 1), np.float32)


def cloud(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A smooth field 0..1, (height, width)."""
    field = _cloud(whole(rng, 0, _CLOUDS - 1))
    side = whole(rng, 60, _CLOUD_SIDE)
    y, x = whole(rng, 0, _CLOUD_SIDE - side), whole(rng, 0, _CLOUD_SIDE - side)
    return np.asarray(cv2.resize(field[y : y + side, x : x + side], (width, height)), np.float32)
