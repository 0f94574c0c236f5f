"""Painting placed things into a picture: meshes by painter's order, pictures by perspective warp.

Each thing is painted on a transparent canvas of its own box at twice the resolution, then shrunk and laid over the
frame, which antialiases every edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .bodies import Decal, Model
from .camera import Camera
from .meshes import Mesh

_FINER = 2
_SHIFT = 4
_NEAREST_M = 1.0


@dataclass(frozen=True, slots=True)
class Patch:
    """A painted thing: premultiplied BGRA whose upper left pixel lies at (x, y) of the frame."""

    pixels: NDArray[np.uint8]
    x: int
    y: int


def paint_model(model: Model, place: NDArray[np.float64], camera: Camera) -> Patch | None:
    """A vehicle standing at `place`, or None when no part of it is in the picture."""
    w, h = model.half_width_m + 0.2, model.height_m
    if place[2] + model.length_m < _NEAREST_M:
        return None
    corners = np.array([[x, y, z] for x in (-w, w) for y in (-0.02, h) for z in (-0.1, model.length_m)])
    box = _clip_box(camera.project(_in_front(corners + place)), camera)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    finer = camera.finer(_FINER)
    sheet = np.zeros(((y1 - y0) * _FINER, (x1 - x0) * _FINER, 4), np.uint8)
    origin = np.array([x0 * _FINER, y0 * _FINER], np.float64)
    for layer in model.layers:
        if isinstance(layer, Mesh):
            _fill(sheet, layer, place, finer, origin)
        else:
            _lay(sheet, layer, place, finer, origin)
    small = cv2.resize(sheet, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return Patch(np.asarray(small, np.uint8), x0, y0)


def paint_decal(decal: Decal, place: NDArray[np.float64], camera: Camera) -> Patch | None:
    """A flat picture standing at `place`."""
    corners = camera.project(_in_front(decal.quad + place))
    box = _clip_box(corners, camera)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    sheet = np.zeros((y1 - y0, x1 - x0, 4), np.uint8)
    _lay(sheet, decal, place, camera, np.array([x0, y0], np.float64))
    return Patch(sheet, x0, y0)


def lay_over(frame: NDArray[np.uint8], patch: Patch) -> None:
    """Blend a patch into the frame."""
    h, w = patch.pixels.shape[:2]
    view = frame[patch.y : patch.y + h, patch.x : patch.x + w]
    _over(view, patch.pixels)


def _over(view: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> None:
    """Premultiplied source-over in integers: view * (255 - alpha) / 255 + source."""
    channels = view.shape[2]
    rest = cv2.cvtColor(255 - pixels[..., 3], cv2.COLOR_GRAY2BGR if channels == 3 else cv2.COLOR_GRAY2BGRA)
    dimmed = cv2.multiply(view, rest, scale=1 / 255)
    cv2.add(dimmed, pixels[..., :channels], dst=dimmed)
    view[:] = dimmed


def _in_front(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hold points off the camera's plane, so that what is driving past does not turn inside out."""
    held = points.copy()
    held[..., 2] = np.maximum(held[..., 2], _NEAREST_M)
    return held


def _clip_box(corners: NDArray[np.float64], camera: Camera) -> tuple[int, int, int, int] | None:
    x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 1
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 1
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, camera.width_px), min(y1, camera.height_px)
    return (int(x0), int(y0), int(x1), int(y1)) if x1 - x0 > 1 and y1 - y0 > 1 else None


def _fill(
    sheet: NDArray[np.uint8], mesh: Mesh, place: NDArray[np.float64], camera: Camera, origin: NDArray[np.float64]
) -> None:
    """Paint a mesh's faces that look at the camera, farthest first."""
    quads = mesh.quads + place
    centres = quads.mean(axis=1)
    to_camera = np.array([0.0, 1.55, 0.0]) - centres
    facing = (np.einsum("ij,ij->i", mesh.normals, to_camera) > 0) & (quads[..., 2].max(axis=1) > _NEAREST_M)
    order = np.flatnonzero(facing)
    order = order[np.argsort(-centres[order, 2], kind="stable")]
    pixels = camera.project(_in_front(quads[order])) - origin
    fixed = np.round(np.clip(pixels, -20000, 20000) * (1 << _SHIFT)).astype(np.int32)
    for points, colour in zip(fixed, mesh.colours[order].tolist(), strict=True):
        cv2.fillConvexPoly(sheet, points, (*colour, 255.0), cv2.LINE_8, _SHIFT)


def _lay(
    sheet: NDArray[np.uint8], decal: Decal, place: NDArray[np.float64], camera: Camera, origin: NDArray[np.float64]
) -> None:
    """Warp a picture onto its corners, from a copy shrunk to about the size it will have."""
    quad = decal.quad + place
    if quad[:, 2].min() < _NEAREST_M:
        return
    corners = camera.project(quad) - origin
    x0, y0 = (max(0, int(v)) for v in np.floor(corners.min(axis=0)))
    x1, y1 = (min(n, int(v)) for n, v in zip(sheet.shape[1::-1], np.ceil(corners.max(axis=0)) + 1, strict=True))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    picture = _shrunk(decal.picture, corners)
    h, w = picture.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    target = (corners - np.array([x0, y0]) - 0.5).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(picture, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    _over(sheet[y0:y1, x0:x1], np.asarray(warped, np.uint8))


def _shrunk(picture: NDArray[np.uint8], corners: NDArray[np.float64]) -> NDArray[np.uint8]:
    wide = max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]))
    tall = max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1]))
    h, w = picture.shape[:2]
    size = (min(w, max(2, round(wide))), min(h, max(2, round(tall))))
    return picture if size == (w, h) else np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
