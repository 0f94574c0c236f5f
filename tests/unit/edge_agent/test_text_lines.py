"""Lines of text on a plate's crop."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.core.text_lines import TextLine, find_lines, number_lines, upright


def make_line(left: float, top: float, width: float, height: float) -> TextLine:
    """An upright line."""
    right, bottom = left + width, top + height
    return TextLine(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))


def make_map(angle_degrees: float = 0.0) -> NDArray[np.float32]:
    """A probability map with one kernel of 120 x 16 in the middle, turned."""
    map_ = np.zeros((96, 256), np.float32)
    corners = cv2.boxPoints(((128, 48), (120, 16), angle_degrees))
    cv2.fillPoly(map_, [corners.astype(np.int32)], (0.9,))
    return map_


def test_a_kernel_grows_back_to_its_line() -> None:
    (line,) = find_lines(make_map(), (96, 256))
    assert line.width_px == pytest.approx(120 + 22, abs=5)
    assert line.height_px == pytest.approx(16 + 22, abs=5)


def test_lines_are_given_in_pixels_of_the_crop() -> None:
    (small,) = find_lines(make_map(), (96, 256))
    (large,) = find_lines(make_map(), (192, 512))
    np.testing.assert_allclose(large.corners, small.corners * 2)


@pytest.mark.parametrize("angle_degrees", [-20.0, -5.0, 0.0, 5.0, 20.0])
def test_a_tilted_line_is_turned_level(angle_degrees: float) -> None:
    (line,) = find_lines(make_map(angle_degrees), (96, 256))
    crop = (np.repeat(make_map(angle_degrees)[..., None], 3, axis=2) * 255).astype(np.uint8)
    level = upright(crop, line)
    assert level is not None
    assert level.shape[1] > 3 * level.shape[0]
    middle = level[level.shape[0] // 2]
    assert (middle[15:-15] > 128).all()


def test_a_faint_map_has_no_lines() -> None:
    assert find_lines(make_map() * 0.3, (96, 256)) == []


def test_the_states_name_and_the_slogan_are_not_the_number() -> None:
    name, number, slogan = make_line(60, 2, 120, 14), make_line(20, 24, 200, 50), make_line(80, 80, 90, 10)
    assert number_lines([slogan, number, name]) == [number]


def test_two_rows_of_one_height_are_read_from_top_to_bottom() -> None:
    upper, lower = make_line(50, 5, 100, 40), make_line(30, 50, 140, 42)
    assert number_lines([lower, upper]) == [upper, lower]


def test_no_lines_no_number() -> None:
    assert number_lines([]) == []
