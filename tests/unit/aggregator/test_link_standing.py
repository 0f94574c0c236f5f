"""How old a city's knowledge of others is, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.link_standing import STALE_AFTER, LinkStanding, in_words

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def test_a_city_that_hears_its_region_has_nothing_to_say() -> None:
    assert list(LinkStanding(as_of=NOW - timedelta(seconds=40)).warnings(NOW)) == []


def test_a_city_alone_says_how_old_what_it_knows_is() -> None:
    alone = LinkStanding(as_of=NOW - STALE_AFTER - timedelta(hours=3))
    assert list(alone.warnings(NOW)) == ["other cities' lists are 3 h old (as of 2026-11-22 14:58:00 UTC)"]
    assert list(LinkStanding().warnings(NOW)) == ["other cities' lists: the region was not heard yet"]


def test_a_clock_behind_the_regions_makes_nothing_younger_than_now() -> None:
    assert LinkStanding(as_of=NOW + timedelta(seconds=9)).age(NOW) == timedelta()


def test_what_is_not_followed_left_out_or_refused_is_told() -> None:
    standing = LinkStanding(
        as_of=NOW,
        problem="rolled_back",
        left_out={("torreon", "unknown_officer"): 2, ("torreon", "expired"): 1},
        refused={"batch": 1},
    )
    rolled_back, waiting, left_out, refused = standing.warnings(NOW)
    assert "(rolled_back)" in rolled_back
    assert waiting.startswith("2 hotlist batches of torreon wait")
    assert "federation adopt" in waiting
    assert left_out == "1 hotlist batches of torreon are left out (expired)"
    assert refused == "the region refused 1 items of ours for good (batch)"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=119), "119 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_an_age_is_told_in_the_unit_that_matters(age: timedelta, words: str) -> None:
    assert in_words(age) == words
