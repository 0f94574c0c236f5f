"""How long the models take, counted around them. One pipeline has its own watches around the shared models."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.looks import Look, Recognizer
from edge_agent.core.report import Tally


@dataclass(frozen=True, slots=True)
class TimedDetector:
    """A detector whose time goes to a camera's tally."""

    detector: Detector
    tally: Tally

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """As the detector does."""
        begun_ns = time.perf_counter_ns()
        found = self.detector.detect(image)
        self.tally.detect_us += (time.perf_counter_ns() - begun_ns) // 1000
        self.tally.detections += 1
        return found


@dataclass(frozen=True, slots=True)
class TimedRecognizer:
    """A recognizer whose time goes to a camera's tally."""

    recognizer: Recognizer
    tally: Tally

    @property
    def margins(self) -> tuple[float, ...]:
        """As the recognizer's."""
        return self.recognizer.margins

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        """As the recognizer does."""
        begun_ns = time.perf_counter_ns()
        seen = self.recognizer.look(image, xyxy, margin)
        self.tally.read_us += (time.perf_counter_ns() - begun_ns) // 1000
        self.tally.looks += 1
        return seen
