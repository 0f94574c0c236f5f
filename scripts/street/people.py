"""Faces for the street: real photographs of free licence, cut out, so that redaction has something to hide.

Both come inside scikit-image's wheel, so nothing is fetched: the astronaut Eileen Collins (NASA, public domain) and the
photographer of the cameraman picture (Lav Varshney, CC0). Clothes and legs are drawn.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from .canvas import Canvas, Colour, Points

_PHOTOGRAPHS = Path(skimage.data.__file__).parent
_HEAD = [
    (176, 22), (212, 14), (250, 20), (284, 40), (299, 72), (298, 104), (284, 128), (266, 134), (262, 160),
    (258, 184), (236, 192), (206, 190), (188, 180), (186, 154), (180, 132), (166, 122), (153, 90), (158, 50),
]  # fmt: skip
_HEAD_BOX = (146, 8, 308, 194)
_FACE_IN_HEAD = (0.20, 0.30, 0.80, 0.86)
_CAMERAMAN = [
    (150, 106), (163, 88), (176, 70), (214, 64), (258, 84), (268, 100), (266, 126), (258, 140), (296, 142),
    (324, 140), (332, 170), (326, 210), (300, 230), (304, 262), (262, 300), (222, 306), (180, 352),
    (152, 384), (150, 512), (0, 512), (2, 270), (28, 214), (70, 150), (116, 116),
]  # fmt: skip
_TONES = (((1.0, 1.0, 1.0), 1.0), ((0.80, 0.84, 0.90), 1.5), ((0.92, 0.92, 0.88), 1.25), ((0.66, 0.70, 0.78), 1.8))
LOOKS = 2 * len(_TONES)
HEAD_M = (0.26, 0.30)
HEIGHT_M = 1.72


@cache
def head(look: int = 0) -> NDArray[np.uint8]:
    """A head with neck, premultiplied BGRA; looks differ in tone and side, so that nobody is the same twice."""
    x0, y0, x1, y1 = _HEAD_BOX
    picture = _cut_out("astronaut.png", _HEAD)[y0:y1, x0:x1].astype(np.float32)
    gain, gamma = _TONES[look // 2]
    alpha = np.maximum(picture[..., 3:], 1)
    toned = (picture[..., :3] / alpha) ** gamma * np.array(gain, np.float32) * alpha
    picture[..., :3] = np.minimum(toned, picture[..., 3:])
    return np.ascontiguousarray(picture[:, :: -1 if look % 2 else 1].astype(np.uint8))


def face_in_head(look: int = 0) -> tuple[float, float, float, float]:
    """The face's box in the head picture: left, top, right, bottom as parts of it."""
    x0, y0, x1, y1 = _FACE_IN_HEAD
    return (1 - x1, y0, 1 - x0, y1) if look % 2 else _FACE_IN_HEAD


@cache
def photographer() -> NDArray[np.uint8]:
    """The photographer from the thighs up, premultiplied BGRA, tinted to stand in a street of colours."""
    grey = _cut_out("camera.png", _CAMERAMAN)[60:, :340].astype(np.float32)
    grey[..., :3] *= np.array([0.98, 0.97, 1.0], np.float32)
    return np.ascontiguousarray(grey.astype(np.uint8))


def pedestrian(coat: Colour, trousers: Colour, stride: float, look: int) -> Canvas:
    """A walker seen from the front; `stride` in -1..1 is where the legs are in their step."""
    canvas = Canvas.cover(-0.45, 0.0, 0.45, HEIGHT_M + 0.05, px_per_m=240)
    for side in (-1, 1):
        lift = 0.05 * max(0.0, side * stride)
        leg = [(side * 0.02, 0.86), (side * 0.20, 0.86), (side * 0.15, 0.06 + lift), (side * 0.05, 0.06 + lift)]
        canvas.gradient(leg, trousers, _darker(trousers, 0.55))
        canvas.box(side * 0.10 - 0.055, lift, side * 0.10 + 0.055, 0.09 + lift, (34, 32, 36), radius=0.03)
        hand_y = 0.78 + 0.05 * side * stride
        canvas.gradient(_arm(side, hand_y), _darker(coat, 0.92), _darker(coat, 0.6))
        canvas.ellipse(side * 0.275, hand_y - 0.02, 0.035, 0.05, (120, 150, 200))
    canvas.gradient(_TORSO, coat, _darker(coat, 0.7))
    canvas.line([(0, 1.40), (0.0, 0.80)], _darker(coat, 0.5), 0.012)
    canvas.polygon([(-0.09, 1.46), (0.09, 1.46), (0, 1.28)], (225, 225, 225))
    canvas.paste(head(look), -HEAD_M[0] / 2, HEIGHT_M - HEAD_M[1], HEAD_M[0] / 2, HEIGHT_M)
    return canvas


_TORSO: Points = [
    (-0.08, 1.47), (0.08, 1.47), (0.21, 1.41), (0.24, 1.30), (0.20, 1.05), (0.22, 0.80), (-0.22, 0.80),
    (-0.20, 1.05), (-0.24, 1.30), (-0.21, 1.41),
]  # fmt: skip


def _arm(side: int, hand_y: float) -> Points:
    return [(side * 0.17, 1.40), (side * 0.25, 1.36), (side * 0.315, hand_y), (side * 0.235, hand_y)]


def _darker(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _cut_out(name: str, outline: Points) -> NDArray[np.uint8]:
    """A photograph's figure on nothing, its edge feathered."""
    picture = cv2.imread(str(_PHOTOGRAPHS / name), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{name} is missing from scikit-image's data: reinstall scikit-image")
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 255, cv2.LINE_AA)
    mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 1.5)
    return np.dstack([(picture * (mask[..., None] / 255.0)).astype(np.uint8), mask])
