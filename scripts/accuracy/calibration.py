"""Whether a probability means what it says: of characters said with 0.9, nine of ten should be right.

Probabilities are put into bins. The expected calibration error is the mean gap between what a bin says and what it
holds, weighted by how much lies in it. With few errors most lies in the last bin, and the figure says little about the
doubtful reads that a person gets to see; so the table goes beside it, each bin with its count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

BINS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""The last tenth in three, since that is where reads lie."""


@dataclass(frozen=True, slots=True)
class Bin:
    """What was said with a probability in (low, high]: on average `said`, and `right` of `n` were so."""

    low: float
    high: float
    n: int
    right: int
    said: float

    @property
    def share_right(self) -> float:
        """Share that was right; 0 in an empty bin."""
        return self.right / self.n if self.n else 0.0


def reliability(said: Sequence[float], right: Sequence[bool], edges: Sequence[float] = BINS) -> list[Bin]:
    """One bin for each pair of edges, empty ones too; 0 belongs to the first."""
    if len(said) != len(right):
        raise ValueError(f"{len(said)} probabilities for {len(right)} outcomes")
    values, outcomes = np.clip(np.asarray(said, float), 0.0, 1.0), np.asarray(right, bool)
    places = np.maximum(np.searchsorted(np.asarray(edges), values, side="left"), 1)
    bins = []
    for place, (low, high) in enumerate(pairwise(edges), start=1):
        here = places == place
        n = int(here.sum())
        bins.append(Bin(low, high, n, int(outcomes[here].sum()), float(values[here].mean()) if n else 0.0))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error of a reliability table, a fraction of 1."""
    total = sum(each.n for each in bins)
    return sum(each.n * abs(each.said - each.share_right) for each in bins) / total if total else 0.0
