"""Several sets of the same models, each lent to one thread at a time: as many pictures are looked at as there are sets.

One network with two threads takes a tenth more processor time than one thread (docs/benchmarks.md) and leaves a core
idle while Python works; two networks with a thread each do not. The pool is a detector, a recognizer and a counter of
faces itself, so that a camera's pipeline need not know which set answers. No call waits while there are
as many sets as threads that ask.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import PROCESSOR, RunningModel
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.looks import Look
from edge_agent.settings import InferenceSettings

BLANK: Final = np.zeros((360, 640, 3), np.uint8)


class VisionPool:
    """A `Detector` of plates and a `Recognizer`, for as many threads as it has sets."""

    def __init__(self, sets: Sequence[Vision]) -> None:
        """Take at least one set."""
        self.size = len(sets)
        self._first = sets[0]
        self._idle: SimpleQueue[Vision] = SimpleQueue()
        for each in sets:
            self._idle.put(each)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of plates in a BGR picture."""
        with self._lent() as vision:
            return vision.plates.detect(image)

    @property
    def margins(self) -> tuple[float, ...]:
        """As the reader of each set asks."""
        return self._first.reader.margins

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        """Look at one plate in a BGR picture."""
        with self._lent() as vision:
            return vision.reader.look(image, xyxy, margin)

    def count_faces(self, image: NDArray[np.uint8]) -> int:
        """How many faces a BGR picture shows."""
        with self._lent() as vision:
            return vision.faces.count(image)

    def describe(self) -> tuple[RunningModel, ...]:
        """What really runs in each set."""
        return self._first.describe()

    @contextmanager
    def _lent(self) -> Iterator[Vision]:
        vision = self._idle.get()
        try:
            yield vision
        finally:
            self._idle.put(vision)


def open_pool(settings: InferenceSettings, cameras: int) -> VisionPool:
    """Compile as many sets as the settings and the machine want for these cameras; raises an `EdgeError`."""
    planned = plan(settings, cameras, processors=len(os.sched_getaffinity(0)))
    sets = [open_vision(planned) for _ in range(planned.workers)]
    for each in sets:
        warm_up(each)
    return VisionPool(sets)


def warm_up(vision: Vision) -> None:
    """Ask each model once, in this thread.

    OpenVINO's binding sets itself up at its first picture, with a lock that it takes while it holds the interpreter's:
    two threads that give it their first pictures at the same moment wait for each other for good.
    """
    vision.plates.detect(BLANK)
    vision.faces.count(BLANK)
    vision.reader.look(BLANK, (0.0, 0.0, float(BLANK.shape[1]), float(BLANK.shape[0])), 0.0)


def plan(settings: InferenceSettings, cameras: int, *, processors: int) -> InferenceSettings:
    """Say how many sets and how many threads for each where the settings leave it to the machine (0).

    A processor gets a set for each of its cores, a thread in each, and no more sets than cameras; another device one.
    """
    workers = settings.workers or (min(processors, max(cameras, 1)) if settings.device == PROCESSOR else 1)
    threads = settings.threads or (max(1, processors // workers) if workers > 1 else 0)
    return msgspec.structs.replace(settings, workers=workers, threads=threads)
