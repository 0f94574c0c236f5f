"""Cutting a plate's box out of a picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.plate_crop import HEIGHT_PX, WIDTH_PX, cut

SIDE = st.floats(-500, 900, allow_nan=False)


def ramp(height: int, width: int) -> np.ndarray:
    """A picture whose blue tells the column and whose green tells the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8)


@given(SIDE, SIDE, SIDE, SIDE, st.floats(0, 0.5))
def test_every_box_gives_an_input_even_one_outside_or_turned_inside_out(
    left: float, top: float, right: float, bottom: float, margin: float
) -> None:
    crop = cut(ramp(120, 250), (left, top, right, bottom), margin)
    assert crop.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert crop.dtype == np.uint8


def test_a_box_of_the_inputs_size_is_copied_pixel_by_pixel() -> None:
    image = ramp(200, 250)
    np.testing.assert_array_equal(cut(image, (30, 40, 190, 104), margin=0), image[40:104, 30:190])


def test_the_margin_is_a_share_of_the_boxs_own_sides() -> None:
    image = ramp(120, 250)
    np.testing.assert_array_equal(cut(image, (50, 40, 150, 80), 0.1), cut(image, (40, 36, 160, 84), 0))


def test_beyond_the_picture_its_rim_goes_on() -> None:
    crop = cut(ramp(64, 160), (-160, 0, 160, 64), margin=0)
    assert (crop[:, :79, 0] == 0).all()
    assert crop[:, -1, 0].min() >= 158


def test_nothing_of_a_thin_stroke_is_skipped_when_a_large_plate_is_shrunk() -> None:
    image = np.zeros((640, 1600, 3), np.uint8)
    image[:, 803:806] = 255
    assert cut(image, (0, 0, 1600, 640), margin=0)[32, :, 0].sum() >= 70


def test_the_sides_are_scaled_each_on_its_own() -> None:
    image = np.zeros((20, 1600, 3), np.uint8)
    image[:10] = 200
    crop = cut(image, (0, 0, 1600, 20), margin=0)
    assert (crop[:28] == 200).all()
    assert (crop[36:] == 0).all()
