"""Counting what a detector found of what is there: recall at two overlaps, and boxes that are on no plate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_agent.core.boxes import Boxes, iou
from edge_agent.core.detections import Detections

OVERLAPS: Final = (0.5, 0.7)


@dataclass(frozen=True, slots=True)
class Tally:
    """Plates, how many of them were found at each of `OVERLAPS`, and boxes that are on no plate."""

    plates: int
    found: tuple[int, int]
    false: int

    @property
    def recall(self) -> tuple[float, float]:
        """Shares found at the two overlaps."""
        return self.found[0] / max(1, self.plates), self.found[1] / max(1, self.plates)

    @property
    def precision(self) -> float:
        """Share of boxes that are on a plate."""
        return self.found[0] / max(1, self.found[0] + self.false)

    @property
    def merit(self) -> float:
        """One number to choose a checkpoint by: the mean of recall at both overlaps and precision."""
        return (sum(self.recall) + self.precision) / 3


def tally(pairs: Iterable[tuple[Detections, Boxes]]) -> Tally:
    """Count over pictures; a plate is found once, by the box that covers it best."""
    plates, false = 0, 0
    found = np.zeros(len(OVERLAPS), np.int64)
    for detections, truth in pairs:
        overlap = iou(detections.xyxy, truth)
        plates += len(truth)
        if len(truth) and len(detections):
            best = overlap.max(axis=0)
            found += [int((best >= limit).sum()) for limit in OVERLAPS]
            false += int((overlap.max(axis=1) < OVERLAPS[0]).sum())
        else:
            false += len(detections)
    return Tally(plates, (int(found[0]), int(found[1])), false)
