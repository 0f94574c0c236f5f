"""Real photographs to tune the reader on: the data folder's `train` split, and a tenth of it held back.

`accuracy.pictures` says what the folder holds. Pictures of the split `test` are not opened. Of `train` a tenth, chosen
by the hash of the file's name, never teaches: it picks the moment to stop and fits the temperature.

A box is loosened anew each time, as a detector would: each side moves by -3 to +25 % of the plate's, the centre by up
to 6 %. A picture that ends at the plate's rim is laid on a piece of some other scene half of the time.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from accuracy.pictures import BadData, Picture, load
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.plate_crop import cut

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
        """Read the split `train` of a data folder; one that is not as it should be ends the program."""
        try:
            photos = [_photo(picture) for picture in load(folder, "train") if len(picture.text) >= SHORTEST]
        except BadData as exc:
            raise SystemExit(str(exc)) from exc
        held = [is_held_back(photo.source) for photo in photos]
        return cls(
            tuple(photo for photo, back in zip(photos, held, strict=True) if not back),
            tuple(photo for photo, back in zip(photos, held, strict=True) if back),
        )


def is_held_back(name: str) -> bool:
    """Whether a photograph never teaches, by the hash of its name."""
    return hashlib.sha256(name.encode()).digest()[0] % HELD_BACK_EVERY == 0


def _photo(picture: Picture) -> Photo:
    image = picture.pixels()
    if picture.box is None:
        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        return _kept(Photo(picture.file, image, whole, picture.text, is_bare=True))
    left, top, right, bottom = picture.box
    beside, above = AROUND * (right - left), AROUND * (bottom - top)
    x0, y0 = max(0, round(left - beside)), max(0, round(top - above))
    around = image[y0 : round(bottom + above), x0 : round(right + beside)].copy()
    xyxy = (left - x0, top - y0, right - x0, bottom - y0)
    return _kept(Photo(picture.file, around, xyxy, picture.text, is_bare=False))


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
