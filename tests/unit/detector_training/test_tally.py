"""Counting plates found."""

import numpy as np
from detector_training.tally import tally

from edge_agent.core.detections import Detections

PLATE = np.array([[0, 0, 100, 50]], np.float32)
NONE = np.zeros((0, 4), np.float32)


def found(*boxes: tuple[float, float, float, float]) -> Detections:
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32))


def test_a_loose_box_counts_at_the_lower_overlap_only() -> None:
    assert tally([(found((0, 0, 100, 80)), PLATE)]).found == (1, 0)
    assert tally([(found((0, 0, 100, 55)), PLATE)]).found == (1, 1)


def test_two_boxes_on_one_plate_find_it_once_and_are_not_false() -> None:
    counted = tally([(found((0, 0, 100, 50), (2, 0, 100, 50)), PLATE)])
    assert (counted.found, counted.false) == ((1, 1), 0)


def test_what_lies_on_no_plate_is_false() -> None:
    counted = tally([(found((200, 0, 300, 50)), PLATE), (found((0, 0, 9, 9)), NONE), (found(), PLATE)])
    assert (counted.plates, counted.found, counted.false) == (2, (0, 0), 2)
    assert counted.recall == (0.0, 0.0)
    assert counted.precision == 0
