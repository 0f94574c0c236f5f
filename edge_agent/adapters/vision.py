"""The box's eyes: the models of a folder, compiled as the settings ask, and what really runs.

One `Vision` serves all cameras of a box from one thread; each camera keeps only its own tracks.
"""

from dataclasses import dataclass

import openvino as ov

from edge_agent.adapters import models
from edge_agent.adapters.detector_openvino import FaceDetector, PlateDetector
from edge_agent.adapters.inference_openvino import Network, RunningModel, compile_network
from edge_agent.adapters.models import ModelStore
from edge_agent.adapters.recognizer_openvino import PlateReader
from edge_agent.settings import InferenceSettings

REDACTION_SIDE_PX = 1280
"""To hide plates they are looked for at up to twice the size, and a weak suspicion is enough."""


@dataclass(frozen=True, slots=True)
class Vision:
    """`plates` reads traffic; `plates_to_hide` is the same network, slower and more suspicious."""

    plates: PlateDetector
    plates_to_hide: PlateDetector
    faces: FaceDetector
    reader: PlateReader
    running: tuple[RunningModel, ...]

    def describe(self) -> tuple[RunningModel, ...]:
        """Return what really runs, for the agent to say at start."""
        return self.running


def open_vision(settings: InferenceSettings, *, plate_side_px: int = 640) -> Vision:
    """Load and compile all models; raises an `EdgeError` that says what to do if any is not as it must be."""
    store = ModelStore.open(settings.models_dir)
    core = ov.Core()

    def network(name: str) -> Network:
        return compile_network(core, store, name, settings)

    plates, faces = network(models.PLATE_DETECTOR), network(models.FACE_DETECTOR)
    lines, reader = network(models.LINE_DETECTOR), network(models.LINE_READER)
    return Vision(
        plates=PlateDetector(plates, longest_px=plate_side_px),
        plates_to_hide=PlateDetector(plates, longest_px=REDACTION_SIDE_PX),
        faces=FaceDetector(faces),
        reader=PlateReader(lines, reader, store.entry(models.LINE_READER).characters),
        running=tuple(net.running for net in (plates, lines, reader, faces)),
    )
