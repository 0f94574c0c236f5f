"""A picture like the last one is not searched twice: most of a night, nothing moves in front of a camera.

A glance is a small grey picture: the mean of sixteen pixels, spread evenly, for every cell of 16 x 16. If no
cell differs by more than `CHANGE` grey levels from the last picture *that was searched*, the boxes found there are
given again. Comparing with that one, not with the last one seen, lets slow changes add up: a car that creeps by a
pixel a frame is noticed after a few. The mean takes out a sensor's noise; a plate of twelve rows that comes, goes
or moves changes cells by tens of levels, and so do its car and its lights.

However still it is, every `MOST_REPEATS + 1`th picture is searched, so that whatever a glance might miss waits half a
second at ten frames a second. Tracking, reading and redaction know nothing of this.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.detections import Detections, Detector

CELL_PX: Final = 16
SAMPLE_STEP_PX: Final = 4
CHANGE: Final = 6
MOST_REPEATS: Final = 4


class StillnessGate:
    """A detector that asks the one behind it only when the picture has changed. One for each camera."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._searched: NDArray[np.uint8] | None = None
        self._found = Detections.none()
        self._repeats = 0

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes in this picture, or those of the last searched one if it looks the same."""
        seen = glance(image)
        if self._searched is not None and self._repeats < MOST_REPEATS and not has_changed(self._searched, seen):
            self._repeats += 1
            return self._found
        self._searched = None  # a detector that fails leaves nothing to repeat
        self._found = self._detector.detect(image)
        self._searched, self._repeats = seen, 0
        return self._found


def glance(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of each cell of a BGR picture's green, which is most of what grey is made of."""
    spread = np.ascontiguousarray(image[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX, 1])
    share = SAMPLE_STEP_PX / CELL_PX
    size = (max(1, round(spread.shape[1] * share)), max(1, round(spread.shape[0] * share)))
    return np.asarray(cv2.resize(spread, size, interpolation=cv2.INTER_AREA), np.uint8)


def has_changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Whether any cell differs by more than `CHANGE`, or the picture's size."""
    return before.shape != after.shape or bool((cv2.absdiff(before, after) > CHANGE).any())
