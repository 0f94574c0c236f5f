"""Plates laid into pictures: the label lies where the plate is."""

import numpy as np
from detector_training import pasting
from detector_training.decoys import with_badge, with_pressed_decoy, with_sign
from detector_training.pasting import Pose, hull, paste, touches
from detector_training.scenes import painted_over
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

SIDE = 320
WHITE = np.full((60, 120, 4), 255, np.uint8)


def grey(value: int = 90) -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE, 3), value, np.uint8)


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((after != before).any(axis=2))


@given(st.integers(0, 10_000), st.floats(40, 150))
def test_the_label_covers_the_plate_tightly(seed: int, width: float) -> None:
    quad = Pose.draw(np.random.default_rng(seed)).quad((160, 150), width, width / 2)
    _, cover = pasting._warped(WHITE, quad, (SIDE, SIDE))
    rows, columns = np.nonzero(cover[..., 0] > 0.5)
    shown = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(hull(quad), shown, atol=2)


@given(st.integers(0, 10_000))
def test_beside_the_plate_and_its_holder_nothing_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quad = Pose(0, 0, (0, 0)).quad((160, 150), 100, 50)
    rows, columns = np.nonzero(changed(grey(), paste(grey(), WHITE, quad, rng)))
    assert columns.min(initial=160) >= 103
    assert columns.max(initial=160) <= 217
    assert rows.min(initial=150) >= 121
    assert rows.max(initial=150) <= 179


def test_a_pose_without_a_turn_is_a_rectangle() -> None:
    quad = Pose(0, 0, (0, 0)).quad((50, 40), 20, 10)
    np.testing.assert_allclose(quad, [[40, 35], [60, 35], [60, 45], [40, 45]])


def test_a_plate_outside_the_picture_changes_nothing() -> None:
    quad = Pose(0, 0, (0, 0)).quad((-200, 40), 60, 30)
    np.testing.assert_array_equal(paste(grey(), WHITE, quad, np.random.default_rng(1)), grey())


def test_a_plate_hung_in_the_dark_is_mostly_darker_than_one_in_the_sun() -> None:
    quad = Pose(0, 0, (0, 0)).quad((160, 160), 100, 50)

    def brightness(value: int, seed: int) -> float:
        return float(paste(grey(value), WHITE, quad, np.random.default_rng(seed))[145:175, 130:190].mean())

    pairs = [(brightness(12, seed), brightness(150, seed)) for seed in range(20)]
    assert sum(night < 0.7 * day for night, day in pairs) >= 14


@given(st.integers(0, 10_000))
def test_signs_and_badges_keep_off_the_plates(seed: int) -> None:
    plate = np.array([[120, 140, 220, 190]], np.float32)
    for draw in (with_sign, with_badge, with_pressed_decoy):
        after = draw(grey(), plate, np.random.default_rng(seed))
        np.testing.assert_array_equal(after[146:184, 126:214], 90)


def test_boxes_that_share_only_a_side_do_not_touch() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    assert not touches(box, np.array([[10, 0, 20, 10]], np.float32))
    assert touches(box, np.array([[9, 9, 20, 20]], np.float32))


def test_nothing_of_a_plate_is_left_where_it_is_painted_over() -> None:
    image = grey()
    image[100:140, 100:200] = (np.indices((40, 100)).sum(axis=0) % 8 < 4)[..., None] * 255
    after = painted_over(image, np.array([98, 98, 202, 142], np.float32))
    assert after[100:140, 100:200].std() < 12
    np.testing.assert_array_equal(after[:60], image[:60])
