"""Shedding when hot: in the profile's order, one step at a time, given back when it is cool again."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.profiles import Figure, ShedStep, Thermal
from edge_agent.core.shedding import Shedding

THERMAL = Thermal(
    limit_c=Figure(value=80, basis="reckoned", source="a test"),
    resume_c=70,
    fail_c=95,
    step_s=30,
    shed=(
        ShedStep(what="face-count", share=0.2),
        ShedStep(what="frames", share=0.6),
        ShedStep(what="frames", share=0.3),
    ),
)


def played(readings: list[tuple[float, float | None]]) -> list[tuple[float, float]]:
    """Shares of the face count and of the frames after each reading (time, temperature)."""
    state, shares = Shedding(), []
    for now_s, temperature_c in readings:
        state = state.after(THERMAL, temperature_c, now_s)
        shares.append((state.share(THERMAL, "face-count"), state.share(THERMAL, "frames")))
    return shares


def test_a_cool_box_sheds_nothing() -> None:
    assert played([(0, 40), (30, 79.9)]) == [(1.0, 1.0), (1.0, 1.0)]


def test_a_box_that_stays_hot_gives_up_one_thing_after_the_other() -> None:
    assert played([(0, 80), (30, 90), (60, 90), (90, 90)]) == [(0.2, 1.0), (0.2, 0.6), (0.2, 0.3), (0.2, 0.3)]


def test_a_step_is_given_time_to_cool_the_box() -> None:
    assert played([(0, 85), (1, 85), (29.9, 99)]) == [(0.2, 1.0)] * 3


def test_between_its_limits_nothing_changes() -> None:
    assert played([(0, 85), (30, 75), (3000, 70.1)]) == [(0.2, 1.0)] * 3


def test_when_it_is_cool_the_last_step_comes_back_first() -> None:
    assert played([(0, 85), (30, 85), (60, 70), (70, 60), (90, 60)]) == [
        (0.2, 1.0), (0.2, 0.6), (0.2, 1.0), (0.2, 1.0), (1.0, 1.0),
    ]  # fmt: skip


def test_a_missing_reading_changes_nothing() -> None:
    assert played([(0, None), (30, 85), (60, None)]) == [(1.0, 1.0), (0.2, 1.0), (0.2, 1.0)]


@given(st.lists(st.tuples(st.floats(0, 60), st.one_of(st.none(), st.floats(-20, 130))), max_size=40))
def test_however_the_temperature_goes_a_step_is_never_skipped(steps: list[tuple[float, float | None]]) -> None:
    state, now_s = Shedding(), 0.0
    for passed_s, temperature_c in steps:
        now_s += passed_s
        after = state.after(THERMAL, temperature_c, now_s)
        assert abs(after.steps - state.steps) <= 1
        assert 0 <= after.steps <= len(THERMAL.shed)
        state = after
