"""Fresh damage on top of what the press and the photographs bring, cheap enough for every picture of every batch.

Everything works at the reader's own 64 x 160 pixels, a third of a millisecond a picture: small turns and shears, a loss
of resolution, blur, a curve of light for each colour, grain, JPEG's blocks. Nothing hides a character or mirrors one:
the text must stay true.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Damage = Callable[[Picture, np.random.Generator], Picture]

GRAIN: Final = np.random.default_rng(5).normal(0, 32, (256, 512, 3)).clip(-127, 127).astype(np.int8)
LEVELS: Final = np.arange(256, dtype=np.float32) / 255


def augment(picture: Picture, rng: np.random.Generator) -> Picture:
    """One picture, damaged by some of the kinds below."""
    for chance, damage in DAMAGES:
        if rng.random() < chance:
            picture = damage(picture, rng)
    return picture


def turned(picture: Picture, rng: np.random.Generator) -> Picture:
    """A small affine change; beyond the rim the rim goes on."""
    height, width = picture.shape[:2]
    angle, slant, rise = rng.normal(0, 0.025), rng.normal(0, 0.12), rng.normal(0, 0.012)
    x, y = rng.uniform(0.94, 1.06, 2)
    matrix = np.array([[x * np.cos(angle), slant, 0], [np.sin(angle) + rise, y * np.cos(angle), 0]], np.float32)
    centre = np.array([width / 2, height / 2], np.float32)
    matrix[:, 2] = centre + rng.uniform(-3, 3, 2) - matrix[:, :2] @ centre
    moved = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def coarsened(picture: Picture, rng: np.random.Generator) -> Picture:
    """As if fewer pixels had fallen on the plate, down to 45 in width."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.28, 0.8)
    small = cv2.resize(picture, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (width, height), interpolation=how), np.uint8)


def blurred(picture: Picture, rng: np.random.Generator) -> Picture:
    """Out of focus, or moved by a few pixels."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    length = int(rng.integers(2, 6))
    kernel = np.full((1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(picture, -1, kernel if rng.random() < 0.75 else kernel.T), np.uint8)


def relit(picture: Picture, rng: np.random.Generator) -> Picture:
    """Another exposure, contrast and colour of light."""
    gamma, gain, lift = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(-0.1, 0.25)), rng.normal(0, 0.06)
    cast = np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    curve = (LEVELS**gamma * gain)[:, None] * cast + lift
    return np.asarray(cv2.LUT(picture, (curve.clip(0, 1) * 255).astype(np.uint8)[None]), np.uint8)


def shaded(picture: Picture, rng: np.random.Generator) -> Picture:
    """Light that falls off across the plate, in any direction."""
    height, width = picture.shape[:2]
    x, y = rng.normal(0, 0.35, 2)
    slope = 1 + x * np.linspace(-1, 1, width, dtype=np.float32) + y * np.linspace(-1, 1, height)[:, None]
    return np.asarray((picture * slope.clip(0.2, 1.8)[..., None]).clip(0, 255), np.uint8)


def greyed(picture: Picture, rng: np.random.Generator) -> Picture:
    """No colour, as at night."""
    del rng
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def inverted(picture: Picture, rng: np.random.Generator) -> Picture:
    """Light characters on dark ground, where the other way round was."""
    del rng
    return np.asarray(255 - picture, np.uint8)


def grained(picture: Picture, rng: np.random.Generator) -> Picture:
    """Noise of a sensor, cut from one sheet of it."""
    height, width = picture.shape[:2]
    y, x = int(rng.integers(256 - height)), int(rng.integers(512 - width))
    grain = GRAIN[y : y + height, x : x + width] * np.float32(rng.uniform(0.05, 0.7))
    return np.asarray((picture + grain).clip(0, 255), np.uint8)


def packed(picture: Picture, rng: np.random.Generator) -> Picture:
    """JPEG's blocks and ringing."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


DAMAGES: Final[tuple[tuple[float, Damage], ...]] = (
    (0.5, turned),
    (0.15, coarsened),
    (0.2, blurred),
    (0.7, relit),
    (0.15, shaded),
    (0.1, greyed),
    (0.02, inverted),
    (0.3, grained),
    (0.1, packed),
)
"""Chance and kind, in the order in which light, lens, sensor and codec would do it."""
