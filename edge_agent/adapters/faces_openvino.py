"""The face detector on OpenVINO: a picture in, boxes in its own pixels out, to hide faces and to count them.

To hide faces it sees the picture at full resolution with its aspect kept, because small ones are lost when it shrinks,
within bounds, and takes a weak suspicion for enough. To count them a quick look will do. Where a face is, is all it
says; whose it is nobody here can tell.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import Network
from edge_agent.adapters.model_sets import Search
from edge_agent.core.boxes import suppress
from edge_agent.core.detections import Detections, surest
from edge_agent.core.letterbox import Letterbox, input_size

FACE_IOU: Final = 0.3
HIDING_CONFIDENCE: Final = 0.1
COUNTING_SIDE_PX: Final = 640
COUNTING_CONFIDENCE: Final = 0.2
FACE_CELL_PX: Final = 4
"""CenterFace answers for cells of this size."""


class FaceDetector:
    """Faces, to hide and to count them and for nothing else."""

    def __init__(self, network: Network, search: Search) -> None:
        self._network = network
        self._search = search

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of faces in a BGR picture, at full resolution: to hide them."""
        return self._detect_at(image, self._search.side_px(max(image.shape[:2])), HIDING_CONFIDENCE)

    def count(self, image: NDArray[np.uint8]) -> int:
        """How many faces: the quick look of a sampled frame, at no more than 640 pixels."""
        return len(self._detect_at(image, COUNTING_SIDE_PX, COUNTING_CONFIDENCE))

    def _detect_at(self, image: NDArray[np.uint8], longest_px: int, min_confidence: float) -> Detections:
        source = image.shape[0], image.shape[1]
        box = Letterbox.fit(source, input_size(source, longest_px))
        found = decode_centerface(self._network.run(box.apply(image, fill=0)[None]), min_confidence)
        return Detections(box.to_source(found.xyxy), found.confidence)


def decode_centerface(outputs: dict[str, NDArray[np.float32]], min_confidence: float) -> Detections:
    """Boxes of CenterFace's heat, size and offset maps, in input pixels."""
    heat = outputs["heat"][0, 0]
    sure = surest(heat.reshape(-1), min_confidence)
    rows, columns = np.unravel_index(sure, heat.shape)
    height, width = np.exp(outputs["size"][0][:, rows, columns]) * FACE_CELL_PX
    down, right = outputs["offset"][0][:, rows, columns]
    x = (columns + right + 0.5) * FACE_CELL_PX
    y = (rows + down + 0.5) * FACE_CELL_PX
    xyxy = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    return suppress(Detections(xyxy.astype(np.float32), heat[rows, columns].copy()), FACE_IOU)
