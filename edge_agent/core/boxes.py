"""Arithmetic on boxes `xyxy` in pixels: (n, 4) float32 arrays, left, top, right, bottom.

Boxes are half open like array slices: right and bottom are the first pixels outside.
"""

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.detections import Detections

Boxes = NDArray[np.float32]
Xyxy = tuple[float, float, float, float]


def areas(xyxy: Boxes) -> NDArray[np.float32]:
    """Areas in square pixels; a box turned inside out has none."""
    sides = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou(these: Boxes, those: Boxes) -> NDArray[np.float32]:
    """Intersection over union of every pair, (n, m)."""
    low = np.maximum(these[:, None, :2], those[None, :, :2])
    high = np.minimum(these[:, None, 2:], those[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    inner = sides[..., 0] * sides[..., 1]
    union = areas(these)[:, None] + areas(those)[None, :] - inner
    return np.asarray(inner / np.maximum(union, 1e-9), np.float32)


def suppress(detections: Detections, iou_limit: float) -> Detections:
    """Non-maximum suppression: of boxes that overlap by more than the limit, keep the most confident."""
    order = np.argsort(-detections.confidence, kind="stable")
    overlap = iou(detections.xyxy[order], detections.xyxy[order]) > iou_limit
    kept: list[int] = []
    for index in range(len(order)):
        if not overlap[index, kept].any():
            kept.append(index)
    chosen = order[kept]
    return Detections(detections.xyxy[chosen], detections.confidence[chosen])


def grow(xyxy: Boxes, share: float) -> Boxes:
    """Move every side outwards by a share of the box's own width or height."""
    margin = (xyxy[:, 2:] - xyxy[:, :2]) * share
    return np.concatenate([xyxy[:, :2] - margin, xyxy[:, 2:] + margin], axis=1).astype(np.float32)


def clip(xyxy: Boxes, height_px: int, width_px: int) -> Boxes:
    """Cut boxes at the picture's rim."""
    limit = np.array([width_px, height_px, width_px, height_px], np.float32)
    return np.clip(xyxy, 0, limit).astype(np.float32)


def as_slices(box: NDArray[np.float32] | Xyxy, height_px: int, width_px: int) -> tuple[slice, slice]:
    """Rows and columns of a picture that a box touches, cut at the rim."""
    left, top, right, bottom = (float(side) for side in box)
    rows = slice(max(0, int(np.floor(top))), min(height_px, max(0, int(np.ceil(bottom)))))
    columns = slice(max(0, int(np.floor(left))), min(width_px, max(0, int(np.ceil(right)))))
    return rows, columns


def as_xyxy(box: NDArray[np.float32]) -> Xyxy:
    """One box as plain numbers."""
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right, bottom
