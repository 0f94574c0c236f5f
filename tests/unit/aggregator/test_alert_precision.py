"""Precision from outcomes: what an interval claims, and which reader a box ran."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.alert_precision import UNKNOWN_READER, Precision, reader_of, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # From the formula by hand, and as R's prop.test(correct = FALSE) and binom::binom.wilson give them.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (1, 2, 0.0945, 0.9055)],
)
def test_the_interval_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_bounds(counts: tuple[int, int]) -> None:
    errors, n = counts
    found = Precision(n, errors)
    low, high = found.interval
    assert found.share is not None
    assert 0 <= low <= found.share <= high <= 1
    assert low < high


def test_of_nothing_nothing_is_known() -> None:
    assert (Precision(0, 0).share, Precision(0, 0).interval) == (None, (0.0, 1.0))


def test_the_reader_is_found_among_what_a_box_runs() -> None:
    versions = ("agent/0.1", "plate-finder/3@aa", "plate-reader/2@bb", "face-detector/1@cc")
    assert reader_of(versions) == "plate-reader/2@bb"
    assert reader_of(("agent/0.1",)) == UNKNOWN_READER
