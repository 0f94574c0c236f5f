"""Pictures to teach the plate finder with, each with the boxes of all its plates.

One composite is a square of `SIDE_PX`, whole or divided into a grid of smaller views, for far plates. A view is

- a photograph of a street with its own plate, or with another one hung in its place: all plates of the world on real
  bodywork;
- a photograph with its plate painted over, a frame of a rendered street, or a picture of anything else.

Loose plates are laid into some, so that a plate is learned and not a car's middle; decoys into many (`decoys`). Views
are shrunk the way the agent shrinks its pictures, mostly without averaging, so that the network meets the flicker it
will see.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes, areas

from .decoys import with_decoys
from .pasting import Picture, Pose, hull, paste, touches
from .scenes import painted_over
from .stock import Stock, View

SIDE_PX: Final = 640
WIDTHS_PX: Final = (36.0, 440.0)
"""Widths of the plate that a whole composite is built around; in a grid they shrink with the cells."""
GREY: Final = 114
"""What the letterbox fills with."""
GRIDS: Final = (1, 2, 3, 4)
GRID_SHARES: Final = (0.62, 0.22, 0.1, 0.06)
SEEN_SHARE: Final = 0.6
"""Of a plate cut by the rim at least this must be seen for a label; less is painted over."""
MOST_ENLARGED: Final = 1.6

Rng = np.random.Generator
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Composite:
    """A picture (SIDE_PX, SIDE_PX, 3), BGR, and its plates."""

    image: Picture
    boxes: Boxes


def compose(rng: Rng, stock: Stock) -> Composite:
    """One picture; the same generator state makes the same."""
    grid = int(rng.choice(GRIDS, p=GRID_SHARES))
    cell = SIDE_PX // grid
    image = np.full((SIDE_PX, SIDE_PX, 3), GREY, np.uint8)
    boxes = []
    for row in range(grid):
        for column in range(grid):
            view = _view(rng, stock, cell)
            x, y = column * cell, row * cell
            image[y : y + cell, x : x + cell] = view.image
            boxes.append(view.boxes + np.array([x, y, x, y], np.float32))
    found = np.concatenate(boxes).astype(np.float32)
    return Composite(with_decoys(image, found, rng), found)


def _view(rng: Rng, stock: Stock, side: int) -> View:
    """One view of side x side, where it leaves room laid over a backdrop."""
    view = _subject(rng, stock, side)
    grey = (view.image == GREY).all(axis=2)
    if grey.mean() > 0.15 and rng.random() < 0.8:
        behind = _bare(_placed(stock.scene(rng), rng, side, is_covering=True))
        view = View(np.where(grey[..., None], behind.image, view.image), view.boxes)
    while rng.random() < 0.22:
        view = _with_loose_plate(view, rng, stock)
    return _without_cut_plates(view)


def _subject(rng: Rng, stock: Stock, side: int) -> View:
    kind = rng.random()
    if kind < 0.38:
        return _placed(stock.scene(rng), rng, side)
    if kind < 0.74:
        return _replated(_placed(stock.scene(rng), rng, side), rng, stock)
    if kind < 0.8:
        return _bare(_placed(stock.scene(rng), rng, side))
    if kind < 0.92:
        return _placed(stock.street(rng), rng, side)
    return _placed(stock.plain(rng), rng, side)


def _placed(view: View, rng: Rng, side: int, *, is_covering: bool = False) -> View:
    """A window of a view, its plate at a width drawn evenly over the octaves; or one that the view fills."""
    low, high = (width * side / SIDE_PX for width in WIDTHS_PX)
    wanted = float(np.exp(rng.uniform(np.log(max(low, 10.0)), np.log(high))))
    height, width = view.image.shape[:2]
    if len(view.boxes) and not is_covering:
        chosen = view.boxes[int(rng.integers(len(view.boxes)))]
        scale = min(MOST_ENLARGED, wanted / float(chosen[2] - chosen[0]))
        centre = (chosen[:2] + chosen[2:]) / 2
    else:
        scale = side / min(height, width) * rng.uniform(1.0, 2.0)
        centre = np.array([width, height]) * rng.uniform(0.2, 0.8, 2)
    spot = side * rng.uniform(0.12, 0.88, 2) - centre * scale
    if is_covering:
        spot = np.clip(spot, side - np.array([width, height]) * scale, 0)
    stretch = 1.0 if is_covering else rng.uniform(0.92, 1.08)
    matrix = np.array([[scale, 0, spot[0]], [0, scale * stretch, spot[1]]])
    return _window(view, matrix, side, rng)


def _window(view: View, matrix: Matrix, side: int, rng: Rng) -> View:
    """Shrink by areas or not, then cut; outside the picture the window is grey, as the letterbox is."""
    image = view.image
    if matrix[0, 0] < 1 and rng.random() < 0.4:
        size = (max(1, round(image.shape[1] * matrix[0, 0])), max(1, round(image.shape[0] * matrix[1, 1])))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        step = np.array([size[0] / view.image.shape[1], size[1] / view.image.shape[0]])
    else:
        step = np.ones(2)
    scale = np.array([matrix[0, 0], matrix[1, 1]])
    warp = np.array([[scale[0] / step[0], 0, matrix[0, 2]], [0, scale[1] / step[1], matrix[1, 2]]])
    boxes = view.boxes.reshape(-1, 2, 2) * scale + matrix[:, 2]
    return View(warped(image, warp, side), boxes.reshape(-1, 4).astype(np.float32))


def warped(image: Picture, matrix: Matrix, side: int) -> Picture:
    """A square window of a picture under an affine (2, 3) matrix, grey outside, sampled as the letterbox samples."""
    cut = cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3
    )
    return np.asarray(cut, np.uint8)


def _replated(view: View, rng: Rng, stock: Stock) -> View:
    """Another plate in the place of each; the old one is painted over first."""
    image, boxes = view.image, []
    for box in view.boxes:
        face = stock.face(rng)
        wide = float(box[2] - box[0]) * rng.uniform(0.65, 1.1)
        high = wide * face.shape[0] / face.shape[1] * rng.uniform(0.9, 1.1)
        centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        quad = Pose.draw(rng).quad(centre, wide, high)
        image = paste(painted_over(image, _grown(box)), face, quad, rng)
        boxes.append(hull(quad))
    return View(image, np.array(boxes, np.float32).reshape(-1, 4))


def _bare(view: View) -> View:
    image = view.image
    for box in view.boxes:
        image = painted_over(image, _grown(box))
    return View(image, np.zeros((0, 4), np.float32))


def _with_loose_plate(view: View, rng: Rng, stock: Stock) -> View:
    """A plate anywhere but on another."""
    side = view.image.shape[0]
    face = stock.face(rng)
    wide = float(np.exp(rng.uniform(np.log(0.04), np.log(0.6)))) * side
    centre = (float(rng.uniform(0.1, 0.9) * side), float(rng.uniform(0.1, 0.9) * side))
    quad = Pose.draw(rng, 2.0).quad(centre, wide, wide * face.shape[0] / face.shape[1])
    box = hull(quad)[None]
    if touches(box[0], view.boxes):
        return view
    return View(paste(view.image, face, quad, rng), np.concatenate([view.boxes, box]))


def _without_cut_plates(view: View) -> View:
    """Cut boxes at the rim; paint over the rest of plates of which too little is left."""
    side = float(view.image.shape[0])
    cut = np.clip(view.boxes, 0, side)
    seen = areas(cut) / np.maximum(areas(view.boxes), 1e-6) >= SEEN_SHARE
    image = view.image
    for box in cut[~seen]:
        if box[2] > box[0] and box[3] > box[1]:
            image = painted_over(image, _grown(box))
    return View(image, cut[seen].astype(np.float32))


def _grown(box: NDArray[np.float32]) -> NDArray[np.float32]:
    margin = (box[3] - box[1]) * np.float32(0.12)
    return np.asarray(box + np.array([-margin, -margin, margin, margin], np.float32), np.float32)
