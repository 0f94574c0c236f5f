"""The stacks that are held beside one another: find plates in a picture, read one of them; one thread each.

- `ready`: the published models, as anybody would join them: the detector on a 640 x 640 square with the picture's
  aspect kept, the most confident box widened by 15 %, a text detector on that crop, PP-OCRv6 on the lines. One look, no
  vote.
- `own`: the project's models through the same adapters as in the agent: one look at the most confident box, no vote.

Each is also asked as `edge-agent read` asks it: a look with every margin of its reader, and the agent's vote over them
(`own voted`, `ready voted`). The vote gives one confidence to a text, which stands for each of its characters.

`f32` and `bf16` hold for every network of a stack. `int8` takes each network's 8-bit form where there is one and runs
the others in f32.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from accuracy.answers import Said
from edge_agent.adapters import models
from edge_agent.adapters.detector_openvino import PlateDetector, decode_yolo
from edge_agent.adapters.inference_openvino import PRECISIONS, PROCESSOR, Network, RunningModel, compile_network
from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import ModelStore
from edge_agent.adapters.reader_openvino import PlateReader
from edge_agent.adapters.recognizer_openvino import LineReader
from edge_agent.core.boxes import Xyxy, as_xyxy
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.letterbox import Letterbox
from edge_agent.core.looks import Look, Recognizer
from edge_agent.core.stills import look_and_vote
from edge_agent.core.vote import Outcome
from edge_agent.settings import InferenceSettings

Precision = Literal["f32", "bf16", "int8"]
SQUARE_PX: Final = 640
READY_MARGIN: Final = 0.15
MIN_CONFIDENCE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Stack:
    """A way to get from a picture to a text; `running` says of what it is made."""

    name: str
    detector: Detector
    recognizer: Recognizer
    margin: float
    running: tuple[str, ...]

    def find(self, image: NDArray[np.uint8]) -> Detections:
        """Plates of a picture."""
        return self.detector.detect(image)

    def read(self, image: NDArray[np.uint8], xyxy: Xyxy) -> Look:
        """One look at one of them."""
        return self.recognizer.look(image, xyxy, self.margin)

    def vote(self, image: NDArray[np.uint8], xyxy: Xyxy) -> Outcome | None:
        """What all of its reader's looks say together; None if none of them saw a character."""
        return look_and_vote(image, xyxy, self.recognizer)


def said_by_vote(found: Detections, xyxy: Xyxy | None, outcome: Outcome | None) -> Said:
    """Bring a vote into the form that is scored."""
    if outcome is None:
        return Said(found, xyxy, "", ())
    return Said(found, xyxy, outcome.text, (outcome.confidence,) * len(outcome.text))


def said_of(found: Detections, xyxy: Xyxy | None, look: Look) -> Said:
    """Bring a look into the form that is scored."""
    sure = look.probabilities.max(axis=1) if len(look) else np.zeros(0, np.float32)
    return Said(found, xyxy, look.text, tuple(float(p) for p in sure))


def surest(found: Detections) -> Xyxy | None:
    """The box that a still picture is read at."""
    return as_xyxy(found.xyxy[int(found.confidence.argmax())]) if len(found) else None


class SquareDetector:
    """The ready detector in a square, as its own package runs it: wide pictures get grey bars above and below."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes in a BGR picture."""
        box = Letterbox.fit((image.shape[0], image.shape[1]), (SQUARE_PX, SQUARE_PX))
        found = decode_yolo(self._network.run(box.apply(image)[None])["boxes"][0], MIN_CONFIDENCE)
        return Detections(box.to_source(found.xyxy), found.confidence)


Networks = Callable[[str], Network]
"""Gives networks by name, all compiled alike."""


def ready_stack(folder: Path, precision: Precision, *, square: bool = True) -> Stack:
    """Published models of the agent's store; not `square`: in the picture's own shape, as the agent runs them."""
    store = ModelStore.open(folder)
    network = _from_store(store, precision)
    finder = network(models.PLATE_DETECTOR_INT8 if precision == "int8" else models.PLATE_DETECTOR)
    lines, reader = network(models.LINE_DETECTOR), network(models.LINE_READER)
    return Stack(
        "ready",
        SquareDetector(finder) if square else PlateDetector(finder, sides_px=(SQUARE_PX,)),
        LineReader(lines, reader, tuple(store.entry(models.LINE_READER).characters)),
        READY_MARGIN,
        _described(finder, lines, reader),
    )


def own_stack(folder: Path, precision: Precision, side_px: int, under_test: Path | None = None) -> Stack:
    """Our models of the agent's store; those of the folder under test where it has them, unsigned."""
    store = ModelStore.open(folder)
    stored = _from_store(store, precision)

    def network(name: str) -> Network:
        if under_test is not None and (under_test / f"{name}.xml").is_file():
            return _bare(under_test / f"{name}.xml", precision)
        return stored(name)

    chosen, quantized = MODEL_SETS["own"], precision == "int8"
    finder = network(chosen.finding(quantized=quantized))
    (reader,) = map(network, chosen.read_by(quantized=quantized))
    (margin, *_) = PlateReader.margins
    return Stack(
        "own", PlateDetector(finder, sides_px=(side_px,)), PlateReader(reader), margin, _described(finder, reader)
    )


def _from_store(store: ModelStore, precision: Precision) -> Networks:
    settings = InferenceSettings(precision=_compiled_as(precision), threads=1)
    core = ov.Core()
    return lambda name: compile_network(core, store, name, settings)


def _bare(graph: Path, precision: Precision) -> Network:
    """A network from its files, vouched for by nobody: only for measuring what is not released yet."""
    as_asked = {
        "INFERENCE_PRECISION_HINT": PRECISIONS[_compiled_as(precision)],
        "INFERENCE_NUM_THREADS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    compiled = ov.Core().compile_model(graph, PROCESSOR, as_asked)
    really = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    digest = hashlib.sha256(graph.with_suffix(".bin").read_bytes()).hexdigest()
    return Network(compiled, RunningModel(graph.stem, "unsigned", digest, PROCESSOR, PROCESSOR, really, 1))


def _compiled_as(precision: Precision) -> str:
    return "f32" if precision == "int8" else precision


def _described(*networks: Network) -> tuple[str, ...]:
    ran = (network.running for network in networks)
    return tuple(f"{r.name} {r.version} ({r.sha256[:12]}), {r.precision}, threads: {r.threads}" for r in ran)
