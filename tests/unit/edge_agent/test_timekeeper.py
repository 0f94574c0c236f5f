"""The box's time, above its floor."""

from datetime import UTC, datetime, timedelta

from edge_agent.adapters.outbox import KeptTime
from edge_agent.service.timekeeper import BUILD_TIME, Timekeeper, utc_now
from protocol.clock import to_ms
from protocol.messages import Clock

NEVER = KeptTime(0, 0)
LATER = BUILD_TIME + timedelta(days=100)


def test_a_clock_in_1970_gives_the_build_time_and_says_so() -> None:
    time = Timekeeper(NEVER, lambda: datetime(1970, 1, 1, tzinfo=UTC))
    assert time.now() == BUILD_TIME
    assert (time.stamp().clock, time.is_clock_good) == (Clock.BELOW_FLOOR, False)


def test_what_others_vouched_for_holds_after_a_restart() -> None:
    time = Timekeeper(NEVER, lambda: BUILD_TIME)
    time.vouch(to_ms(LATER))
    assert Timekeeper(time.kept(), lambda: BUILD_TIME).now() == LATER


def test_the_time_in_the_trust_bundle_is_a_floor() -> None:
    assert Timekeeper(NEVER, lambda: BUILD_TIME, root_said_ms=to_ms(LATER)).now() == LATER


def test_the_root_may_lower_the_floor() -> None:
    time = Timekeeper(NEVER, lambda: BUILD_TIME)
    time.vouch(to_ms(LATER))
    time.reset(to_ms(BUILD_TIME + timedelta(days=1)))
    assert time.now() == BUILD_TIME + timedelta(days=1)


def test_the_offset_is_the_clocks_distance_from_the_last_receipt() -> None:
    time = Timekeeper(NEVER, lambda: LATER)
    assert time.offset_ms is None
    time.hear(to_ms(LATER) - 1500)
    assert time.offset_ms == 1500


def test_this_machines_clock_is_past_the_build_time() -> None:
    assert utc_now() > BUILD_TIME
