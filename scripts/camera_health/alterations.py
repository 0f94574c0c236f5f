"""What befalls a camera, done to a picture: harmless changes, and the conditions that must be told.

Every alteration takes a BGR picture, another scene's picture of the same size, and a random generator. Lengths are
shares of the picture's width, blurs the sigma of a Gaussian in the picture's own pixels.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from protocol.point_messages import Condition

Picture: TypeAlias = NDArray[np.uint8]
Alteration: TypeAlias = Callable[[Picture, Picture, np.random.Generator], Picture]


def noisy(image: Picture, rng: np.random.Generator, sigma: float = 3.0) -> Picture:
    """A sensor's noise."""
    return _levels(image + np.float32(sigma) * rng.standard_normal(image.shape, np.float32))


def _levels(values: NDArray[Any]) -> Picture:  # `Any`: whatever arithmetic made of a picture
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _gain(factor: float) -> Alteration:
    return lambda image, _, rng: noisy(_levels(image * np.float32(factor)), rng)


def _gamma(power: float) -> Alteration:
    return lambda image, _, rng: noisy(_levels(255 * (image / 255) ** power), rng)


def _compressed(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    _done, data = cv2.imencode(".jpg", noisy(image, rng), [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _shifted(right: float, down: float) -> Alteration:
    """The whole view moved by shares of the width; what comes in from outside is a mirror of the rim."""

    def shift(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
        height, width = image.shape[:2]
        move = np.array([[1, 0, right * width], [0, 1, down * width]], np.float32)
        return noisy(np.asarray(cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REFLECT)), rng)

    return shift


def _bus(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """A third of the picture taken by something else."""
    height, width = image.shape[:2]
    seen = image.copy()
    body = cv2.resize(other, (int(width * 0.55), int(height * 0.6)))
    seen[height - body.shape[0] :, width // 5 : width // 5 + body.shape[1]] = body
    return noisy(seen, rng)


def _covered(share: float, colour: tuple[int, int, int]) -> Alteration:
    """Paint, a sticker or a bag over a share of the picture."""

    def cover(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
        seen = image.copy()
        seen[:, : int(image.shape[1] * share)] = colour
        return noisy(seen, rng)

    return cover


def _hand(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    """Something close before the lens: soft shades and no edge."""
    small = rng.uniform(50, 110, (4, 6, 3)).astype(np.float32)
    return noisy(_levels(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)), rng, 2.0)


def _blurred(sigma_px: float) -> Alteration:
    def blur(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
        return noisy(np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px)), rng, 2.0)

    return blur


def _rolled(degrees: float) -> Alteration:
    def roll(image: Picture, _: Picture, rng: np.random.Generator) -> Picture:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return noisy(np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)), rng)

    return roll


HARMLESS: Final[dict[str, Alteration]] = {
    "noise": lambda image, _, rng: noisy(image, rng, 4.0),
    "a cloud (gain 0.6)": _gain(0.6),
    "sun (gain 1.4)": _gain(1.4),
    "gamma 2": _gamma(2.0),
    "gamma 0.5": _gamma(0.5),
    "JPEG quality 30": _compressed,
    "wind (0.3 % of the width)": _shifted(0.003, 0.002),
    "a bus over a third": _bus,
    "a little soft (blur 0.7 px)": _blurred(0.7),
}
HARMFUL: Final[dict[str, tuple[Condition, Alteration]]] = {
    "blur 2 px": (Condition.BLURRED, _blurred(2)),
    "blur 3 px": (Condition.BLURRED, _blurred(3)),
    "blur 5 px": (Condition.BLURRED, _blurred(5)),
    "blur 10 px": (Condition.BLURRED, _blurred(10)),
    "half covered": (Condition.BLOCKED, _covered(0.5, (90, 90, 90))),
    "three quarters covered": (Condition.BLOCKED, _covered(0.75, (40, 40, 160))),
    "sprayed over": (Condition.BLOCKED, _covered(1.0, (90, 120, 90))),
    "a hand before the lens": (Condition.BLOCKED, _hand),
    "turned by 2 % of the width": (Condition.MOVED, _shifted(0.02, 0)),
    "turned by 5 %": (Condition.MOVED, _shifted(0.05, 0.02)),
    "turned by 10 %": (Condition.MOVED, _shifted(-0.1, 0.03)),
    "turned by 25 %": (Condition.MOVED, _shifted(0.25, 0)),
    "another street": (Condition.MOVED, lambda _, other, rng: noisy(other, rng)),
    "rolled by 20 degrees": (Condition.MOVED, _rolled(20)),
    "no light (gain 0.04)": (Condition.DARK, _gain(0.04)),
}
