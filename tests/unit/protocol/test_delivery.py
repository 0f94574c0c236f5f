"""Delivery rules: what a receipt does to a row, what goes first, what is given up first."""

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from protocol.delivery import GIVEN_UP, RANK, Bury, Forget, Lane, Lanes, Pace, Wait, Windows, outcome_of
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


@dataclass(frozen=True, slots=True)
class Parcel:
    """The least that lanes ask of a row."""

    key: int
    lane: Lane = Lane.ORDINARY

    @property
    def order(self) -> tuple[int, int]:
        return 0, self.key


def test_a_full_lane_holds_up_no_other() -> None:
    lanes: Lanes[Parcel] = Lanes(Windows(urgent=1, ordinary=1, bulk=1))
    for key, lane in ((1, Lane.BULK), (2, Lane.BULK), (3, Lane.URGENT)):
        lanes.add(Parcel(key, lane))
    sent = []
    while (row := lanes.first()) is not None:
        lanes.sent(row, 0.0)
        sent.append(row.key)
    assert sent == [1, 3]
    assert not lanes.has_room(Lane.BULK)


def test_a_flight_is_over_after_its_time_and_its_row_may_be_added_again() -> None:
    lanes: Lanes[Parcel] = Lanes(Windows(flight_s=5.0))
    lanes.sent(Parcel(1), 0.0)
    assert lanes.lapse_s == 5.0
    assert list(lanes.lapsed(4.9)) == []
    assert list(lanes.lapsed(5.0)) == [1]
    assert list(lanes.keys()) == []
    lanes.add(Parcel(1))
    assert lanes.first() == Parcel(1)


def test_what_is_cleared_from_a_lane_does_not_go_and_what_is_on_its_way_stays_so() -> None:
    lanes: Lanes[Parcel] = Lanes(Windows())
    lanes.add(Parcel(1))
    lanes.sent(Parcel(2), 0.0)
    lanes.clear(Lane.ORDINARY)
    assert lanes.first() is None
    assert list(lanes.keys()) == [2]


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_of_one_lane_the_lowest_order_that_is_ready_always_goes_next(steps: list[tuple[int, bool]]) -> None:
    lanes: Lanes[Parcel] = Lanes(Windows(ordinary=1000))
    ready: set[int] = set()
    for key, is_added in steps:
        (lanes.add if is_added else lanes.remove)(Parcel(key))
        (ready.add if is_added else ready.discard)(key)
        row = lanes.first()
        assert (row.key if row else None) == min(ready, default=None)
        assert lanes.ready(Lane.ORDINARY) == len(ready)
