"""The press makes what the reader learns from: its labels must be right and its pictures repeatable."""

import numpy as np
import pytest
from plate_press.press import KINDS, MEXICAN_KINDS, face, press

from protocol.plates import FORMATS, format_of, normalise


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_pressed_with_its_corners_inside_the_picture(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(4):
        pressed = press(rng, kind)
        height, width = pressed.image.shape[:2]
        assert pressed.kind == kind
        assert 20 <= height <= 230
        assert (pressed.corners >= 0).all()
        assert (pressed.corners <= (width, height)).all()


def test_the_same_seed_presses_the_same_picture() -> None:
    one, other = ([press(np.random.default_rng(seed)) for seed in range(8)] for _ in range(2))
    assert all(np.array_equal(a.image, b.image) and a.text == b.text for a, b in zip(one, other, strict=True))


def test_other_seeds_press_other_pictures() -> None:
    assert len({press(np.random.default_rng(seed), "us").text for seed in range(20)}) > 15


@pytest.mark.parametrize("kind", MEXICAN_KINDS)
def test_a_mexican_text_has_a_form_of_its_class(kind: str) -> None:
    rng = np.random.default_rng(6)
    forms = [form for form in FORMATS if f"mx-{form.name}" == kind]
    for _ in range(30):
        text = face(rng, kind, width_px=80).text
        assert any(form.matches(text) for form in forms), text
        assert format_of(text) is not None


def test_a_text_is_what_the_reader_may_answer() -> None:
    rng = np.random.default_rng(7)
    for kind in KINDS:
        pressed = press(rng, kind)
        assert pressed.text == normalise(pressed.text)
        assert len(pressed.text) <= 10


def test_a_picture_without_a_plate_has_neither_text_nor_corners() -> None:
    pressed = press(np.random.default_rng(8), "none")
    assert pressed.text == ""
    assert pressed.rows == ()
    assert not pressed.corners.any()


def test_kinds_that_do_not_exist_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mx-spaceship"):
        face(np.random.default_rng(9), "mx-spaceship")


def test_the_shares_of_the_kinds_make_a_whole() -> None:
    assert sum(KINDS.values()) == pytest.approx(1.0, abs=0.01)
    assert sum(KINDS[kind] for kind in MEXICAN_KINDS) == pytest.approx(0.4, abs=0.01)
