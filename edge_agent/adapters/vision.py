"""The box's eyes: the models of a folder, compiled as the settings ask, and what really runs.

One `Vision` serves all cameras of a box from one thread; each camera keeps only its own tracks.
"""

from dataclasses import dataclass
from typing import Final

import openvino as ov

from edge_agent.adapters import models
from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.adapters.faces_openvino import FaceDetector
from edge_agent.adapters.inference_openvino import Network, RunningModel, compile_network
from edge_agent.adapters.models import ModelStore
from edge_agent.adapters.recognizer_openvino import LineReader
from edge_agent.core.redaction import Redactor
from edge_agent.settings import InferenceSettings

HIDING_SIDES_PX: Final = (640, 1280)
HIDING_CONFIDENCE: Final = 0.05
"""To hide plates they are looked for at two sizes, and a weak suspicion is enough. A third between them hid no more."""


@dataclass(frozen=True, slots=True)
class Vision:
    """`plates` reads traffic; the redactor's plate detector is slower and more thorough, and never in 8 bits."""

    plates: PlateDetector
    faces: FaceDetector
    reader: LineReader
    redactor: Redactor
    running: tuple[RunningModel, ...]

    def describe(self) -> tuple[RunningModel, ...]:
        """Return what really runs, for the agent to say at start."""
        return self.running


def open_vision(settings: InferenceSettings) -> Vision:
    """Load and compile all models; raises an `EdgeError` that says what to do if any is not as it must be."""
    store = ModelStore.open(settings.models_dir)
    core = ov.Core()

    def network(name: str) -> Network:
        return compile_network(core, store, name, settings)

    plates, faces = network(models.PLATE_DETECTOR), network(models.FACE_DETECTOR)
    finding = network(models.PLATE_DETECTOR_INT8) if settings.quantized else plates
    lines, reader = network(models.LINE_DETECTOR), network(models.LINE_READER)
    face_detector = FaceDetector(faces)
    hiding = PlateDetector(plates, sides_px=HIDING_SIDES_PX, min_confidence=HIDING_CONFIDENCE)
    return Vision(
        plates=PlateDetector(finding, sides_px=(settings.plate_side_px,)),
        faces=face_detector,
        reader=LineReader(lines, reader, store.entry(models.LINE_READER).characters),
        redactor=Redactor(face_detector, hiding),
        running=tuple(net.running for net in (finding, lines, reader, faces)),
    )
