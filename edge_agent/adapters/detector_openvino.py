"""The plate detector on OpenVINO: a picture in, boxes in its own pixels out.

It keeps the picture's aspect ratio and sees its longer side at a set size; the wide pictures of cameras thus cost a
288 x 512 input, not a square. Given several sizes it gathers what each finds: a far plate needs the large one, a half
hidden near one the small.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import Network
from edge_agent.core.boxes import suppress
from edge_agent.core.detections import Detections, surest
from edge_agent.core.letterbox import Letterbox, input_size

PLATE_IOU: Final = 0.45


class PlateDetector:
    """Plates, in a picture whose longer side is seen at each of `sides_px`."""

    def __init__(self, network: Network, *, sides_px: tuple[int, ...] = (640,), min_confidence: float = 0.1) -> None:
        self._network = network
        self.sides_px = sides_px
        self._min_confidence = min_confidence

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of plates in a BGR picture."""
        found = [self.detect_at(image, side_px) for side_px in self.sides_px]
        if len(found) == 1:
            return found[0]
        boxes = np.concatenate([each.xyxy for each in found])
        return suppress(Detections(boxes, np.concatenate([each.confidence for each in found])), PLATE_IOU)

    def detect_at(self, image: NDArray[np.uint8], longest_px: int) -> Detections:
        """Boxes in a picture whose longer side is seen at that size."""
        source = image.shape[0], image.shape[1]
        box = Letterbox.fit(source, input_size(source, longest_px))
        found = decode_yolo(self._network.run(box.apply(image)[None])["boxes"][0], self._min_confidence)
        return Detections(box.to_source(found.xyxy), found.confidence)


def decode_yolo(boxes: NDArray[np.float32], min_confidence: float) -> Detections:
    """Boxes of a (4 + classes, anchors) output, in input pixels; classes are taken together."""
    scores = boxes[4:].max(axis=0)
    sure = surest(scores, min_confidence)
    centre, half = boxes[:2, sure].T, boxes[2:4, sure].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1)
    return suppress(Detections(xyxy.astype(np.float32), scores[sure].astype(np.float32)), PLATE_IOU)
