"""Reading a single picture: every plate in it, each by a vote over a few looks.

A still has no track to gather looks from, so each plate is looked at once with each margin that the reader asks for. A
plate found with little confidence counts only when nothing better is there. What the vote makes of a plate is told
however unsure it is; `is_read` says whether the agent would say it of a vehicle that it saw no better.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy, as_xyxy
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.looks import Recognizer
from edge_agent.core.passages import ReadingSettings
from edge_agent.core.vote import Outcome, Weighed, vote

SURE_PLATE: Final = 0.25


@dataclass(frozen=True, slots=True)
class StillRead:
    """One plate of a picture; `xyxy` in its pixels."""

    outcome: Outcome
    xyxy: Xyxy

    @property
    def is_read(self) -> bool:
        """Whether it is sure enough; else the plate is unreadable."""
        return self.outcome.confidence >= ReadingSettings().end_confidence


@dataclass(frozen=True, slots=True)
class Still:
    """What is in a picture: plates of which a character was seen, and how many `plates` were found in all."""

    reads: list[StillRead]
    plates: int

    @property
    def unreadable(self) -> int:
        """Plates of which nothing was seen, or nothing sure enough."""
        return self.plates - sum(read.is_read for read in self.reads)


def read_still(image: NDArray[np.uint8], detector: Detector, recognizer: Recognizer) -> list[StillRead]:
    """Plates of a BGR picture, the surest detection first; one without any character is left out."""
    return look_over(image, detector, recognizer).reads


def look_over(image: NDArray[np.uint8], detector: Detector, recognizer: Recognizer) -> Still:
    """As `read_still`, with the plates that could not be read counted."""
    boxes = [as_xyxy(box) for box in _sure(detector.detect(image)).xyxy]
    seen = ((look_and_vote(image, box, recognizer), box) for box in boxes)
    return Still([StillRead(outcome, box) for outcome, box in seen if outcome is not None], len(boxes))


def look_and_vote(image: NDArray[np.uint8], xyxy: Xyxy, recognizer: Recognizer) -> Outcome | None:
    """What a reader makes of one plate of a BGR picture; None if it saw no character."""
    return vote([Weighed(recognizer.look(image, xyxy, margin), 1.0) for margin in recognizer.margins])


def _sure(found: Detections) -> Detections:
    order = np.argsort(-found.confidence, kind="stable")
    ranked = Detections(found.xyxy[order], found.confidence[order])
    sure = ranked.above(SURE_PLATE)
    return sure if len(sure) else Detections(ranked.xyxy[:1], ranked.confidence[:1])
