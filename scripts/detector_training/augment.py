"""What a camera does to a picture, drawn anew each time one is shown: nearness, light, infrared, blur, codecs."""

from typing import Final

import cv2
import numpy as np

from edge_agent.core.boxes import Boxes, areas

from .composites import Composite, warped
from .pasting import Picture

Rng = np.random.Generator

SCALES: Final = (0.42, 1.2)
SEEN_SHARE: Final = 0.5
LEAST_PX: Final = 8.0
"""Narrower plates are not asked for: nobody could read them, and at stride 8 there is nothing to see."""


def seen(composite: Composite, side: int, rng: Rng) -> Composite:
    """A window of side x side of a composite, mirrored in half of the draws, as some camera shows it."""
    image, boxes = _window(composite, side, rng)
    return Composite(_developed(image, rng), boxes)


def _window(composite: Composite, side: int, rng: Rng) -> tuple[Picture, Boxes]:
    scale = float(np.exp(rng.uniform(np.log(SCALES[0]), np.log(SCALES[1]))))
    whole = composite.image.shape[0]
    room = side - whole * scale
    x, y = (float(rng.uniform(min(0, room), max(0, room))) for _ in range(2))
    warp = np.array([[scale, 0, x], [0, scale, y]])
    boxes = composite.boxes * scale + np.array([x, y, x, y])
    if rng.random() < 0.5:
        warp = np.array([[-1, 0, side - 1], [0, 1, 0], [0, 0, 1]])[:2] @ np.vstack([warp, [0, 0, 1]])
        boxes = np.stack([side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]], axis=1)
    return warped(composite.image, warp, side), _kept(boxes.astype(np.float32), side)


def _kept(boxes: Boxes, side: int) -> Boxes:
    cut = np.clip(boxes, 0, side).astype(np.float32)
    share = areas(cut) / np.maximum(areas(boxes), 1e-6)
    return cut[(share >= SEEN_SHARE) & (cut[:, 2] - cut[:, 0] >= LEAST_PX)]


def _developed(image: Picture, rng: Rng) -> Picture:
    """Light, colour, softness, grain, compression; each in some of the draws."""
    image = _in_light(image, rng)
    if rng.random() < 0.2:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    if rng.random() < 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    if rng.random() < 0.1:
        image = _moved(image, rng)
    if rng.random() < 0.25:
        noise = rng.integers(-16, 17, (image.shape[0] // 2, image.shape[1] // 2, 1), np.int16)
        noise = np.repeat(np.repeat(noise, 2, axis=0), 2, axis=1) * rng.uniform(0.2, 1.2)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 80))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return image


def _in_light(image: Picture, rng: Rng) -> Picture:
    """Exposure, contrast, a tint: one table per channel."""
    levels = np.arange(256, dtype=np.float32) / 255
    gain = rng.uniform(0.12, 0.5) if rng.random() < 0.1 else np.exp(rng.normal(0, 0.25))
    curve = np.power(levels, np.exp(rng.normal(0, 0.25))) * gain + rng.normal(0, 0.05)
    tint = 1 + rng.normal(0, 0.06, 3)
    table = np.clip(curve[:, None] * tint[None] * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def _moved(image: Picture, rng: Rng) -> Picture:
    """Smeared along a line, as a moving car is."""
    length, angle = int(rng.integers(3, 8)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    half = (length - 1) / 2
    for step in np.linspace(-half, half, 2 * length):
        kernel[round(half + step * np.sin(angle)), round(half + step * np.cos(angle))] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
