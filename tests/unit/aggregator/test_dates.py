"""How soon what ends is told of, with the clock moved."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.adapters.dates_probe import before
from aggregator.core.broker_health import Grade
from aggregator.core.dates import REMEDIES, Before, Dated, Kind, judge, worst_first
from aggregator.settings import Dates

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MONTHS = Before(warn=timedelta(days=60), alarm=timedelta(days=14))


@pytest.mark.parametrize(
    ("days", "grade", "said"),
    [
        (-3, Grade.BAD, "ended on 2026-11-19"),
        (14, Grade.BAD, "ends on 2026-12-06, in 14 days"),
        (15, Grade.WARNING, "in 15 days"),
        (60, Grade.WARNING, "aggregator broker renew"),
        (61, Grade.GOOD, "holds until"),
    ],
)
def test_a_date_is_warned_of_weeks_before_it_hurts_and_says_what_to_do(days: int, grade: Grade, said: str) -> None:
    found = judge(Dated(Kind.SERVER, "broker", NOW + timedelta(days=days)), MONTHS, now=NOW)
    assert (found.grade, found.days_left) == (grade, days)
    assert said in found.text
    assert said in found.finding.found


def test_the_issuing_ca_is_warned_of_while_it_still_covers_a_whole_term_of_a_box() -> None:
    assert before(Dates(), Kind.ISSUING).warn > timedelta(days=825)


def test_what_is_worst_and_soonest_comes_first() -> None:
    found = [
        judge(Dated(Kind.DEVICE, f"box-{days}", NOW + timedelta(days=days)), MONTHS, now=NOW) for days in (99, 20, 5, 1)
    ]
    assert [each.dated.name for each in worst_first(found)] == ["box-1", "box-5", "box-20", "box-99"]


def test_every_kind_has_a_remedy_and_a_threshold() -> None:
    assert set(REMEDIES) == set(Kind)
    for kind in Kind:
        limit = before(Dates(), kind)
        assert limit.warn > limit.alarm > timedelta(0)
