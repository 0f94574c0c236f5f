"""The redactor's detectors: as thorough as reading is quick, since a plate or face missed is somebody exposed.

Plates are looked for larger than reading looks for them, because a plate too small to be read by us may be read by
somebody with more patience; and a weaker suspicion is enough. Sizes (`model_sets`) and suspicion were chosen on street
scenes of a training split (docs/redaction.md).
"""

from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from edge_agent.adapters.detector_openvino import PLATE_IOU, PlateDetector
from edge_agent.adapters.faces_openvino import FaceDetector
from edge_agent.adapters.inference_openvino import Network, compile_network
from edge_agent.adapters.model_sets import MODEL_SETS, ModelSet, Search
from edge_agent.adapters.models import ModelStore
from edge_agent.core.boxes import suppress
from edge_agent.core.detections import Detections
from edge_agent.core.redaction import Redactor
from edge_agent.settings import InferenceSettings

PLATE_CONFIDENCE: Final = 0.1


class HidingPlates:
    """Plates that have to be hidden."""

    def __init__(self, network: Network, searches: tuple[Search, ...]) -> None:
        self._detector = PlateDetector(network, min_confidence=PLATE_CONFIDENCE)
        self._searches = searches

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of plates in a BGR picture."""
        longest_px = max(image.shape[:2])
        found = [self._detector.detect_at(image, search.side_px(longest_px)) for search in self._searches]
        boxes = np.concatenate([each.xyxy for each in found])
        return suppress(Detections(boxes, np.concatenate([each.confidence for each in found])), PLATE_IOU)


def open_redactor(settings: InferenceSettings) -> Redactor:
    """Load and compile what hides, and nothing that reads; raises an `EdgeError` if any is not as it must be."""
    store = ModelStore.open(settings.models_dir, settings.model_signers)
    core, chosen = ov.Core(), MODEL_SETS[settings.stack]
    faces, plates = (compile_network(core, store, name, settings) for name in chosen.hiding)
    return redactor_of(chosen, faces, plates)


def redactor_of(chosen: ModelSet, faces: Network, plates: Network) -> Redactor:
    """The redactor of a set, from its two networks."""
    return Redactor(FaceDetector(faces, chosen.faces_at), HidingPlates(plates, chosen.plates_at))
