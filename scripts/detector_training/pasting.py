"""Laying a flat plate into a picture as if it hung there: perspective, holder, light, shadow, softness.

The plate's own corners are the label, its holder's are not: a reader wants the plate and nothing around it. The light
is taken from where the plate goes, so that it does not shine out of a dark street, and it still shines often enough,
because plates reflect.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]

_GLOW: Final = (0.9, 2.6)
"""How much brighter a plate's white is than what surrounds it."""
_LEAST_PX: Final = 3


@dataclass(frozen=True, slots=True)
class Pose:
    """How a plate stands: turned in the picture plane (degrees), sheared, and narrowed towards one end."""

    turn: float
    shear: float
    taper: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, steepness: float = 1.0) -> "Pose":
        """A pose; steepness 1 is the mount of a car seen from a pole, 2 something carried by."""
        turn, shear = rng.normal(0, 3.0 * steepness), rng.normal(0, 0.05 * steepness)
        taper = rng.normal(0, 0.035 * steepness, 2)
        return cls(float(turn), float(shear), (float(taper[0]), float(taper[1])))

    def quad(self, centre: tuple[float, float], width: float, height: float) -> Quad:
        """Corners (4, 2): top left, top right, bottom right, bottom left."""
        across, down = np.array([-0.5, 0.5, 0.5, -0.5]), np.array([-0.5, -0.5, 0.5, 0.5])
        x = across * (1 + self.taper[0] * down * 2) * width
        y = down * (1 + self.taper[1] * across * 2) * height + across * width * self.shear
        angle = np.deg2rad(self.turn)
        turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)
        return np.asarray(turned + np.array(centre), np.float32)


def hull(quad: Quad) -> NDArray[np.float32]:
    """The upright box `xyxy` around corners."""
    return np.concatenate([quad.min(axis=0), quad.max(axis=0)]).astype(np.float32)


def touches(box: NDArray[np.float32], boxes: Boxes) -> bool:
    """Whether a box `xyxy` lies over any of (n, 4)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    return bool(((high - low) > 0).all(axis=1).any())


def paste(image: Picture, face: Picture, quad: Quad, rng: np.random.Generator) -> Picture:
    """The picture with an RGBA-ordered BGRA face laid onto the corners."""
    patch = _Patch.around(quad, image.shape[:2])
    if patch is None:
        return image
    part = patch.cut(image).astype(np.float32)
    if rng.random() < 0.45:
        part = _with_holder(part, patch.local(quad), rng)
    colour, cover = _warped(face, patch.local(quad), part.shape[:2])
    shown = _lit(colour, part, rng)
    part = part * (1 - cover) + shown * cover
    if rng.random() < 0.25:
        part = _with_shadow(part, cover, rng)
    out = image.copy()
    patch.put(out, np.clip(part, 0, 255))
    return out


@dataclass(frozen=True, slots=True)
class _Patch:
    """The part of a picture that a quad with its holder touches."""

    rows: slice
    columns: slice

    @classmethod
    def around(cls, quad: Quad, shape: tuple[int, ...]) -> "_Patch | None":
        left, top, right, bottom = hull(quad)
        pad = max(4.0, 0.2 * float(bottom - top))
        x0, y0 = max(0, int(left - pad)), max(0, int(top - pad))
        x1, y1 = min(shape[1], int(right + pad) + 1), min(shape[0], int(bottom + pad) + 1)
        is_seen = x1 - x0 > _LEAST_PX and y1 - y0 > _LEAST_PX
        return cls(slice(y0, y1), slice(x0, x1)) if is_seen else None

    def cut(self, image: Picture) -> Picture:
        return image[self.rows, self.columns]

    def put(self, image: Picture, part: NDArray[np.float32]) -> None:
        image[self.rows, self.columns] = part.astype(np.uint8)

    def local(self, quad: Quad) -> Quad:
        return np.asarray(quad - np.array([self.columns.start, self.rows.start], np.float32), np.float32)


def _warped(face: Picture, quad: Quad, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour and coverage 0..1 of a face on a quad; shrunk by areas first, so that small print does not flicker."""
    width, height = _sides(quad)
    scale = min(1.0, max(width / face.shape[1], height / face.shape[0]))
    small = (max(_LEAST_PX, round(face.shape[1] * scale)), max(_LEAST_PX, round(face.shape[0] * scale)))
    face = np.asarray(cv2.resize(face, small, interpolation=cv2.INTER_AREA), np.uint8)
    corners = np.array([[0, 0], [small[0], 0], [small[0], small[1]], [0, small[1]]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(corners, quad - np.float32(0.5))
    size = (shape[1], shape[0])
    colour = cv2.warpPerspective(face[..., :3], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(face[..., 3], matrix, size, flags=cv2.INTER_LINEAR)
    return colour.astype(np.float32), cover[..., None].astype(np.float32) / np.float32(255)


def _sides(quad: Quad) -> tuple[float, float]:
    width = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    height = max(np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[2] - quad[1]))
    return float(width), float(height)


def _lit(colour: NDArray[np.float32], part: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Bring the face to the light of its place, unevenly, with a tint, as soft and noisy as cameras are."""
    white = max(60.0, float(np.percentile(colour, 90)))
    wanted = np.clip(float(part.mean()) * rng.uniform(*_GLOW), 55, 250)
    tint = rng.normal(1, 0.04, 3)
    slope = np.linspace(1 - rng.uniform(0, 0.2), 1 + rng.uniform(0, 0.2), colour.shape[1])[None, :, None]
    shown = colour * (wanted / white * tint * slope)
    shown = shown * rng.uniform(0.6, 1.0) ** float(rng.random() < 0.3) + rng.uniform(0, 25)
    shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.3, 1.1))
    return np.asarray(shown + rng.normal(0, rng.uniform(0, 7), shown.shape), np.float32)


def _with_holder(part: NDArray[np.float32], quad: Quad, rng: np.random.Generator) -> NDArray[np.float32]:
    """A holder's rim around the plate: black plastic mostly, chrome sometimes."""
    centre = quad.mean(axis=0)
    rim = centre + (quad - centre) * rng.uniform(1.03, 1.12, (1, 2))
    shade = rng.uniform(10, 60) if rng.random() < 0.75 else rng.uniform(120, 220)
    canvas = part.copy()
    points = np.round(rim * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, points, (shade, shade, shade), cv2.LINE_AA, 4)
    return np.asarray(canvas, np.float32)


def _with_shadow(
    part: NDArray[np.float32], cover: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """A hard shadow across part of the plate, as a bumper or a tree throws it."""
    height, width = part.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3)
    side = np.cos(angle) * (columns / width - 0.5) + np.sin(angle) * (rows / height - 0.5)
    dark = 1 / (1 + np.exp(-(side - offset) * rng.uniform(20, 80)))
    return np.asarray(part * (1 - dark[..., None] * cover * rng.uniform(0.3, 0.7)), np.float32)
