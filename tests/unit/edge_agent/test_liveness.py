"""States of a stream, the rules of a stall, and the pace of reconnecting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.liveness import Phase, Pulse, ReconnectPace, StallRule, state_of
from protocol.messages import CameraState

RULE = StallRule(silent_after_s=3, frozen_after_s=10)


def beating(frames: int, *, every_s: float = 0.1, is_still: bool = False, is_timeless: bool = False) -> Pulse:
    """Return a pulse after some frames from time 0; the picture or the time stamp may stand still."""
    pulse = Pulse()
    for i in range(frames):
        pulse = pulse.beat(i * every_s, (0 if is_timeless else i, 0 if is_still else i), RULE)
    return pulse


def test_a_camera_that_has_sent_nothing_yet_is_connecting() -> None:
    assert state_of(Phase.CONNECTING, Pulse(), RULE, 100) is CameraState.CONNECTING
    assert state_of(Phase.READING, Pulse(), RULE, 100) is CameraState.CONNECTING


def test_a_camera_whose_pictures_change_is_live() -> None:
    assert state_of(Phase.READING, beating(200), RULE, 20) is CameraState.LIVE


def test_silence_is_a_stall_and_not_before_its_time() -> None:
    pulse = beating(1)
    assert state_of(Phase.READING, pulse, RULE, 2.9) is CameraState.LIVE
    assert state_of(Phase.READING, pulse, RULE, 3.1) is CameraState.STALLED


@pytest.mark.parametrize(("still", "timeless"), [(True, False), (False, True), (True, True)])
def test_frames_that_bring_nothing_new_are_a_stall(still: bool, timeless: bool) -> None:
    pulse = beating(110, is_still=still, is_timeless=timeless)
    assert state_of(Phase.READING, pulse, RULE, 10.95) is CameraState.STALLED


def test_a_picture_that_stands_for_a_moment_is_no_stall() -> None:
    assert state_of(Phase.READING, beating(90, is_still=True), RULE, 9) is CameraState.LIVE


def test_a_stall_outlasts_reconnecting_until_something_new_comes() -> None:
    pulse = beating(5).stalled()
    assert state_of(Phase.CONNECTING, pulse, RULE, 3.6) is CameraState.STALLED
    same_again = pulse.beat(3.7, (4, 4), RULE)
    assert state_of(Phase.READING, same_again, RULE, 3.8) is CameraState.STALLED
    new_again = pulse.beat(3.7, (9, 9), RULE).beat(3.8, (10, 10), RULE)
    assert state_of(Phase.READING, new_again, RULE, 3.9) is CameraState.LIVE


def test_one_late_picture_does_not_end_a_stall() -> None:
    held_back = beating(5).beat(3.5, (9, 9), RULE)
    assert state_of(Phase.READING, held_back, RULE, 3.6) is CameraState.STALLED
    assert state_of(Phase.READING, held_back, RULE, 6.0) is CameraState.STALLED


def test_a_connection_that_fails_outright_is_no_stall() -> None:
    assert state_of(Phase.CONNECTING, beating(5).stalled().lost(), RULE, 60) is CameraState.CONNECTING


def test_what_has_ended_is_neither_live_nor_stalled() -> None:
    assert state_of(Phase.ENDED, beating(5), RULE, 0.5) is CameraState.ENDED
    assert state_of(Phase.ENDED, beating(5), RULE, 500) is CameraState.ENDED


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_is_never_longer_than_the_longest_nor_shorter_than_half_the_first(failures: int, roll: float) -> None:
    pace = ReconnectPace(first_s=0.5, most_s=30)
    assert 0.25 <= pace.delay_s(failures, roll) <= 30


def test_waits_double_with_each_failure() -> None:
    pace = ReconnectPace(first_s=0.5, most_s=30)
    assert [pace.delay_s(n, 1.0) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_connection_that_held_lets_failures_be_forgotten() -> None:
    pace = ReconnectPace(healthy_after_s=10)
    assert pace.failures_after(7, held_s=60) == 1
    assert pace.failures_after(7, held_s=0.2) == 8
