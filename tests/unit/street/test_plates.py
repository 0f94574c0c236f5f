"""Plate texts of the street video."""

import re
from itertools import combinations
from random import Random

import pytest
from street.plates import MASKS, PlateClass, are_distinct, draw_plates

_PATTERN = {"L": "[A-HJ-NPR-Z]", "D": "[0-9]", "-": "-"}


@pytest.mark.parametrize("seed", range(5))
def test_drawn_plates_follow_their_class_masks(seed: int) -> None:
    for plate in draw_plates(list(PlateClass), Random(seed)):
        pattern = "".join(_PATTERN[c] for c in MASKS[plate.plate_class])
        assert re.fullmatch(pattern, plate.shown), plate.plate_class
        assert plate.text == plate.shown.replace("-", "")


@pytest.mark.parametrize("seed", range(5))
def test_no_two_drawn_plates_can_be_mistaken_for_each_other(seed: int) -> None:
    plates = draw_plates([PlateClass.MOTORCYCLE] * 20 + [PlateClass.PRIVATE] * 20, Random(seed))
    assert all(are_distinct(a.text, b.text) for a, b in combinations(plates, 2))


@pytest.mark.parametrize(
    ("one", "other"), [("ABC1230", "ABC123D"), ("S06WAZ", "506WA2"), ("FGH4567", "FGH456"), ("ABC123", "ABX129")]
)
def test_texts_a_reader_may_confuse_are_not_distinct(one: str, other: str) -> None:
    assert not are_distinct(one, other)


def test_texts_that_differ_in_three_plain_characters_are_distinct() -> None:
    assert are_distinct("ABC1234", "XYK1234")
