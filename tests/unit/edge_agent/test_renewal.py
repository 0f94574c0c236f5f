"""When a certificate is due, late, ended, or overtaken; with the clock moved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.renewal import Shares, Standing, Term, standing

BEGINS = datetime(2026, 11, 22, tzinfo=UTC)
OWN = Term(begins=BEGINS, ends=BEGINS + timedelta(days=900), serial=0, issuer=b"old")
SHARES = Shares()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (-10, Standing.FRESH),
        (0, Standing.FRESH),
        (599, Standing.FRESH),
        (600, Standing.DUE),
        (749, Standing.DUE),
        (750, Standing.LATE),
        (899, Standing.LATE),
        (900, Standing.ENDED),
    ],
)
def test_a_certificate_is_due_at_two_thirds_late_at_five_sixths(day: int, expected: Standing) -> None:
    assert standing(OWN, None, SHARES, now=BEGINS + timedelta(days=day)) is expected


def test_boxes_enrolled_together_are_due_on_different_days() -> None:
    due = {replace(OWN, serial=serial).due_at(SHARES.due) for serial in range(0, 10_000, 500)}
    assert len(due) == 20
    assert max(due) - min(due) > timedelta(days=40)


def test_a_certificate_of_the_authority_before_is_due_once_the_server_shows_a_later_one() -> None:
    now = BEGINS + timedelta(days=10)
    later = Term(begins=BEGINS + timedelta(days=9), ends=BEGINS + timedelta(days=800), serial=1, issuer=b"new")
    assert standing(OWN, later, SHARES, now=now) is Standing.DUE
    assert standing(OWN, replace(later, issuer=b"old"), SHARES, now=now) is Standing.FRESH
    earlier = replace(later, begins=BEGINS - timedelta(days=9))
    assert standing(OWN, earlier, SHARES, now=now) is Standing.FRESH, "the server has not gone on yet, the box has"


@given(st.integers(0, 2**159), st.integers(0, 1000))
def test_no_certificate_ends_without_having_been_due_and_late(serial: int, day: int) -> None:
    term = replace(OWN, serial=serial)
    order = [Standing.FRESH, Standing.DUE, Standing.LATE, Standing.ENDED]
    found = [standing(term, None, SHARES, now=BEGINS + timedelta(days=each)) for each in range(day, 1001, 7)]
    assert [order.index(each) for each in found] == sorted(order.index(each) for each in found)
    whole = {standing(term, None, SHARES, now=BEGINS + timedelta(days=each)) for each in range(1001)}
    assert whole == set(order)
