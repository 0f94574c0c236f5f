"""A detector and a reader that see what a test tells them to, and looks made by hand.

They stand for the models where a test is about tracks, votes and passages; the real models have tests of
their own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.frames import Frame
from edge_agent.core.looks import Look
from protocol.names import CameraId
from protocol.plates import ALPHABET

CAMERA = CameraId("cam-1")
BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
STREET = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
"""A picture with texture everywhere, so that no crop of it is blurred."""


def make_look(text: str, sureness: float | Sequence[float] = 0.95) -> Look:
    """A look whose characters are sure by so much; the rest is spread over the others."""
    each = [sureness] * len(text) if isinstance(sureness, float) else list(sureness)
    rows = np.zeros((len(text), len(ALPHABET)), np.float32)
    for row, character, share in zip(rows, text, each, strict=True):
        row[:] = (1 - share) / (len(ALPHABET) - 1)
        row[ALPHABET.index(character)] = share
    return Look.spelt(rows)


def make_detections(*boxes: Xyxy, confidence: float = 0.8) -> Detections:
    """Boxes of one confidence."""
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.full(len(boxes), confidence, np.float32))


def make_frame(index: int, *, fps: float = 10.0, image: NDArray[np.uint8] = STREET) -> Frame:
    """Frame `index` of a camera that runs evenly."""
    at_s = index / fps
    return Frame(CAMERA, index, BEGIN + timedelta(seconds=at_s), 100 + at_s, image)


@dataclass(slots=True)
class ScriptedDetector:
    """Answers the n-th picture with the n-th entry of the script, then with nothing."""

    script: Iterable[Detections]
    asked: int = 0
    _rest: list[Detections] = field(init=False)

    def __post_init__(self) -> None:
        self._rest = list(self.script)

    def detect(self, image: NDArray[np.uint8]) -> Detections:  # the script knows
        self.asked += 1
        return self._rest.pop(0) if self._rest else Detections.none()


@dataclass(slots=True)
class ScriptedReader:
    """Reads what a function of the box says; `asked` are the margins it was asked to look with."""

    says: Callable[[Xyxy], Look]
    asked: list[float] = field(default_factory=list)
    margins: tuple[float, ...] = (0.2, 0.1, 0.3)

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        self.asked.append(margin)
        return self.says(xyxy)
