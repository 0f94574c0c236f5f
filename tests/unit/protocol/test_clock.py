"""The time floor: rises with what others sign, and is poisoned by nobody's jump."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocol.clock import MAX_OWN_STEP, TimeFloor, from_ms, to_ms
from protocol.messages import Clock

BUILD = datetime(2026, 11, 1, tzinfo=UTC)
TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis wants naive bounds)


def test_a_box_that_wakes_in_1970_stamps_its_floor_and_marks_it() -> None:
    floor = TimeFloor.at_start(BUILD, persisted=TODAY, vouched=TODAY - HOUR)
    assert floor.stamp(datetime(1970, 1, 1, tzinfo=UTC)) == (TODAY, Clock.BELOW_FLOOR)
    assert floor.stamp(TODAY + HOUR) == (TODAY + HOUR, Clock.GOOD)


def test_a_new_box_has_its_build_time() -> None:
    assert TimeFloor.at_start(BUILD, None, None).floor == BUILD


def test_a_jump_to_2099_leaves_no_trace_after_a_restart() -> None:
    jumped = datetime(2099, 1, 1, tzinfo=UTC)
    floor = TimeFloor.at_start(BUILD, persisted=jumped, vouched=TODAY)
    assert floor.stamp(TODAY + HOUR) == (TODAY + HOUR, Clock.GOOD)


def test_a_smaller_jump_ends_with_the_first_news() -> None:
    floor = TimeFloor.at_start(BUILD, persisted=TODAY + timedelta(days=20), vouched=TODAY)
    assert floor.stamp(TODAY + HOUR)[1] is Clock.BELOW_FLOOR
    assert floor.raised(TODAY + HOUR).stamp(TODAY + 2 * HOUR) == (TODAY + 2 * HOUR, Clock.GOOD)


def test_old_news_changes_nothing() -> None:
    floor = TimeFloor.at_start(BUILD, persisted=TODAY, vouched=TODAY - HOUR)
    assert floor.raised(TODAY - 2 * HOUR) == floor
    assert floor.raised(TODAY - HOUR) == floor


@given(moments, moments, moments)
def test_a_poisoned_floor_is_never_further_than_one_step_past_what_others_said(
    build: datetime, persisted: datetime, vouched: datetime
) -> None:
    floor = TimeFloor.at_start(build, persisted, vouched)
    assert max(build, vouched) <= floor.floor <= max(build, vouched) + MAX_OWN_STEP


@given(st.lists(moments, min_size=1))
def test_what_others_signed_only_rises(news: list[datetime]) -> None:
    floor = TimeFloor.at_start(BUILD, None, None)
    for said in news:
        before, floor = floor, floor.raised(said)
        assert floor.vouched >= before.vouched
    assert floor.floor == floor.vouched == max(BUILD, *news)


def test_the_root_brings_down_a_floor_that_a_server_poisoned() -> None:
    poisoned = TimeFloor.at_start(BUILD, None, None).raised(datetime(2099, 1, 1, tzinfo=UTC))
    healed = poisoned.reset(BUILD, TODAY)
    assert healed.stamp(TODAY + HOUR) == (TODAY + HOUR, Clock.GOOD)
    assert healed.reset(BUILD, BUILD - HOUR).floor == BUILD


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_survive_the_way_there_and_back(ms: int) -> None:
    assert to_ms(from_ms(ms)) == ms


@given(moments)
def test_a_moment_is_rounded_down_to_its_millisecond(when: datetime) -> None:
    assert timedelta(0) <= when - from_ms(to_ms(when)) < timedelta(milliseconds=1)
