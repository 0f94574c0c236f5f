"""Delivery rules: what a receipt does to a row, what goes first, what is given up first."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from protocol.delivery import GIVEN_UP, RANK, Bury, Forget, Pace, Wait, outcome_of
from protocol.messages import Kind
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal


def test_only_a_receipt_that_says_stored_or_final_moves_a_row() -> None:
    assert outcome_of(ReceiptItem(hash=bytes(32), status=Status.STORED)) == Forget()
    for refusal in Refusal:
        item = ReceiptItem(hash=bytes(32), status=Status.REFUSED, reason=refusal, is_final=refusal.is_final)
        assert outcome_of(item) == (Bury(refusal) if refusal.is_final else Wait(refusal))


def test_the_sender_goes_by_the_receipts_word_for_a_reason_it_does_not_know() -> None:
    for is_final, expected in ((True, Bury(99)), (False, Wait(99))):
        assert outcome_of(ReceiptItem(hash=bytes(32), status=Status.REFUSED, reason=99, is_final=is_final)) == expected


def test_no_hit_stands_behind_a_picture_and_hits_are_given_up_last() -> None:
    assert set(RANK) == set(Kind)
    assert all(RANK[Kind.HIT] <= rank for rank in RANK.values())
    assert RANK[Kind.PIECE] == max(RANK.values())
    assert GIVEN_UP[-1] == {Kind.HIT}
    assert GIVEN_UP[0] == {Kind.REPORT}
    assert frozenset().union(*GIVEN_UP) == set(Kind) - {Kind.DROPPED}


@given(st.integers(0, 10**9), st.integers())
def test_a_pause_grows_up_to_its_bound_and_is_jittered_by_a_quarter(attempts: int, seed: int) -> None:
    pace = Pace(first_s=2.0, most_s=300.0)
    pause = pace.wait_s(attempts, Random(seed))
    assert 1.5 <= pause <= 375.0
    assert attempts < 10 or pause >= 225.0
    assert attempts > 1 or pause <= 2.5
