"""The box's eyes: one set of models, compiled as the settings ask, and what really runs.

One `Vision` serves all cameras of a box from one thread; each camera keeps only its own tracks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import openvino as ov

from edge_agent.adapters import models
from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.adapters.faces_openvino import FaceDetector
from edge_agent.adapters.hiding import redactor_of
from edge_agent.adapters.inference_openvino import Network, RunningModel, compile_network
from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import ModelStore
from edge_agent.adapters.reader_openvino import PlateReader
from edge_agent.adapters.recognizer_openvino import LineReader
from edge_agent.core.looks import Recognizer
from edge_agent.core.profiles import Stack
from edge_agent.core.redaction import Redactor
from edge_agent.settings import InferenceSettings


@dataclass(frozen=True, slots=True)
class Vision:
    """`plates` reads traffic; the redactor's own detectors are slower and more thorough (`hiding`)."""

    plates: PlateDetector
    faces: FaceDetector
    reader: Recognizer
    redactor: Redactor
    running: tuple[RunningModel, ...]

    def describe(self) -> tuple[RunningModel, ...]:
        """Return what really runs, for the agent to say at start."""
        return self.running


def open_vision(settings: InferenceSettings) -> Vision:
    """Load and compile what is used; raises an `EdgeError` that says what to do if any is not as it must be."""
    store = ModelStore.open(settings.models_dir, settings.model_signers)
    core = ov.Core()
    chosen = MODEL_SETS[settings.stack]
    used = chosen.used(quantized=settings.quantized)
    networks = {name: compile_network(core, store, name, settings) for name in used}
    finding = networks[chosen.finding(quantized=settings.quantized)]
    reading = chosen.read_by(quantized=settings.quantized)
    return Vision(
        plates=PlateDetector(finding, sides_px=(chosen.side_px(settings.plate_side_px),)),
        faces=FaceDetector(networks[chosen.faces], chosen.faces_at),
        reader=_reader(settings.stack, [networks[name] for name in reading], store),
        redactor=redactor_of(chosen, *(networks[name] for name in chosen.hiding)),
        running=tuple(network.running for network in networks.values()),
    )


def _reader(stack: Stack, networks: Sequence[Network], store: ModelStore) -> Recognizer:
    match stack:
        case "own":
            (reader,) = networks
            return PlateReader(reader)
        case "ready":
            lines, reader = networks
            return LineReader(lines, reader, store.entry(models.LINE_READER).characters)
        case _:
            assert_never(stack)
