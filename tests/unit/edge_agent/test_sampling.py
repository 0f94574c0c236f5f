"""Which frames are due, and whose turn it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.sampling import FramePlan, next_in_turn


def taken(plan: FramePlan, times: list[float]) -> list[float]:
    """Play a stream's times through a plan."""
    kept = []
    for at_s in times:
        is_due, plan = plan.see(at_s)
        if is_due:
            kept.append(at_s)
    return kept


def stream(frames_per_s: float, seconds: float, start_s: float = 0.0) -> list[float]:
    """Even times of a stream."""
    return [start_s + i / frames_per_s for i in range(round(seconds * frames_per_s))]


@pytest.mark.parametrize(("sent", "wanted"), [(25, 10), (30, 10), (10, 10), (25, 25), (15, 4), (24, 7), (60, 1)])
def test_the_wanted_rate_holds_over_time(sent: int, wanted: int) -> None:
    assert len(taken(FramePlan.per_second(wanted), stream(sent, 20))) == pytest.approx(20 * wanted, abs=1)


def test_a_stream_slower_than_the_plan_loses_nothing() -> None:
    times = stream(5, 10)
    assert taken(FramePlan.per_second(10), times) == times


# A frame may come 2j from where the first one's time puts it, and is due half a spacing, of 100 - 2j ms or more, early.
@given(st.lists(st.floats(-0.016, 0.016), min_size=50, max_size=50))
def test_jitter_costs_no_frame_of_a_stream_that_sends_exactly_the_wanted_rate(jitter: list[float]) -> None:
    times = [at + shake for at, shake in zip(stream(10, 5), jitter, strict=True)]
    assert taken(FramePlan.per_second(10), times) == times


def test_a_gap_is_not_followed_by_a_burst() -> None:
    after_gap = taken(FramePlan.per_second(5), [*stream(25, 2), *stream(25, 2, start_s=60)])
    assert len([at for at in after_gap if at >= 60]) == pytest.approx(10, abs=1)


def test_time_that_jumps_back_starts_the_plan_afresh() -> None:
    times = [*stream(10, 3, start_s=500), *stream(10, 3)]
    assert taken(FramePlan.per_second(10), times) == times


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_plan_for_no_frames_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        FramePlan.per_second(rate)


def test_no_turn_when_no_camera_has_a_frame() -> None:
    assert next_in_turn([False, False], 0) is None
    assert next_in_turn([], -1) is None


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(-1, 7))
def test_the_turn_goes_to_a_camera_that_has_a_frame(has_frame: list[bool], last: int) -> None:
    turn = next_in_turn(has_frame, last)
    assert (turn is None) == (not any(has_frame))
    assert turn is None or has_frame[turn]


@given(st.integers(1, 8), st.integers(1, 40))
def test_cameras_that_always_have_a_frame_are_served_equally(cameras: int, rounds: int) -> None:
    served, last = [0] * cameras, -1
    for _ in range(rounds * cameras):
        turn = next_in_turn([True] * cameras, last)
        assert turn is not None
        served[turn] += 1
        last = turn
    assert served == [rounds] * cameras
