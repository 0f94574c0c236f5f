"""What light, lens, sensor and codec do to a picture at its final size.

The order is that of a camera: light (dusk, infrared, haze, colour), rain before the lens, blur of focus and of motion,
sampling, noise, sharpening, compression. Every strength is bounded by the width of one character in pixels, so that
blur and sampling make a text hard, never absent.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, pick, whole
from plate_press.ink import inked
from plate_press.textures import cloud, grain

Image = NDArray[np.uint8]


def infrared(rng: np.random.Generator, bgr: Image, cover: Image) -> None:
    """Night under the camera's own lamp: grey, the body dark, the sheet shining back."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    out = cv2.convertScaleAbs(grey, alpha=between(rng, 0.05, 0.5))
    cv2.copyTo(cv2.convertScaleAbs(grey, alpha=between(rng, 0.7, 1.15)), cover, out)
    bgr[:] = cv2.merge([out] * 3)


def expose(rng: np.random.Generator, bgr: Image, harshness: float) -> Image:
    """Brightness, contrast, gamma and colour of the light, as one table per channel."""
    ramp = np.arange(256, dtype=np.float32) / 255
    gamma = float(np.exp(np.clip(rng.normal(0, 0.3 * harshness), -0.6, 0.6)))
    gain = 1 - between(rng, 0, 0.7 * harshness) if often(rng, 0.35) else 1 + between(rng, -0.15, 0.2) * harshness
    contrast = 1 - between(rng, 0, 0.65 * harshness) if often(rng, 0.3) else 1.0
    contrast = max(contrast, min(1.0, 0.4 / gain))  # dark and flat at once would leave nothing to read
    pivot = between(rng, 0.25, 0.75)
    tint = 1 + (rng.random(3) - 0.5) * (0.36 if often(rng, 0.25) else 0.14) * harshness
    curve = ((ramp**gamma) - pivot) * contrast + pivot
    table = np.clip(curve[:, None] * gain * tint * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(bgr, table[None]), np.uint8)


