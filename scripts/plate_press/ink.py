"""Laying a colour on a picture through a mask, in 8-bit arithmetic: the press does it thirty times a plate."""

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.palette import Colour


def inked(ground: NDArray[np.uint8], mask: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """`ground` (h, w, 3) with `colour` laid on it as densely as `mask` (h, w) says, 255 being opaque."""
    kept = cv2.multiply(ground, cv2.merge([cv2.bitwise_not(mask)] * 3), scale=1 / 255)
    laid = cv2.merge([cv2.convertScaleAbs(mask, alpha=part / 255) for part in colour])
    return np.asarray(cv2.add(kept, laid), np.uint8)


def lay(bgr: NDArray[np.uint8], mask: NDArray[np.uint8], x: int, y: int, colour: Colour) -> None:
    """Ink a picture through a mask whose corner is at x, y; what hangs over the picture's rim is cut."""
    left, top = max(0, x), max(0, y)
    right, bottom = min(bgr.shape[1], x + mask.shape[1]), min(bgr.shape[0], y + mask.shape[0])
    if left < right and top < bottom:
        ground = bgr[top:bottom, left:right]
        ground[:] = inked(ground, mask[top - y : bottom - y, left - x : right - x], colour)
