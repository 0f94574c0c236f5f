"""Redaction: what must be hidden in a picture before it may leave the box.

Rules (they hold for every picture, no option lifts them)
- All faces are covered, and all plates but the one of the hit; without a hit, all plates.
- A cover is solid black: nothing can be won back from it, unlike from a blur or a mosaic.
- A cover is larger than what was found, since detectors cut foreheads and plate rims. In a video it takes in the whole
  head: who moves is known by more than a face. The covers of other plates stop at the hit's plate, which is what the
  picture is evidence of; those of faces do not.
- If a detector fails or answers nonsense, there is no redacted picture: `RedactionFailed`. The caller sends
  no picture then; it never falls back to the original.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes, Xyxy, as_slices, iou
from edge_agent.core.detections import Detections, Detector
from edge_agent.errors import RedactionFailed


class Margins(NamedTuple):
    """How far a cover reaches beyond what was found, in shares of its width and height."""

    sides: float
    top: float
    bottom: float


FACE: Final = Margins(0.27, 0.32, 0.22)
"""Measured (docs/redaction.md): hides as much as a third on each side, and covers less."""
HEAD: Final = Margins(0.38, 0.55, 0.25)
"""From the face to the hair, the ears and the chin."""
PLATE: Final = Margins(0.15, 0.15, 0.15)
SAME_PLATE_IOU: Final = 0.3
FILL_BGR: Final = (0, 0, 0)


def widened(xyxy: Boxes, margins: Margins) -> Boxes:
    """Boxes with their sides moved outwards."""
    width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
    sides, top, bottom = width * margins.sides, height * margins.top, height * margins.bottom
    grown = [xyxy[:, 0] - sides, xyxy[:, 1] - top, xyxy[:, 2] + sides, xyxy[:, 3] + bottom]
    return np.stack(grown, axis=1).astype(np.float32)


def cover(image: NDArray[np.uint8], boxes: Boxes, margins: Margins) -> None:
    """Fill boxes and what is around them, in the picture itself."""
    for box in widened(boxes, margins):
        image[as_slices(box, image.shape[0], image.shape[1])] = FILL_BGR


def redact_for_hit(
    image: NDArray[np.uint8], keep_xyxy: Xyxy | None, faces: Detections, plates: Detections
) -> NDArray[np.uint8]:
    """Return a copy of a BGR picture with all faces and all plates covered but the one in `keep_xyxy`."""
    redacted = image.copy()
    cover(redacted, _others(plates, keep_xyxy), PLATE)
    if keep_xyxy is not None:
        kept = as_slices(keep_xyxy, image.shape[0], image.shape[1])
        redacted[kept] = image[kept]
    cover(redacted, faces.xyxy, FACE)
    return redacted


def _others(plates: Detections, keep_xyxy: Xyxy | None) -> Boxes:
    """Plates that are not the hit's."""
    return plates.xyxy if keep_xyxy is None else plates.xyxy[~_is_kept(plates.xyxy, keep_xyxy)]


def _is_kept(xyxy: Boxes, keep: Xyxy) -> NDArray[np.bool_]:
    """Which boxes are the hit's plate: they overlap it well, or one's centre lies in the other."""
    kept = np.array([keep], np.float32)
    overlap = iou(xyxy, kept)[:, 0] >= SAME_PLATE_IOU
    if not len(xyxy):
        return np.asarray(overlap, np.bool_)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    inside = ((centres >= kept[0, :2]) & (centres < kept[0, 2:])).all(axis=1)
    return np.asarray(overlap | inside, np.bool_)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A picture that may leave, and how much of it was covered."""

    image: NDArray[np.uint8]
    faces_filled: int
    plates_filled: int


@dataclass(frozen=True, slots=True)
class Sought:
    """What was found in a picture that has to be hidden."""

    faces: Detections
    plates: Detections


@dataclass(frozen=True, slots=True)
class Redactor:
    """The detectors that decide what is hidden."""

    faces: Detector
    plates: Detector

    def redact(self, image: NDArray[np.uint8], keep_xyxy: Xyxy | None = None) -> NDArray[np.uint8]:
        """Find and cover; raises `RedactionFailed` if either detector cannot be believed."""
        return self.redact_and_count(image, keep_xyxy).image

    def redact_and_count(self, image: NDArray[np.uint8], keep_xyxy: Xyxy | None = None) -> Redacted:
        """As `redact`, and say how many faces and plates were covered."""
        found = self.seek(image)
        redacted = redact_for_hit(image, keep_xyxy, found.faces, found.plates)
        return Redacted(redacted, len(found.faces), len(_others(found.plates, keep_xyxy)))

    def seek(self, image: NDArray[np.uint8]) -> Sought:
        """Find what has to be hidden, and cover nothing yet: a video's frames are covered once their neighbours are
        known."""
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise RedactionFailed("not a colour picture: nothing was written or sent of it")
        return Sought(_found(self.faces, image, "face"), _found(self.plates, image, "plate"))


def _found(detector: Detector, image: NDArray[np.uint8], what: str) -> Detections:
    try:
        found = detector.detect(image)
    except Exception as exc:  # whatever a detector raises means one thing here: this picture stays
        raise RedactionFailed(f"the {what} detector failed: nothing was written or sent of the picture") from exc
    if not np.isfinite(found.xyxy).all():
        raise RedactionFailed(f"the {what} detector answered nonsense: nothing was written or sent of the picture")
    return found
