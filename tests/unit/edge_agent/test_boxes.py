"""Arithmetic on boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.boxes import as_slices, grow, iou, suppress
from edge_agent.core.detections import Detections
from tests.simulators.sight import make_detections

SIDES = st.floats(-200, 900, width=32)
BOXES = st.tuples(SIDES, SIDES, st.floats(1, 300, width=32), st.floats(1, 300, width=32)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_one_only_of_a_box_with_itself(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    a, b = np.array([one], np.float32), np.array([other], np.float32)
    assert 0 <= iou(a, b)[0, 0] <= 1 + 1e-5
    assert iou(a, b)[0, 0] == iou(b, a)[0, 0]
    assert iou(a, a)[0, 0] > 0.99


@given(BOXES, st.floats(0, 0.5))
def test_a_grown_box_covers_the_box(box: tuple[float, ...], share: float) -> None:
    before = np.array([box], np.float32)
    after = grow(before, share)
    assert (after[:, :2] <= before[:, :2] + 1e-3).all()
    assert (after[:, 2:] >= before[:, 2:] - 1e-3).all()


@given(BOXES)
def test_slices_hold_every_pixel_a_box_touches_and_stay_in_the_picture(box: tuple[float, ...]) -> None:
    picture = np.zeros((480, 640), np.uint8)
    rows, columns = as_slices((box[0], box[1], box[2], box[3]), 480, 640)
    picture[rows, columns] = 1
    y, x = np.mgrid[:480, :640]
    inside = (x >= box[0]) & (x + 1 <= box[2]) & (y >= box[1]) & (y + 1 <= box[3])
    assert picture[inside].all()


def test_of_boxes_that_overlap_the_surest_is_kept() -> None:
    found = Detections(
        np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]], np.float32),
        np.array([0.5, 0.9, 0.3], np.float32),
    )
    kept = suppress(found, 0.5)
    assert kept.confidence.tolist() == [np.float32(0.9), np.float32(0.3)]


def test_suppressing_nothing_is_nothing() -> None:
    assert len(suppress(make_detections(), 0.5)) == 0
