"""A still picture is not searched twice, and nothing that comes, goes or creeps is missed for long."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.core.detections import Detections
from edge_agent.core.stillness import MOST_REPEATS, StillnessGate, glance, has_changed
from tests.simulators.sight import make_detections

HEIGHT, WIDTH = 360, 640
Picture = NDArray[np.uint8]
BOX = (100.0, 100.0, 160.0, 130.0)


class Searching:
    """A detector that keeps what it was shown."""

    def __init__(self, find: Callable[[], Detections] = lambda: make_detections(BOX)) -> None:
        self.shown: list[Picture] = []
        self._find = find

    def detect(self, image: Picture) -> Detections:
        self.shown.append(image)
        return self._find()


def street(seed: int = 1, noise: float = 0.0) -> Picture:
    """A street without traffic: soft patches of grey, and a sensor's noise on top."""
    patches = np.random.default_rng(1).uniform(40, 160, (9, 16, 3)).astype(np.float32)
    ground = cv2.resize(patches, (WIDTH, HEIGHT))
    grain = np.random.default_rng(seed).normal(0, noise, ground.shape) if noise else 0.0
    return np.asarray(np.clip(ground + grain, 0, 255), np.uint8)


def with_plate(left: int, top: int, height: int = 12) -> Picture:
    """The street with a plate of the least height that is read: bright, with dark characters."""
    picture = street()
    width = 2 * height
    picture[top : top + height, left : left + width] = 220
    picture[top + 3 : top + height - 3, left + 3 : left + width - 3 : 4] = 30
    return picture


def test_a_picture_like_the_last_one_is_not_searched_again_and_gives_the_same_boxes() -> None:
    searching = Searching()
    gate = StillnessGate(searching)
    first, second = gate.detect(street()), gate.detect(street())
    assert len(searching.shown) == 1
    assert second is first


def test_however_still_every_fifth_picture_is_searched() -> None:
    searching = Searching()
    gate = StillnessGate(searching)
    for _ in range(3 * (MOST_REPEATS + 1)):
        gate.detect(street())
    assert len(searching.shown) == 3


def test_a_sensors_noise_is_not_a_change() -> None:
    assert not has_changed(glance(street(seed=2, noise=5)), glance(street(seed=3, noise=5)))


@pytest.mark.parametrize("left", range(40, 73, 5))
@pytest.mark.parametrize("top", range(200, 233, 5))
def test_the_smallest_plate_is_seen_wherever_it_comes_or_goes(left: int, top: int) -> None:
    empty, present = glance(street()), glance(with_plate(left, top))
    assert has_changed(empty, present)
    assert has_changed(present, empty)


def test_a_car_that_creeps_is_searched_before_its_plate_has_left_its_box() -> None:
    searching = Searching()
    gate = StillnessGate(searching)
    for left in range(100, 200):
        gate.detect(with_plate(left, 200, height=24))
    lefts = [int(np.argmax(picture[201, :, 1] == 220)) for picture in searching.shown]
    assert max(np.diff(lefts)) <= 4
    assert lefts[-1] >= 195


def test_slow_changes_add_up_to_one() -> None:
    searching = Searching()
    gate = StillnessGate(searching)
    for step in range(4):
        gate.detect(cv2.add(street(), np.full((HEIGHT, WIDTH, 3), 4 * step, np.uint8)).astype(np.uint8))
    assert len(searching.shown) == 2


def test_another_size_is_another_picture() -> None:
    searching = Searching()
    gate = StillnessGate(searching)
    gate.detect(street())
    gate.detect(np.ascontiguousarray(street()[: HEIGHT // 2]))
    assert len(searching.shown) == 2


def test_a_search_that_failed_is_not_repeated_from_memory() -> None:
    answers = iter([make_detections(BOX)])
    gate = StillnessGate(Searching(lambda: next(answers)))
    gate.detect(street())
    with pytest.raises(StopIteration):
        gate.detect(with_plate(300, 200, height=40))
    with pytest.raises(StopIteration):
        gate.detect(street())
