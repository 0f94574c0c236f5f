"""Pictures to calibrate a detector's 8-bit form with."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import quantize_detector


def test_pictures_of_any_shape_become_inputs_of_one(tmp_path: Path) -> None:
    for number, shape in enumerate([(60, 120, 3), (640, 640, 3), (300, 100, 3)]):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.full(shape, 200, np.uint8))
    inputs = quantize_detector.pictures_of(tmp_path, 64)
    assert inputs.shape == (3, 64, 64, 3)
    assert abs(int(inputs[1].mean()) - 200) <= 1
    assert int(inputs[0][0, 0, 0]) == 114, "what the letterbox fills with"


def test_no_picture_is_said_with_what_makes_some(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="composites"):
        quantize_detector.pictures_of(tmp_path, 64)
