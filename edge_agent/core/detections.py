"""Detections of one picture as one struct of arrays, as detectors and trackers exchange them."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_CANDIDATES: Final = 1000
"""Boxes weighed at most in one picture; a picture with more is noise, and the surest are kept."""


@dataclass(frozen=True, slots=True)
class Detections:
    """`xyxy` is (n, 4) float32 in pixels of the picture given; `confidence` is (n,) float32 in 0..1."""

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.xyxy.shape[0])

    def above(self, confidence: float) -> "Detections":
        """Keep those at or above a confidence."""
        keep = self.confidence >= confidence
        return Detections(self.xyxy[keep], self.confidence[keep])

    @classmethod
    def none(cls) -> "Detections":
        """Nothing found."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0,), np.float32))


class Detector(Protocol):
    """Finds boxes of one kind of thing (plates; faces, to hide and count them and for nothing else)."""

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes in a BGR picture (height_px, width_px, 3), in that picture's own pixels."""
        ...


def surest(scores: NDArray[np.float32], min_confidence: float) -> NDArray[np.int64]:
    """Indices of the scores at or above a confidence, of the highest `MAX_CANDIDATES` at most."""
    sure = np.flatnonzero(scores >= min_confidence)
    if len(sure) > MAX_CANDIDATES:
        sure = sure[np.argsort(-scores[sure])[:MAX_CANDIDATES]]
    return sure
