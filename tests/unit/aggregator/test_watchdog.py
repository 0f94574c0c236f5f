"""The aggregator's watchdog: a wait that has a reason is no reason to start anew."""

import pytest

from aggregator.core.watchdog import STUCK_S, is_stuck


@pytest.mark.parametrize(
    ("database_answers", "lag_s", "stuck"),
    [
        (True, 0.0, False),
        (True, STUCK_S, False),
        (True, STUCK_S + 1, True),
        (False, 10 * STUCK_S, False),
    ],
)
def test_only_a_delivery_that_waits_for_nothing_starves_it(database_answers: bool, lag_s: float, stuck: bool) -> None:
    assert is_stuck(database_answers=database_answers, lag_s=lag_s) is stuck
