"""How often somebody may try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.attempts import Attempts, name_of_address


def test_a_whole_minute_may_be_spent_at_once_and_then_comes_back_evenly() -> None:
    attempts = Attempts(per_minute=3)
    assert [attempts.wait_s("a", 100.0) for _ in range(4)] == [0, 0, 0, 20]
    assert attempts.wait_s("a", 119.0) == pytest.approx(1)
    assert attempts.wait_s("a", 120.0) == 0
    assert attempts.wait_s("a", 120.0) == pytest.approx(20)


def test_names_do_not_spend_each_others_attempts() -> None:
    attempts = Attempts(per_minute=1)
    assert [attempts.wait_s(name, 0.0) for name in ("a", "b", "a")] == [0, 0, 60]


def test_a_refused_attempt_costs_nothing() -> None:
    attempts = Attempts(per_minute=1)
    attempts.wait_s("a", 0.0)
    for now_s in range(1, 60):
        assert attempts.wait_s("a", float(now_s)) == pytest.approx(60 - now_s)
    assert attempts.wait_s("a", 60.0) == 0


@given(gaps=st.lists(st.floats(0, 30), max_size=200), per_minute=st.integers(1, 20))
def test_no_minute_holds_more_than_twice_its_attempts(gaps: list[float], per_minute: int) -> None:
    attempts, now_s, admitted = Attempts(per_minute), 0.0, list[float]()
    for gap in gaps:
        now_s += gap
        if attempts.wait_s("a", now_s) == 0:
            admitted.append(now_s)
    for start in admitted:
        assert sum(start <= at < start + 60 for at in admitted) <= 2 * per_minute


def test_a_flood_of_names_takes_no_more_room_than_was_given() -> None:
    attempts = Attempts(per_minute=2, most_names=10)
    for number in range(1_000):
        attempts.wait_s(str(number), 0.0)
    assert len(attempts._at_rest_s) == 10


def test_names_at_rest_make_room_before_the_busy_ones() -> None:
    attempts = Attempts(per_minute=1, most_names=2)
    attempts.wait_s("quiet", 0.0)
    attempts.wait_s("busy", 50.0)
    attempts.wait_s("new", 70.0)
    assert attempts.wait_s("busy", 70.0) == pytest.approx(40)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_name(address: str, name: str) -> None:
    assert name_of_address(address) == name
