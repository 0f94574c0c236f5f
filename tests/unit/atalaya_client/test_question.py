"""What is asked, as parameters."""

from datetime import UTC, date, datetime, timedelta

import pytest

from atalaya_client.question import PAGE_ROWS, parameters_of
from atalaya_client.transport import retry_after_s

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_stretch_of_time_is_said_in_three_ways() -> None:
    asked = parameters_of({"from_at": timedelta(hours=2), "to_at": datetime(2026, 11, 22, 11, tzinfo=UTC)}, now=NOW)
    assert dict(asked) == {
        "limit": str(PAGE_ROWS), "from": "2026-11-22T10:00:00+00:00", "to": "2026-11-22T11:00:00+00:00"
    }  # fmt: skip
    assert ("from", "7d") in parameters_of({"from_at": "7d"}, now=NOW)


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="which zone"):
        parameters_of({"from_at": datetime(2026, 11, 22)}, now=NOW)  # noqa: DTZ001  that is the point


def test_several_values_are_any_of_them_and_nothing_is_an_empty_text() -> None:
    where = {"camera": ["a", "b"], "outcome": None, "is_historical": False, "local_date": date(2026, 11, 22)}
    asked = parameters_of({"where": where, "group_by": ["city", "point"], "bucket": "day", "limit": 5}, now=NOW)
    assert asked == [
        ("limit", "5"), ("group_by", "city,point"), ("bucket", "day"), ("camera", "a"), ("camera", "b"),
        ("outcome", ""), ("is_historical", "false"), ("local_date", "2026-11-22"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("7", 7.0), (None, None), ("soon", None), ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(said: str | None, wait_s: float | None) -> None:
    assert retry_after_s(said, now=NOW) == wait_s
