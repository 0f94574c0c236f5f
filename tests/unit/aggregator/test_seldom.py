"""Lines of the log about many alike things: the first at once, then one for all since."""

from datetime import UTC, datetime, timedelta

from aggregator.core.seldom import Seldom

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_first_is_told_at_once_and_the_next_line_stands_for_all_since() -> None:
    seldom = Seldom(every=10 * MINUTE)
    assert [seldom.worth_telling("a", T0 + n * MINUTE) for n in range(12)] == [1, *[0] * 9, 10, 0]


def test_subjects_do_not_wait_for_each_other() -> None:
    seldom = Seldom()
    assert [seldom.worth_telling(subject, T0) for subject in ("a", "b", "a", ("a", "b"))] == [1, 1, 0, 1]


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    seldom = Seldom()
    assert seldom.worth_telling("a", T0) == 1
    assert seldom.worth_telling("a", T0 - timedelta(days=1)) == 1
    assert seldom.worth_telling("a", T0 - timedelta(days=1) + MINUTE) == 0


def test_of_too_many_subjects_the_one_told_longest_ago_is_forgotten() -> None:
    seldom = Seldom(every=10 * MINUTE, subjects=2)
    assert [seldom.worth_telling(subject, T0) for subject in "ab"] == [1, 1]
    assert seldom.worth_telling("a", T0 + 11 * MINUTE) == 1, "b is the oldest now"
    assert seldom.worth_telling("c", T0 + 11 * MINUTE) == 1
    assert [seldom.worth_telling(subject, T0 + 12 * MINUTE) for subject in "acb"] == [0, 0, 1]
