"""The door of the aiming page: one code, one phone, a few tries, and an end in any case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.admission import CODE_S, IDLE_S, MOST_TRIES, Admission, Closed

MOST_S = 900.0


def make_door() -> Admission:
    return Admission(code="12345678", session="the-session", started_s=0.0, most_s=MOST_S)


def test_the_code_opens_once_and_the_session_is_then_admitted() -> None:
    door = make_door()
    assert not door.admits("the-session", 1)
    assert door.enter("1234 5678", 1)
    assert door.admits("the-session", 2)
    assert not door.admits("another", 2)
    assert not door.enter("12345678", 3), "it worked once"
    assert door.admits("the-session", 4)


def test_after_a_few_wrong_codes_the_right_one_does_not_open_either() -> None:
    door = make_door()
    assert [door.enter("00000000", 1) for _ in range(MOST_TRIES)] == [False] * MOST_TRIES
    assert door.closed(1) is Closed.TOO_MANY_TRIES
    assert not door.enter("12345678", 1)


@given(st.text(max_size=40))
def test_no_other_text_opens(text: str) -> None:
    digits = "".join(each for each in text if each in "0123456789")
    assert make_door().enter(text, 1) is (digits == "12345678")


@pytest.mark.parametrize(
    ("entered_s", "asked_s", "now_s", "why"),
    [
        (None, None, CODE_S - 1, None),
        (None, None, CODE_S, Closed.NOBODY_CAME),
        (10.0, 20.0, 20 + IDLE_S - 1, None),
        (10.0, 20.0, 20 + IDLE_S, Closed.IDLE),
        (290.0, 300.0, 320.0, None),
        (10.0, 20.0, MOST_S, Closed.TIME_IS_UP),
    ],
)
def test_the_page_dies_in_time(
    entered_s: float | None, asked_s: float | None, now_s: float, why: Closed | None
) -> None:
    door = make_door()
    if entered_s is not None and asked_s is not None:
        assert door.enter("12345678", entered_s)
        assert door.admits("the-session", asked_s)
    assert door.closed(now_s) is why
    assert door.admits("the-session", now_s) is (why is None and entered_s is not None)


def test_a_session_that_was_left_is_over() -> None:
    door = make_door()
    door.enter("12345678", 1)
    door.leave()
    assert door.closed(2) is Closed.LEFT
    assert not door.admits("the-session", 2)


def test_neither_code_nor_session_is_printed() -> None:
    assert "12345678" not in repr(make_door())
    assert "the-session" not in repr(make_door())
