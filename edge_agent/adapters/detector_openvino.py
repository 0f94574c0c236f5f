"""Plate and face detectors on OpenVINO: a picture in, boxes in its own pixels out.

Both keep the picture's aspect ratio. The plate detector sees its longer side at a set size; the wide pictures of
cameras thus cost a 384 x 640 input, not a square. Given several sizes it gathers what each finds: a far plate
needs the large one, a half hidden near one the small. The face detector sees the picture at full
resolution, because small faces are lost when it shrinks, within the bounds of `FACE_SIDE_PX`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import Network
from edge_agent.core.boxes import suppress
from edge_agent.core.detections import Detections
from edge_agent.core.letterbox import Letterbox, input_size

PLATE_IOU: Final = 0.45
FACE_IOU: Final = 0.3
FACE_SIDE_PX: Final = (640, 2560)
"""Smaller pictures are enlarged to the first, larger ones reduced to the second."""
FACE_CELL_PX: Final = 4
"""CenterFace answers for cells of this size."""
MAX_CANDIDATES: Final = 1000
"""Boxes weighed at most in one picture; a picture with more is noise, and the surest are kept."""


class PlateDetector:
    """Plates, in a picture whose longer side is seen at each of `sides_px`."""

    def __init__(self, network: Network, *, sides_px: tuple[int, ...] = (640,), min_confidence: float = 0.1) -> None:
        self._network = network
        self._sides_px = sides_px
        self._min_confidence = min_confidence

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of plates in a BGR picture."""
        found = [self._detect_at(image, side_px) for side_px in self._sides_px]
        if len(found) == 1:
            return found[0]
        boxes = np.concatenate([each.xyxy for each in found])
        return suppress(Detections(boxes, np.concatenate([each.confidence for each in found])), PLATE_IOU)

    def _detect_at(self, image: NDArray[np.uint8], longest_px: int) -> Detections:
        source = image.shape[0], image.shape[1]
        box = Letterbox.fit(source, input_size(source, longest_px))
        found = decode_yolo(self._network.run(box.apply(image)[None])["boxes"][0], self._min_confidence)
        return Detections(box.to_source(found.xyxy), found.confidence)


class FaceDetector:
    """Faces, to hide and to count them and for nothing else."""

    def __init__(self, network: Network, *, min_confidence: float = 0.2) -> None:
        self._network = network
        self._min_confidence = min_confidence

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of faces in a BGR picture, at full resolution."""
        longest = min(max(*image.shape[:2], FACE_SIDE_PX[0]), FACE_SIDE_PX[1])
        return self._detect_at(image, longest)

    def count(self, image: NDArray[np.uint8]) -> int:
        """How many faces: the quick look of a sampled frame, at no more than 640 pixels."""
        return len(self._detect_at(image, FACE_SIDE_PX[0]))

    def _detect_at(self, image: NDArray[np.uint8], longest_px: int) -> Detections:
        source = image.shape[0], image.shape[1]
        box = Letterbox.fit(source, input_size(source, longest_px))
        found = decode_centerface(self._network.run(box.apply(image, fill=0)[None]), self._min_confidence)
        return Detections(box.to_source(found.xyxy), found.confidence)


def decode_yolo(boxes: NDArray[np.float32], min_confidence: float) -> Detections:
    """Boxes of a (4 + classes, anchors) output, in input pixels; classes are taken together."""
    scores = boxes[4:].max(axis=0)
    sure = _surest(scores, min_confidence)
    centre, half = boxes[:2, sure].T, boxes[2:4, sure].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1)
    return suppress(Detections(xyxy.astype(np.float32), scores[sure].astype(np.float32)), PLATE_IOU)


def decode_centerface(outputs: dict[str, NDArray[np.float32]], min_confidence: float) -> Detections:
    """Boxes of CenterFace's heat, size and offset maps, in input pixels."""
    heat = outputs["heat"][0, 0]
    sure = _surest(heat.reshape(-1), min_confidence)
    rows, columns = np.unravel_index(sure, heat.shape)
    height, width = np.exp(outputs["size"][0][:, rows, columns]) * FACE_CELL_PX
    down, right = outputs["offset"][0][:, rows, columns]
    x = (columns + right + 0.5) * FACE_CELL_PX
    y = (rows + down + 0.5) * FACE_CELL_PX
    xyxy = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    return suppress(Detections(xyxy.astype(np.float32), heat[rows, columns].copy()), FACE_IOU)


def _surest(scores: NDArray[np.float32], min_confidence: float) -> NDArray[np.int64]:
    sure = np.flatnonzero(scores >= min_confidence)
    if len(sure) > MAX_CANDIDATES:
        sure = sure[np.argsort(-scores[sure])[:MAX_CANDIDATES]]
    return sure
