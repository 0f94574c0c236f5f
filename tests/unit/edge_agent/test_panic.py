"""A panic button's protocol: challenges spent once, MACs, and who is held back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.panic import CHALLENGE_S, Attempts, Challenges, is_mac, mac, press_text

KEY = bytes(range(32))


def test_a_challenge_is_good_once() -> None:
    challenges = Challenges(b"secret")
    text = challenges.make(bytes(16), 100.0)
    assert challenges.spend(text, 101.0)
    assert not challenges.spend(text, 101.1)


def test_a_challenge_that_was_not_spent_in_time_is_no_good() -> None:
    challenges = Challenges(b"secret")
    text = challenges.make(bytes(16), 100.0)
    assert not challenges.spend(text, 100.0 + CHALLENGE_S + 0.1)


def test_a_spent_challenge_is_remembered_as_long_as_it_would_be_good() -> None:
    challenges = Challenges(b"secret")
    text = challenges.make(bytes(16), 100.0)
    assert challenges.spend(text, 100.0)
    assert challenges.spend(challenges.make(b"\1" * 16, 129.0), 129.0), "another spend clears what is over"
    assert not challenges.spend(text, 130.0)


def test_another_runs_challenge_is_no_good() -> None:
    assert not Challenges(b"new").spend(Challenges(b"old").make(bytes(16), 100.0), 100.0)


@given(st.data())
def test_no_changed_challenge_is_good(data: st.DataObject) -> None:
    challenges = Challenges(b"secret")
    text = challenges.make(bytes(16), 100.0)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = (
        text[:at]
        + data.draw(st.sampled_from("0123456789abcdefABCDEFg ").filter(lambda c: c != text[at]))
        + text[at + 1 :]
    )
    assert not challenges.spend(changed, 100.0)


@pytest.mark.parametrize("text", ["", "00", "zz", "0" * 1000])
def test_nonsense_is_no_challenge(text: str) -> None:
    assert not Challenges(b"secret").spend(text, 100.0)


def test_a_press_is_of_one_button_and_no_test_is_a_press() -> None:
    given_mac = mac(KEY, press_text("lobby", "c"))
    assert is_mac(KEY, press_text("lobby", "c"), given_mac)
    for other in (press_text("gate", "c"), press_text("lobby", "d"), press_text("lobby", "c", is_test=True)):
        assert not is_mac(KEY, other, given_mac)
    assert not is_mac(bytes(32), press_text("lobby", "c"), given_mac)
    assert not is_mac(KEY, press_text("lobby", "c"), "é" + given_mac)


def test_an_address_has_had_enough_for_a_minute_and_the_list_of_them_is_bounded() -> None:
    attempts = Attempts(most_per_minute=3, most_addresses=2)
    assert [attempts.note_wrong("a", n) for n in range(5)] == [False, False, False, True, True]
    assert not attempts.note_wrong("a", 100)
    for n in range(100):
        assert not attempts.note_wrong(f"other-{n}", 100 + n)
    assert len(attempts._wrong) == 2
