"""How many sets of models a box compiles, and that each serves one thread at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.adapters.vision import Vision
from edge_agent.adapters.vision_pool import VisionPool, plan
from edge_agent.core.detections import Detections
from edge_agent.settings import InferenceSettings

PICTURE = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("cameras", "processors", "workers", "threads"),
    [(4, 2, 2, 1), (4, 8, 4, 2), (1, 2, 1, 0), (3, 1, 1, 0), (0, 4, 1, 0)],
)
def test_a_processor_gets_a_set_for_each_core_and_no_more_than_cameras(
    cameras: int, processors: int, workers: int, threads: int
) -> None:
    planned = plan(InferenceSettings(), cameras, processors=processors)
    assert (planned.workers, planned.threads) == (workers, threads)


def test_what_the_settings_say_is_left_as_it_is() -> None:
    asked = InferenceSettings(workers=3, threads=2)
    assert plan(asked, 1, processors=16) == asked


def test_another_device_gets_one_set() -> None:
    planned = plan(InferenceSettings(device="GPU"), 4, processors=8)
    assert (planned.workers, planned.threads) == (1, 0)


@dataclass(slots=True)
class MeetingDetector:
    """Answers once as many threads as asked for are inside detectors at the same time."""

    meeting: threading.Barrier
    guard: threading.Lock = field(default_factory=threading.Lock)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        assert self.guard.acquire(blocking=False), "two threads in one set"
        try:
            self.meeting.wait(timeout=30)
        finally:
            self.guard.release()
        return Detections.none()


@dataclass(slots=True)
class OneSet:
    """As much of a set of models as is asked here."""

    plates: MeetingDetector


def test_two_sets_look_at_two_pictures_side_by_side_and_no_set_at_two() -> None:
    meeting = threading.Barrier(2)
    pool = VisionPool([cast("Vision", OneSet(MeetingDetector(meeting))) for _ in range(2)])
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: len(pool.detect(PICTURE)), range(6)))
    assert found == [0] * 6


def test_a_set_that_fails_is_lent_again() -> None:
    class Broken:
        def detect(self, image: NDArray[np.uint8]) -> Detections:
            raise RuntimeError("no picture")

    @dataclass
    class BrokenSet:
        plates: Broken

    pool = VisionPool([cast("Vision", BrokenSet(Broken()))])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no picture"):
            pool.detect(PICTURE)
