"""Instants and lengths as operators write them."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.time_range import parse_instant, parse_span
from aggregator.errors import BadInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90s", NOW - timedelta(seconds=90)),
        ("1w", NOW - timedelta(weeks=1)),
        ("0s", NOW),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T06:00-06:00", NOW),
    ],
)
def test_an_instant_is_a_time_or_so_long_ago(text: str, instant: datetime) -> None:
    assert parse_instant(text, "--from", now=NOW) == instant


@pytest.mark.parametrize("text", ["", "yesterday", "2y", "-2h", "2026-13-01", "999999w"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match=r"--from .* such as"):
        parse_instant(text, "--from", now=NOW)


def test_a_span_is_a_length_above_zero() -> None:
    assert parse_span("15m", "--every") == timedelta(minutes=15)
    with pytest.raises(BadInput, match=r"--every '0s'"):
        parse_span("0s", "--every")
