"""The set on which rendered Mexican plates are measured is fixed, Mexican, and no part of any shard."""

import numpy as np
from plate_press.evaluation import WIDTH_PX, press_evaluation


def test_the_evaluation_set_is_the_same_each_time() -> None:
    one, other = (list(press_evaluation(1, 4)) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) and a.text == b.text for a, b in zip(one, other, strict=True))


def test_a_longer_evaluation_set_begins_with_the_shorter_one() -> None:
    assert [p.text for p in press_evaluation(2, 6)][:3] == [p.text for p in press_evaluation(2, 3)]


def test_the_evaluation_set_is_mexican_and_of_the_stated_widths() -> None:
    for pressed in press_evaluation(3, 25):
        assert pressed.kind.startswith("mx-")
        assert WIDTH_PX[0] * 0.98 <= np.ptp(pressed.corners[:, 0]) <= WIDTH_PX[1] * 1.02


def test_no_picture_of_the_evaluation_set_has_lost_its_contrast() -> None:
    for pressed in press_evaluation(4, 40):
        left, top = pressed.corners.min(axis=0).astype(int)
        right, bottom = pressed.corners.max(axis=0).astype(int)
        plate = pressed.image[top:bottom, left:right].astype(np.float32).mean(axis=2)
        assert float(np.ptp(np.quantile(plate, [0.03, 0.97]))) > 20, pressed.text
