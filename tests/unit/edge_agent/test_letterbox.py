"""Fitting pictures into network inputs and boxes back out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.letterbox import Letterbox, input_size

SIZES = st.tuples(st.integers(20, 3000), st.integers(20, 3000))


@given(SIZES, SIZES, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_box_comes_back_from_the_input_as_it_went_in(
    source: tuple[int, int], target: tuple[int, int], shares: list[float]
) -> None:
    height, width = source
    x, y = sorted(shares[:2]), sorted(shares[2:])
    box = np.array([[x[0] * width, y[0] * height, x[1] * width, y[1] * height]], np.float32)
    fitted = Letterbox.fit(source, target)
    back = fitted.to_source(fitted.to_target(box))
    np.testing.assert_allclose(back, box, atol=0.05 + max(source) * 1e-5)


@given(SIZES, st.integers(64, 1280))
def test_an_input_is_of_whole_steps_and_holds_the_picture_without_waste(source: tuple[int, int], longest: int) -> None:
    height, width = input_size(source, longest)
    assert height % 32 == width % 32 == 0
    scale = longest / max(source)
    assert -0.5 <= height - source[0] * scale <= 33
    assert -0.5 <= width - source[1] * scale <= 33


def test_a_wide_picture_lies_in_a_wide_input_with_its_aspect_kept() -> None:
    assert input_size((1080, 1920), 640) == (384, 640)
    fitted = Letterbox.fit((1080, 1920), (384, 640))
    picture = fitted.apply(np.full((1080, 1920, 3), 200, np.uint8))
    assert picture.shape == (384, 640, 3)
    assert (picture[12:372] == 200).all()
    assert (picture[:12] == 114).all()
    assert (picture[372:] == 114).all()
