"""Which cities are told of a hit: the one that asked, neighbours, those along a corridor; what, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.cross_city import Matched, Seen, Telling, notice_of, over, tellings
from aggregator.core.hotlist import ReasonClass
from aggregator.core.visibility import But, Corridor, Policy, Sees, Sight, What
from protocol.federation import LONGEST_NOTICE_MS
from protocol.messages import Quality

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CITIES = ("acuna", "castanos", "monclova", "saltillo", "torreon")
RAW = b"what the box signed"
ROAD = Corridor(name="57", cities=("saltillo", "castanos", "monclova"), minutes=180)
POLICY = Policy(neighbours={"saltillo": ("castanos", "acuna")}, corridors=(ROAD,))
HOUR = timedelta(hours=1)


def matched(
    owner: str | None = "torreon", entry: str = "e-1", *, quality: Quality = Quality.EXACT,
    reason: str = ReasonClass.ABDUCTION, scope: tuple[str, ...] = (),
) -> Matched:  # fmt: skip
    """An entry of a city."""
    return Matched(entry, owner, quality, reason, scope)


def seen(*matches: Matched, ago: timedelta = timedelta(0), says_the_same: bool = True) -> Seen:
    """A hit in Saltillo."""
    return Seen(
        hit=sha256(RAW).digest(),
        city="saltillo",
        point="p-1",
        camera="cam-1",
        captured_at=NOW - ago,
        happened_at=NOW - ago,
        matches=matches,
        says_the_same=says_the_same,
        envelope=RAW,
    )


def told(policy: Policy, hit: Seen) -> dict[str, Telling]:
    """What is told, by city."""
    return {each.to: each for each in tellings(policy, hit, cities=CITIES, now=NOW)}


def test_who_asked_neighbours_and_the_corridor_are_told_each_once_and_the_rest_is_not() -> None:
    found = told(POLICY, seen(matched()))
    assert {city: (each.why, each.corridor) for city, each in found.items()} == {
        "torreon": (What.ASKED, ""),
        "castanos": (What.NEIGHBOUR, ""),
        "acuna": (What.NEIGHBOUR, ""),
        "monclova": (What.CORRIDOR, "57"),
    }
    assert found["torreon"].until == NOW + timedelta(hours=24)
    assert (found["castanos"].until, found["monclova"].until) == (NOW + HOUR, NOW + 3 * HOUR)


def test_the_city_that_saw_it_is_not_told_of_its_own() -> None:
    assert told(Policy(), seen(matched("saltillo"))) == {}


def test_by_default_the_plate_goes_to_who_asked_and_to_nobody_else() -> None:
    found = told(POLICY, seen(matched()))
    assert {city: (each.has_plate, each.entries) for city, each in found.items()} == {
        "torreon": (True, ("e-1",)),
        "castanos": (False, ()),
        "acuna": (False, ()),
        "monclova": (False, ()),
    }


def test_a_city_that_asked_is_told_its_own_entries_alone() -> None:
    found = told(POLICY, seen(matched("torreon", "e-1"), matched("monclova", "e-2"), matched("saltillo", "e-3")))
    assert (found["torreon"].entries, found["monclova"].entries) == (("e-1",), ("e-2",))
    assert found["monclova"].why is What.ASKED


def test_a_possible_is_told_to_who_asked_alone_and_never_with_the_plate() -> None:
    (only,) = told(POLICY, seen(matched(quality=Quality.POSSIBLE))).values()
    assert (only.to, only.has_plate) == ("torreon", False)


def test_a_message_that_no_longer_says_what_the_box_says_is_not_shown() -> None:
    policy = replace_sees(POLICY, neighbour=Sight.PLATE)
    found = told(policy, seen(matched(), says_the_same=False))
    assert not any(each.has_plate for each in found.values())
    assert found["castanos"].entries == ("e-1",)


def replace_sees(policy: Policy, **sights: Sight) -> Policy:
    """A policy that holds something else for all."""
    sees = Sees(**sights)
    return Policy(sees=sees, neighbours=policy.neighbours, corridors=policy.corridors, but=policy.but)


def test_a_neighbour_that_may_see_plates_sees_those_that_its_own_boxes_have() -> None:
    policy = replace_sees(POLICY, neighbour=Sight.PLATE)
    found = told(policy, seen(matched()))
    assert (found["castanos"].has_plate, found["castanos"].entries) == (True, ("e-1",))
    closed = Policy(
        sees=policy.sees,
        neighbours=policy.neighbours,
        but=(But(owner="torreon", viewer="castanos", hotlist=Sight.NOTHING),),
    )
    found = told(closed, seen(matched()))
    assert (found["castanos"].has_plate, found["castanos"].entries) == (False, ())
    assert found["acuna"].has_plate


@pytest.mark.parametrize("match", [matched(None), matched(scope=("saltillo", "torreon"))])
def test_an_entry_that_was_not_meant_for_a_city_is_not_told_there(match: Matched) -> None:
    assert set(told(POLICY, seen(match))) <= {"torreon"}


def test_what_comes_too_late_is_told_to_who_asked_alone() -> None:
    found = told(POLICY, seen(matched(), ago=2 * HOUR))
    assert {city: each.why for city, each in found.items()} == {
        "torreon": What.ASKED,
        "castanos": What.CORRIDOR,  # no neighbour's business any more; the road's still
        "monclova": What.CORRIDOR,
    }
    assert found["monclova"].until == NOW + HOUR
    (only,) = told(POLICY, seen(matched(), ago=timedelta(days=3))).values()
    assert (only.to, only.until) == ("torreon", NOW + timedelta(hours=24))


def test_reasons_narrow_neighbours_and_corridors_and_not_who_asked() -> None:
    road = Corridor(name="57", cities=ROAD.cities, reasons=(ReasonClass.STOLEN_VEHICLE,))
    policy = Policy(neighbours=POLICY.neighbours, corridors=(road,), reasons=(ReasonClass.ABDUCTION,))
    assert set(told(policy, seen(matched()))) == {"torreon", "castanos", "acuna"}
    assert set(told(policy, seen(matched(reason=ReasonClass.STOLEN_PLATE)))) == {"torreon"}


def test_a_city_whose_sight_is_nothing_is_told_for_its_next_reason() -> None:
    policy = Policy(
        neighbours=POLICY.neighbours, corridors=POLICY.corridors, but=(But(viewer="castanos", neighbour=Sight.NOTHING),)
    )
    assert told(policy, seen(matched()))["castanos"].why is What.CORRIDOR
    nothing = replace_sees(Policy(), asked=Sight.NOTHING)
    assert told(nothing, seen(matched())) == {}


def test_a_hit_that_was_taken_back_is_told_to_nobody_and_what_was_told_is_over() -> None:
    assert told(POLICY, seen()) == {}
    before = told(POLICY, seen(matched()))["torreon"]
    ended = over(before, now=NOW)
    assert (ended.has_plate, ended.entries, ended.why, ended.reason) == (False, (), What.ASKED, "abduction")
    notice = notice_of(ended, seen(), now=NOW)
    assert (notice.envelope, notice.until_ms - notice.created_ms) == (b"", 1)


def test_when_it_ends_is_no_news() -> None:
    one = told(POLICY, seen(matched()))["torreon"]
    assert one.says_as(replace(one, until=NOW + timedelta(days=2)))
    assert not one.says_as(replace(one, has_plate=False))


@given(
    quality=st.sampled_from(Quality),
    sight=st.sampled_from(Sight),
    owner=st.sampled_from([None, *CITIES]),
    ago_s=st.integers(-600, 90_000),
    says_the_same=st.booleans(),
)
def test_every_notice_is_bounded_and_a_plate_is_there_only_where_the_policy_says_so(
    quality: Quality, sight: Sight, owner: str | None, ago_s: int, says_the_same: bool
) -> None:
    policy = replace_sees(POLICY, asked=sight, neighbour=sight, corridor=sight)
    hit = seen(matched(owner, quality=quality), ago=timedelta(seconds=ago_s), says_the_same=says_the_same)
    for telling in tellings(policy, hit, cities=CITIES, now=NOW):
        notice = notice_of(telling, hit, now=NOW)
        assert telling.to != hit.city
        assert 0 < notice.until_ms - notice.created_ms <= LONGEST_NOTICE_MS
        assert sight is not Sight.NOTHING
        assert bool(notice.envelope) == (sight is Sight.PLATE and quality is Quality.EXACT and says_the_same)
        assert not notice.entries or sight is Sight.PLATE or telling.why is What.ASKED
