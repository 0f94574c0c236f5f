"""Pressed plates in memory, shard by shard, and the batches drawn from them.

`scripts/press_plates.py` writes the shards: pictures already cut to the reader's input, their lines and kinds. New
shards may come while a run is going; it takes them up when it looks again. Every 64th plate of a shard never teaches.

A batch is a function of the run's seed and the step's number, so a run that was killed goes on where it stopped, and
the same shards and photographs give the same batches again.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reader_training.augment import augment
from reader_training.photos import Photo, crop_of
from reader_training.targets import COLUMNS, coded, drilled, steps_needed, two_rows

SHARD_FILES: Final = "shard-*-????.npz"
HELD_BACK_EVERY: Final = 64
ONE_LINE_CHANCE: Final = 0.4
"""Of the plates of one line that are drawn this share is taken; of two lines all."""
Rows = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """Some plates: pictures (n, 64, 160, 3), the lines of each, its kind."""

    name: str
    images: NDArray[np.uint8]
    rows: tuple[Rows, ...]
    kinds: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> "Shard":
        """Read a shard; a plate whose line is longer than the network can say is not taken."""
        with np.load(path) as stored:
            rows = [tuple(str(each).split()) for each in stored["rows"]]
            sayable = [max(map(steps_needed, two_rows(each))) <= COLUMNS for each in rows]
            kept = np.flatnonzero(sayable)
            images = stored["images"]
            kinds = tuple(str(stored["kinds"][index]) for index in kept)
        return cls(path.name, images if len(kept) == len(rows) else images[kept], tuple(rows[i] for i in kept), kinds)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class Pressed:
    """All shards of a folder that were there when it was last looked at."""

    folder: Path
    shards: list[Shard] = field(default_factory=list)

    def look_again(self) -> int:
        """Take up shards that have come; returns how many plates there are now."""
        known = {shard.name for shard in self.shards}
        for path in sorted(self.folder.glob(SHARD_FILES)):
            if path.name not in known:
                self.shards.append(Shard.load(path))
        return sum(map(len, self.shards))

    def pick(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Rows]:
        """One plate that may teach; one of two lines is likelier, since they are few and hard."""
        while True:
            index = int(rng.integers(sum(map(len, self.shards))))
            for shard in self.shards:
                if index < len(shard):
                    break
                index -= len(shard)
            if index % HELD_BACK_EVERY and (len(shard.rows[index]) > 1 or rng.random() < ONE_LINE_CHANCE):
                return shard.images[index], shard.rows[index]

    def held_back(self, most: int) -> list[tuple[NDArray[np.uint8], Rows, str]]:
        """Plates that never teach, with their kinds; from the first shards, so that they stay the same."""
        found = [
            (shard.images[index], shard.rows[index], shard.kinds[index])
            for shard in self.shards
            for index in range(0, len(shard), HELD_BACK_EVERY)
        ]
        return found[:most]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (n, 64, 160, 3) and what they say, as `targets.coded` has it."""

    pictures: NDArray[np.uint8]
    symbols: NDArray[np.int64]
    lengths: NDArray[np.int64]
    guess: NDArray[np.int64]
    """A rough alignment, as `targets.drilled` has it."""


def batch_of(pressed: Pressed, photos: tuple[Photo, ...], real: int, total: int, rng: np.random.Generator) -> Batch:
    """Draw and damage `total` plates, of which `real` are photographs if there are any."""
    grounds = tuple(photo for photo in photos if not photo.is_bare)
    drawn: list[tuple[NDArray[np.uint8], Rows]] = []
    for index in range(total):
        if photos and index < real:
            photo = photos[int(rng.integers(len(photos)))]
            drawn.append((crop_of(photo, rng, grounds), (photo.text,)))
        else:
            drawn.append(pressed.pick(rng))
    lines = [rows for _, rows in drawn]
    return Batch(np.stack([augment(image, rng) for image, _ in drawn]), *coded(lines), drilled(lines))
