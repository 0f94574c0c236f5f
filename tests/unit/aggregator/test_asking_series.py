"""Courses over time: gaps stay gaps, buckets follow each other without a hole, bars keep their bounds."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aggregator.core.asking.question import Bucket
from aggregator.core.asking.series import GAP, buckets, lines, sparkline

NOON: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)


def row(hours: int, vehicles: int, *, coverage_s: float = 3_600.0, point: str = "p-1") -> dict[str, object]:
    """An hour's row."""
    return {"at": NOON + timedelta(hours=hours), "point": point, "vehicles": vehicles, "coverage_s": coverage_s}


@pytest.mark.parametrize(
    ("bucket", "first", "last", "count"),
    [
        ("minute", NOON, NOON + timedelta(hours=1), 61),
        ("hour", NOON, NOON, 1),
        ("day", date(2026, 10, 30), date(2026, 11, 2), 4),
        ("week", date(2026, 10, 26), date(2026, 11, 9), 3),
        ("month", date(2026, 1, 1), date(2027, 1, 1), 13),
    ],
)
def test_buckets_run_from_the_first_to_the_last(bucket: Bucket, first: date, last: date, count: int) -> None:
    found = buckets(bucket, first, last)
    assert (found[0], found[-1], len(found)) == (first, last, count)
    assert sorted(set(found)) == found


def test_hours_without_a_row_or_without_a_look_are_gaps() -> None:
    told = [row(0, 5), row(1, 0), row(2, 0, coverage_s=0), row(5, 7)]
    grid, (line,) = lines(told, "hour", ("point",), "vehicles")
    assert len(grid) == 6
    assert list(line.values) == [5, 0, None, None, None, 7]
    assert line.seen == [5, 0, 7]


def test_coverage_of_none_is_a_value_of_its_own() -> None:
    _, (line,) = lines([row(0, 0), row(1, 0, coverage_s=0)], "hour", (), "coverage_s")
    assert line.values == (3_600, 0)


def test_every_group_has_a_line_over_the_same_buckets() -> None:
    told = [row(0, 1), row(1, 2), row(1, 3, point="p-2"), row(2, 4, point="p-2")]
    grid, found = lines(told, "hour", ("point",), "vehicles")
    assert [(line.name, line.values) for line in found] == [("p-1", (1, 2, None)), ("p-2", (None, 3, 4))]
    assert len(grid) == 3
    assert lines([], "hour", ("point",), "vehicles") == ([], [])


def test_bars_stand_between_the_bounds() -> None:
    assert sparkline([0, 1, None, 7], low=0, high=7, width=10) == f"▁▂{GAP}█"
    assert sparkline([3, 3], low=3, high=3, width=10) == "▁▁"


@given(some.lists(some.none() | some.integers(0, 1_000), max_size=500), some.integers(1, 80))
def test_a_course_is_never_wider_than_it_may_be(values: list[int | None], width: int) -> None:
    drawn = sparkline(values, low=0, high=1_000, width=width)
    assert len(drawn) == min(len(values), width)
    assert (set(drawn) <= {GAP}) == all(value is None for value in values)
