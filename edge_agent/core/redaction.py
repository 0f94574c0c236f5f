"""Redaction: what must be hidden in a picture before it may leave the box.

Rules (they hold for every picture, no option lifts them)
- All faces are covered, and all plates but the one of the hit; without a hit, all plates.
- A cover is solid black: nothing can be won back from it, unlike from a blur or a mosaic.
- A cover is larger than what was found, since detectors cut foreheads and plate rims. The covers of other
  plates stop at the hit's plate, which is what the picture is evidence of; those of faces do not.
- If a detector fails or answers nonsense, there is no redacted picture: `RedactionFailed`. The caller sends
  no picture then; it never falls back to the original.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Boxes, Xyxy, as_slices, grow, iou
from edge_agent.core.detections import Detections, Detector
from edge_agent.errors import RedactionFailed

FACE_MARGIN: Final = 0.25
PLATE_MARGIN: Final = 0.15
SAME_PLATE_IOU: Final = 0.3
FILL_BGR: Final = (0, 0, 0)


def redact_for_hit(
    image: NDArray[np.uint8], keep_xyxy: Xyxy | None, faces: Detections, plates: Detections
) -> NDArray[np.uint8]:
    """Return a copy of a BGR picture with all faces and all plates covered but the one in `keep_xyxy`."""
    redacted = image.copy()
    _cover(redacted, grow(_others(plates, keep_xyxy), PLATE_MARGIN))
    if keep_xyxy is not None:
        kept = as_slices(keep_xyxy, image.shape[0], image.shape[1])
        redacted[kept] = image[kept]
    _cover(redacted, grow(faces.xyxy, FACE_MARGIN))
    return redacted


def _cover(image: NDArray[np.uint8], boxes: Boxes) -> None:
    for box in boxes:
        image[as_slices(box, image.shape[0], image.shape[1])] = FILL_BGR


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
class Redactor:
    """The detectors that decide what is hidden."""

    faces: Detector
    plates: Detector

    def redact(self, image: NDArray[np.uint8], keep_xyxy: Xyxy | None = None) -> NDArray[np.uint8]:
        """Find and cover; raises `RedactionFailed` if either detector cannot be believed."""
        return self.redact_and_count(image, keep_xyxy).image

    def redact_and_count(self, image: NDArray[np.uint8], keep_xyxy: Xyxy | None = None) -> Redacted:
        """As `redact`, and say how many faces and plates were covered."""
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise RedactionFailed("not a colour picture: nothing was written or sent of it")
        faces, plates = _found(self.faces, image, "face"), _found(self.plates, image, "plate")
        redacted = redact_for_hit(image, keep_xyxy, faces, plates)
        return Redacted(redacted, len(faces), len(_others(plates, keep_xyxy)))


def _found(detector: Detector, image: NDArray[np.uint8], what: str) -> Detections:
    try:
        found = detector.detect(image)
    except Exception as exc:  # whatever a detector raises means one thing here: this picture stays
        raise RedactionFailed(f"the {what} detector failed: nothing was written or sent of the picture") from exc
    if not np.isfinite(found.xyxy).all():
        raise RedactionFailed(f"the {what} detector answered nonsense: nothing was written or sent of the picture")
    return found
