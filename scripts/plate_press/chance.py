"""Few draws of a random generator, cheap enough to be made a hundred times a plate.

`Generator.choice` costs some 10 us a call and `uniform` 2 us; `random` costs 0.2 us, so everything stands on it.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, things: Sequence[T]) -> T:
    """One of the things, each as likely as the others."""
    return things[int(rng.random() * len(things))]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn evenly from low to high."""
    return low + (high - low) * float(rng.random())


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def often(rng: np.random.Generator, share: float) -> bool:
    """True in `share` of the draws."""
    return bool(rng.random() < share)


def weighted(rng: np.random.Generator, shares: dict[T, float]) -> T:
    """One of the keys, as often as its share of the sum says."""
    left = float(rng.random()) * sum(shares.values())
    last = next(iter(shares))
    for key, share in shares.items():
        last = key
        left -= share
        if left < 0:
            break
    return last
