"""How links stand, in words; and the difference of two clocks."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from aggregator.core.contact import AGAIN, is_due, offset_ms
from aggregator.core.federation_status import SILENT_AFTER, LinkState, behind, lag_s, state_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_link_is_linked_silent_away_or_left() -> None:
    assert state_of(NOW, now=NOW) is LinkState.LINKED
    assert state_of(NOW - SILENT_AFTER, now=NOW) is LinkState.LINKED
    assert state_of(NOW - SILENT_AFTER - timedelta(seconds=1), now=NOW) is LinkState.SILENT
    assert state_of(NOW, now=NOW, problem="no route") is LinkState.AWAY
    assert state_of(NOW, now=NOW, left=True) is LinkState.LEFT


def test_lag_is_the_age_of_the_oldest_that_waits_and_unknown_if_nobody_said() -> None:
    assert lag_s(3, NOW - timedelta(seconds=90), now=NOW) == 90
    assert lag_s(0, None, now=NOW) == 0
    assert lag_s(1, NOW + timedelta(seconds=1), now=NOW) == 0
    assert lag_s(None, None, now=NOW) is None


def test_how_far_behind_a_city_is_in_its_log() -> None:
    assert (behind(10, 7), behind(10, None), behind(None, 3), behind(2, 3)) == (3, 10, None, 0)


def test_a_certificate_is_renewed_in_the_last_third_of_its_life() -> None:
    ends = NOW + timedelta(days=90)
    assert not is_due(NOW, ends, now=NOW + timedelta(days=59))
    assert is_due(NOW, ends, now=NOW + timedelta(days=60))
    assert is_due(NOW, ends, now=ends + timedelta(days=1))


@pytest.mark.parametrize(("theirs", "ahead"), [(150, 0), (1_150, 1_000), (50, -100)])
def test_a_clock_is_compared_with_the_middle_of_the_exchange(theirs: int, ahead: int) -> None:
    assert offset_ms(100, 200, theirs) == ahead


def test_a_region_that_comes_back_is_found_within_some_ten_seconds() -> None:
    assert all(0 < AGAIN.wait_s(failed, Random(failed)) <= 12.5 for failed in range(1, 100))