def rain(rng: np.random.Generator, bgr: Image) -> None:
    """Streaks in the air and drops on the glass."""
    height, width = bgr.shape[:2]
    lean = between(rng, -0.4, 0.4)
    veil = np.zeros((height, width), np.uint8)
    for _ in range(whole(rng, 3, 22)):
        x, y, length = whole(rng, 0, width), whole(rng, -height // 3, height), height * between(rng, 0.1, 0.5)
        cv2.line(veil, (x, y), (int(x + lean * length), int(y + length)), whole(rng, 30, 110), 1, cv2.LINE_AA)
    cv2.add(bgr, cv2.merge([veil] * 3), bgr)
    soft = cv2.blur(bgr, (5, 5))
    for _ in range(whole(rng, 0, 7)):
        drop = np.zeros((height, width), np.uint8)
        at = (whole(rng, 0, width), whole(rng, 0, height))
        cv2.circle(drop, at, max(1, int(height * between(rng, 0.02, 0.08))), 255, -1, cv2.LINE_AA)
        cv2.copyTo(soft, drop, bgr)


def blur(rng: np.random.Generator, bgr: Image, pitch_px: float, harshness: float) -> Image:
    """Out of focus, or moved while the shutter was open; at most a sixth, or a third, of a character's pitch."""
    if often(rng, 0.28 * harshness):
        length = between(rng, 1.5, max(2.0, 0.33 * pitch_px * harshness))
        angle = between(rng, 0, np.pi) if often(rng, 0.4) else pick(rng, (0.0, np.pi / 2))
        return np.asarray(cv2.filter2D(bgr, -1, _streak(length, angle)), np.uint8)
    if often(rng, 0.65):
        sigma = between(rng, 0.25, 0.25 + (0.12 * pitch_px) * harshness)
        bgr = np.asarray(cv2.GaussianBlur(bgr, (0, 0), min(sigma, 3.2)), np.uint8)
    return bgr


def _streak(length_px: float, angle: float) -> NDArray[np.float32]:
    side = int(np.ceil(length_px)) | 1
    kernel = np.zeros((side, side), np.uint8)
    half, middle = length_px / 2, (side - 1) / 2
    ends = [
        (int((middle + s * half * np.cos(angle)) * 16), int((middle + s * half * np.sin(angle)) * 16)) for s in (-1, 1)
    ]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    total = float(kernel.sum())
    return np.asarray(kernel / max(total, 1), np.float32)


def resample(rng: np.random.Generator, bgr: Image, pitch_px: float) -> Image:
    """Fewer pixels than the picture has, as after a digital zoom or a smaller sub-stream."""
    factor = max(between(rng, 0.45, 0.95), min(1.0, 5.5 / pitch_px))
    size = (max(12, int(bgr.shape[1] * factor)), max(8, int(bgr.shape[0] * factor)))
    small = cv2.resize(bgr, size, interpolation=pick(rng, (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)))
    back = pick(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    return np.asarray(cv2.resize(small, bgr.shape[1::-1], interpolation=back), np.uint8)


def noise(rng: np.random.Generator, bgr: Image, contrast: float, harshness: float) -> Image:
    """Grain of the sensor: of brightness, of colour, or both; at most a third of the plate's own contrast."""
    sigma = between(rng, 0.5, 5) if often(rng, 0.75) else between(rng, 5, 24) * harshness
    sigma = min(sigma, max(0.5, 0.34 * contrast))
    return np.asarray(cv2.add(bgr, grain(rng, *bgr.shape[:2]) * sigma, dtype=cv2.CV_8U), np.uint8)


def sharpen(rng: np.random.Generator, bgr: Image) -> Image:
    """What cameras do to look crisp: halos along the strokes."""
    soft = cv2.GaussianBlur(bgr, (0, 0), between(rng, 0.8, 2.0))
    amount = between(rng, 0.3, 1.6)
    return np.asarray(cv2.addWeighted(bgr, 1 + amount, soft, -amount, 0), np.uint8)


def compress(rng: np.random.Generator, bgr: Image, pitch_px: float, harshness: float) -> Image:
    """JPEG, or the look of H.264: coarse blocks, colour at half size, the block grid anywhere, edges smoothed again."""
    low = 12 if pitch_px > 14 else 22 if pitch_px > 9 else 38
    if often(rng, 0.35 * harshness):
        y, x = whole(rng, 0, 7), whole(rng, 0, 7)
        moved = np.asarray(cv2.copyMakeBorder(bgr, y, 0, x, 0, cv2.BORDER_REPLICATE), np.uint8)
        coded = _jpeg(moved, whole(rng, low, 45))[y:, x:]
        return np.asarray(cv2.blur(coded, (2, 2)), np.uint8) if pitch_px > 12 and often(rng, 0.4) else coded
    quality = whole(rng, 70, 97) if often(rng, 0.55) else whole(rng, max(low + 5, int(75 - 50 * harshness)), 75)
    return _jpeg(bgr, quality)


def _jpeg(bgr: Image, quality: int) -> Image:
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def bloom(rng: np.random.Generator, bgr: Image) -> None:
    """Light that runs over from bright places."""
    side = max(3, int(bgr.shape[0] * between(rng, 0.08, 0.25))) | 1
    bright = cv2.threshold(bgr, 200, 0, cv2.THRESH_TOZERO)[1]
    cv2.add(bgr, cv2.convertScaleAbs(cv2.blur(bright, (side, side)), alpha=between(rng, 0.1, 0.45)), bgr)


def haze(rng: np.random.Generator, bgr: Image) -> Image:
    """Fog, or a dirty window: everything towards one pale tone, unevenly."""
    veil = cv2.convertScaleAbs(cloud(rng, *bgr.shape[:2]), alpha=between(rng, 0.1, 0.5), beta=38)
    tone = whole(rng, 120, 220)
    return inked(bgr, np.asarray(veil, np.uint8), (tone, tone, tone))
