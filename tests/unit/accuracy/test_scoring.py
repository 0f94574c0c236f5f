"""How a read is held against the truth, against values known from elsewhere."""

import numpy as np
import pytest
from accuracy.scoring import Errors, best_iou, character_accuracy, distance, edits, folded, wilson
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.detections import Detections

TEXTS = st.text("AB01OI", max_size=9)


def test_o_and_i_are_folded_and_nothing_else() -> None:
    assert folded("OIL0Q1D") == "01L0Q1D"


@pytest.mark.parametrize(
    ("errors", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # Newcombe 1998 and every table of Wilson intervals since
        (1, 29, 0.0061, 0.1718),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (36, 36, 0.9036, 1.0),
    ],
)
def test_the_interval_is_wilsons(errors: int, n: int, low: float, high: float) -> None:
    assert list(wilson(errors, n)) == pytest.approx([low, high], abs=1e-4)


def test_nothing_tried_leaves_everything_possible() -> None:
    assert Errors(0, 0).interval == (0.0, 1.0)
    assert Errors(0, 0).share == 0.0
    with pytest.raises(ValueError, match="3 errors of 2"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("one", "other", "edits_needed"),
    [("KITTEN", "SITTING", 3), ("SATURDAY", "SUNDAY", 3), ("", "AB", 2), ("UPF337", "UPF337A", 1), ("A1", "A1", 0)],
)
def test_the_distance_is_levenshteins(one: str, other: str, edits_needed: int) -> None:
    assert distance(one, other) == distance(other, one) == edits_needed


@given(TEXTS, TEXTS, TEXTS)
def test_a_detour_is_never_shorter(one: str, by: str, other: str) -> None:
    assert distance(one, other) <= distance(one, by) + distance(by, other)


@given(TEXTS, TEXTS)
def test_the_alignment_holds_both_texts_whole(read: str, truth: str) -> None:
    pairs = edits(read, truth)
    assert "".join(pair[0] for pair in pairs) == read
    assert "".join(pair[1] for pair in pairs) == truth


def test_character_accuracy_counts_edits_over_the_characters_of_the_truth() -> None:
    assert character_accuracy([("ABC123", "ABC123"), ("ABC12", "ABC123")]) == pytest.approx(11 / 12)
    assert character_accuracy([("", "AB")]) == 0.0
    assert character_accuracy([]) == 0.0


def test_iou_of_the_best_box_and_of_the_one_that_is_read() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    found = Detections(boxes, np.array([0.4, 0.9], np.float32))
    assert best_iou(found, (0, 0, 10, 10)) == pytest.approx(1.0)
    assert best_iou(found, (0, 0, 10, 10), most_confident=True) == pytest.approx(1 / 3)
    assert best_iou(Detections.none(), (0, 0, 10, 10)) == 0.0
