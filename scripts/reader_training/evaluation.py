"""How well a network reads what never taught it: photographs held back, and pressed plates held back.

Each photograph is cut several times with boxes loosened from a fixed seed, so that the figure moves by less than a
whole plate; pressed plates are loose already. Texts count as read only if they are the same to the last character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from reader_training.calibration import Characters, calibration_error, characters, fitted, texts_of
from reader_training.photos import Photo, crop_of
from reader_training.shards import Pressed
from reader_training.targets import folded

CUTS: Final = 4
MOST_PRESSED: Final = 800
AT_ONCE: Final = 64


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Texts read right out of `n` ("folded": O = 0, I = 1), and the calibration error of their characters."""

    n: int
    exact: int
    folded: int
    calibration_error: float
    kinds: dict[str, tuple[int, int]]
    """Folded and n of each kind."""

    @property
    def share(self) -> float:
        """Folded, as a share of 1."""
        return self.folded / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Pictures with their texts and kinds."""

    pictures: NDArray[np.uint8]
    texts: tuple[str, ...]
    kinds: tuple[str, ...]

    @classmethod
    def of_photos(cls, photos: Sequence[Photo], seed: int = 7) -> "HeldBack":
        """Every photograph, cut several times."""
        rng = np.random.default_rng(seed)
        drawn = [(crop_of(photo, rng), photo) for photo in photos for _ in range(CUTS)]
        return cls(
            _stacked([picture for picture, _ in drawn]),
            tuple(photo.text for _, photo in drawn),
            tuple(photo.source.split("/", maxsplit=1)[0] for _, photo in drawn),
        )

    @classmethod
    def of_pressed(cls, pressed: Pressed, most: int = MOST_PRESSED) -> "HeldBack":
        """The first pressed plates that never teach."""
        drawn = pressed.held_back(most)
        return cls(
            _stacked([picture for picture, _, _ in drawn]),
            tuple("".join(rows) for _, rows, _ in drawn),
            tuple(kind for _, _, kind in drawn),
        )


def _stacked(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(pictures) if pictures else np.zeros((0, 64, 160, 3), np.uint8)


def logits_of(network: Any, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a network in evaluation says of pictures, (n, 80, 37)."""
    starts = range(0, len(pictures), AT_ONCE)
    with torch.inference_mode():
        parts = [network(torch.from_numpy(pictures[start : start + AT_ONCE])).numpy() for start in starts]
    return np.concatenate(parts) if parts else np.zeros((0, 80, 37), np.float32)


def score(logits: NDArray[np.float32], held: HeldBack, temperature: float) -> Score:
    """Set reads beside truths."""
    reads = texts_of(logits)
    is_folded = [folded(read) == folded(text) for read, text in zip(reads, held.texts, strict=True)]
    kinds = {
        kind: (sum(ok for ok, each in zip(is_folded, held.kinds, strict=True) if each == kind), held.kinds.count(kind))
        for kind in sorted(set(held.kinds))
    }
    return Score(
        n=len(reads),
        exact=sum(read == text for read, text in zip(reads, held.texts, strict=True)),
        folded=sum(is_folded),
        calibration_error=calibration_error(*characters(logits, held.texts).surest(temperature)),
        kinds=kinds,
    )


@dataclass(frozen=True, slots=True)
class Examination:
    """Scores of photographs and pressed plates, and the temperature that was fitted to both."""

    photos: Score
    pressed: Score
    temperature: float


def examine(network: Any, photos: HeldBack, pressed: HeldBack) -> Examination:
    """Read all that was held back; the temperature is fitted to as many characters of either kind as there are."""
    said = [logits_of(network, held.pictures) for held in (photos, pressed)]
    sides = [characters(logits, held.texts) for logits, held in zip(said, (photos, pressed), strict=True)]
    both = Characters(np.concatenate([s.logits for s in sides]), np.concatenate([s.truth for s in sides]))
    temperature = fitted(both)
    return Examination(
        photos=score(said[0], photos, temperature),
        pressed=score(said[1], pressed, temperature),
        temperature=temperature,
    )
