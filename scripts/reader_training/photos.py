"""Real photographs to tune the reader on: the data folder's `train` split, and a tenth of it held back.

The folder is described by its own README: `scenes.csv` with a plate's box in a street scene, `crops.csv` with pictures
that are a plate and nothing else. Rows of the split `test` are not even kept in memory. Of `train` a tenth, chosen by
the hash of the file's name, never teaches: it picks the moment to stop and fits the temperature.

A box is loosened anew each time, as a detector would: each side moves by -3 to +25 % of the plate's, the centre by up
to 6 %. A picture that ends at the plate's rim is laid on a piece of some other scene half of the time.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.plate_crop import cut
from protocol.plates import normalise

HELD_BACK_EVERY: Final = 10
AROUND: Final = 0.6
"""How much of a scene is kept on each side of its plate, in the plate's sides."""
KEPT_WIDTH_PX: Final = 240
"""Wider plates are shrunk when they are read: the input has 160 pixels."""
SHORTEST: Final = 2
"""A label of one character ("0" stands for plates that somebody could not read) teaches nothing."""
SIDE: Final = (-0.03, 0.25)
SHIFT: Final = 0.06


@dataclass(frozen=True, slots=True)
class Photo:
    """A plate in a BGR picture. `is_bare`: the picture ends at the plate's rim."""

    source: str
    image: NDArray[np.uint8]
    xyxy: Xyxy
    text: str
    is_bare: bool


@dataclass(frozen=True, slots=True)
class Photos:
    """What teaches, and what is held back."""

    teaching: tuple[Photo, ...]
    held_back: tuple[Photo, ...]

    @classmethod
    def load(cls, folder: Path) -> "Photos":
        """Read the split `train` of a data folder."""
        photos = [photo for photo in (*_scenes(folder), *_crops(folder)) if len(photo.text) >= SHORTEST]
        held = [is_held_back(photo.source) for photo in photos]
        return cls(
            tuple(photo for photo, back in zip(photos, held, strict=True) if not back),
            tuple(photo for photo, back in zip(photos, held, strict=True) if back),
        )


def is_held_back(name: str) -> bool:
    """Whether a photograph never teaches, by the hash of its name."""
    return hashlib.sha256(name.encode()).digest()[0] % HELD_BACK_EVERY == 0


def _scenes(folder: Path) -> Iterator[Photo]:
    for row in _train_rows(folder / "scenes.csv"):
        left, top, width, height = (float(row[key]) for key in ("x", "y", "w", "h"))
        image = _picture(folder / row["file"])
        x0, y0 = max(0, round(left - AROUND * width)), max(0, round(top - AROUND * height))
        x1, y1 = round(left + (1 + AROUND) * width), round(top + (1 + AROUND) * height)
        xyxy = (left - x0, top - y0, left + width - x0, top + height - y0)
        yield _kept(Photo(row["file"], image[y0:y1, x0:x1].copy(), xyxy, normalise(row["plate"]), is_bare=False))


def _crops(folder: Path) -> Iterator[Photo]:
    for row in _train_rows(folder / "crops.csv"):
        image = _picture(folder / row["file"])
        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        yield _kept(Photo(row["file"], image, whole, normalise(row["plate"]), is_bare=True))


def _kept(photo: Photo) -> Photo:
    """The photograph with its plate no wider than it need be."""
    share = min(1.0, KEPT_WIDTH_PX / (photo.xyxy[2] - photo.xyxy[0]))
    if share == 1.0:
        return photo
    height, width = photo.image.shape[:2]
    small = (max(1, round(width * share)), max(1, round(height * share)))
    image = np.asarray(cv2.resize(photo.image, small, interpolation=cv2.INTER_AREA), np.uint8)
    left, top, right, bottom = photo.xyxy
    across, down = small[0] / width, small[1] / height
    return replace(photo, image=image, xyxy=(left * across, top * down, right * across, bottom * down))


def _train_rows(table: Path) -> Iterator[dict[str, str]]:
    with table.open(newline="") as lines:
        yield from (row for row in csv.DictReader(lines) if row["split"] == "train")


def _picture(path: Path) -> NDArray[np.uint8]:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise FileNotFoundError(f"{path} is named in the table and cannot be read as a picture")
    return np.asarray(found, np.uint8)


def loosened(xyxy: Xyxy, rng: np.random.Generator, *, side: tuple[float, float] = SIDE) -> Xyxy:
    """A box as a detector might give it."""
    left, top, right, bottom = xyxy
    width, height = right - left, bottom - top
    x, y = rng.uniform(-SHIFT, SHIFT, 2)
    grown = rng.uniform(*side, 4)
    return (
        left + (x - grown[0]) * width,
        top + (y - grown[1]) * height,
        right + (x + grown[2]) * width,
        bottom + (y + grown[3]) * height,
    )


def crop_of(photo: Photo, rng: np.random.Generator, grounds: tuple[Photo, ...] = ()) -> NDArray[np.uint8]:
    """The reader's input of a loosened box; `grounds` lend surroundings to pictures that have none."""
    if not photo.is_bare or not grounds or rng.random() < 0.5:
        return cut(photo.image, loosened(photo.xyxy, rng))
    image, xyxy = _laid(photo, grounds[int(rng.integers(len(grounds)))], rng)
    return cut(image, loosened(xyxy, rng))


def _laid(photo: Photo, ground: Photo, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Xyxy]:
    """A bare plate on the upper rim of another scene's picture, where that shows a car and no plate."""
    height, width = photo.image.shape[:2]
    rim_x, rim_y = width // 3, height // 3
    above = ground.image[: max(4, int(ground.xyxy[1] * 0.9))]
    wide = np.asarray(cv2.resize(above, (width + 2 * rim_x, height + 2 * rim_y)), np.uint8)
    wide = wide[:, ::-1].copy() if rng.random() < 0.5 else wide
    wide[rim_y : rim_y + height, rim_x : rim_x + width] = photo.image
    return wide, (float(rim_x), float(rim_y), float(rim_x + width), float(rim_y + height))
