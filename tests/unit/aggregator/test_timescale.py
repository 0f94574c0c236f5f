"""TimescaleDB is used where all of it is there, and what is missing is said in words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.adapters.timescale import Engine, Found, Kind, chosen, version_of
from aggregator.adapters.timescale_sums import stretches
from aggregator.errors import DatabaseUnwell

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def test_the_community_edition_keeps_the_counts() -> None:
    engine = chosen(Found(version="2.23.0", license="timescale"))
    assert engine == Engine(Kind.TIMESCALE, "2.23.0")
    assert engine.text == "TimescaleDB 2.23.0"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Found(), "PostgreSQL"),
        (Found(is_offered=True), "not installed in it: CREATE EXTENSION timescaledb"),
        (Found(version="2.23.0", license="apache"), "Apache edition"),
        (
            Found(version="2.23.0", license="timescale", is_in_reach=False),
            "a schema that our search_path does not have",
        ),
        (Found(version="2.17.2", license="timescale"), "2.17.2 is older than 2.18"),
    ],
)
def test_anything_less_is_plain_postgresql_and_says_why(found: Found, said: str) -> None:
    engine = chosen(found)
    assert engine.kind is Kind.PLAIN
    assert said in engine.text


def test_a_server_that_offers_nothing_is_not_asked_for_it() -> None:
    assert chosen(Found()).why_not is None


@pytest.mark.parametrize("found", [Found(is_turned=True), Found("2.23.0", "apache", is_turned=True)])
def test_a_database_whose_counts_cannot_be_read_any_more_is_refused(found: Found) -> None:
    with pytest.raises(DatabaseUnwell, match="kept by TimescaleDB, but"):
        chosen(found)


def test_versions_compare_by_number() -> None:
    assert version_of("2.9.3") < version_of("2.18.0") < version_of("2.23.0-dev") < version_of("3.0")


@given(st.sets(st.integers(0, 400), min_size=1))
def test_stretches_cover_each_hour_once_and_no_other(numbers: set[int]) -> None:
    hours = [MIDNIGHT + timedelta(hours=number) for number in sorted(numbers)]
    runs = [((last - first) // timedelta(hours=1), first) for first, last in stretches(hours)]
    assert [first + timedelta(hours=n) for length, first in runs for n in range(length + 1)] == hours
