"""Reading a single picture: every plate in it, each by a vote over three looks.

A still has no track to gather looks from, so each plate is looked at with three margins around its box: loose
boxes want none, tight ones hide the plate's rim. A plate found with little confidence counts only when
nothing better is there.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy, as_xyxy
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.looks import Recognizer
from edge_agent.core.vote import Outcome, Weighed, vote

MARGINS: Final = (0.2, 0.1, 0.35)
SURE_PLATE: Final = 0.25


@dataclass(frozen=True, slots=True)
class StillRead:
    """One plate of a picture; `xyxy` in its pixels."""

    outcome: Outcome
    xyxy: Xyxy


def read_still(image: NDArray[np.uint8], detector: Detector, recognizer: Recognizer) -> list[StillRead]:
    """Plates of a BGR picture, the surest detection first; one without any character is left out."""
    found = detector.detect(image)
    boxes = [as_xyxy(box) for box in _sure(found).xyxy]
    reads = ((vote([Weighed(recognizer.look(image, box, m), 1.0) for m in MARGINS]), box) for box in boxes)
    return [StillRead(outcome, box) for outcome, box in reads if outcome is not None]


def _sure(found: Detections) -> Detections:
    order = np.argsort(-found.confidence, kind="stable")
    ranked = Detections(found.xyxy[order], found.confidence[order])
    sure = ranked.above(SURE_PLATE)
    return sure if len(sure) else Detections(ranked.xyxy[:1], ranked.confidence[:1])
