"""The schedule of the outbox: lanes, windows, turns."""

import random

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.delivery import LANE, Lane, Row, Schedule, Send, Wait, Windows
from protocol.delivery import RANK, Pace
from protocol.messages import Kind


def make_row(sequence: int, kind: Kind = Kind.REPORT) -> Row:
    return Row(sequence, 1, kind, bytes(32), 0, 100)


def make_schedule(windows: Windows | None = None, *kinds: Kind) -> Schedule:
    schedule = Schedule(Pace(first_s=2.0, most_s=300.0), windows or Windows(), random.Random(1))
    for sequence, kind in enumerate(kinds, start=1):
        schedule.add(make_row(sequence, kind))
    return schedule


def drain(schedule: Schedule, now_s: float) -> list[Row]:
    """Everything that may go at an instant, in its order."""
    sent = []
    while isinstance(decision := schedule.next(now_s), Send):
        schedule.sent(decision.row.sequence, now_s)
        sent.append(decision.row)
    return sent


def test_a_hit_goes_before_everything_that_was_there_first() -> None:
    schedule = make_schedule(None, Kind.PIECE, Kind.REPORT, Kind.EVIDENCE, Kind.HIT, Kind.HIT_AMENDED)
    sent = [row.kind for row in drain(schedule, 0.0)]
    assert sent == [Kind.HIT, Kind.HIT_AMENDED, Kind.REPORT, Kind.EVIDENCE, Kind.PIECE]


def test_no_more_pieces_are_on_the_way_than_their_window_and_a_hit_passes_them() -> None:
    schedule = make_schedule(Windows(bulk=2), *[Kind.PIECE] * 10)
    assert len(drain(schedule, 0.0)) == 2
    assert isinstance(schedule.next(0.0), Wait)
    schedule.add(make_row(11, Kind.HIT))
    assert [row.sequence for row in drain(schedule, 0.1)] == [11]


def test_an_answer_makes_room_for_the_next_piece() -> None:
    schedule = make_schedule(Windows(bulk=1), Kind.PIECE, Kind.PIECE)
    assert [row.sequence for row in drain(schedule, 0.0)] == [1]
    schedule.remove(1)
    assert [row.sequence for row in drain(schedule, 0.0)] == [2]


def test_pieces_that_nobody_answers_hold_their_window_no_longer_than_a_flight() -> None:
    schedule = make_schedule(Windows(bulk=1, flight_s=5.0), Kind.PIECE, Kind.PIECE)
    schedule.pace = Pace(first_s=100.0, most_s=100.0)
    drain(schedule, 0.0)
    assert drain(schedule, 4.9) == []
    assert [row.sequence for row in drain(schedule, 5.0)] == [2]


def test_an_unanswered_row_is_tried_again_after_growing_pauses() -> None:
    schedule = make_schedule(None, Kind.HIT)
    at_s, pauses = 0.0, []
    for _ in range(5):
        assert [row.sequence for row in drain(schedule, at_s)] == [1]
        decision = schedule.next(at_s)
        while isinstance(decision, Wait):
            assert decision.seconds is not None
            at_s += max(decision.seconds, 0.001)
            decision = schedule.next(at_s)
        pauses.append(at_s)
    steps = [later - earlier for earlier, later in zip([0.0, *pauses], pauses, strict=False)]
    assert all(0.7 * 2.0**n <= step <= 1.3 * 2.0 ** (n + 1) for n, step in enumerate(steps))


def test_a_row_that_the_other_side_cannot_take_yet_waits_its_turn() -> None:
    schedule = make_schedule(None, Kind.HIT)
    drain(schedule, 0.0)
    schedule.put_off(1, 1.0)
    assert drain(schedule, 2.0) == []
    assert drain(schedule, 4.0) != []


def test_a_new_connection_makes_everything_due() -> None:
    schedule = make_schedule(None, Kind.HIT, Kind.REPORT)
    drain(schedule, 0.0)
    schedule.hurry_all()
    assert [row.sequence for row in drain(schedule, 0.1)] == [1, 2]


def test_an_empty_schedule_waits_for_news() -> None:
    assert make_schedule().next(0.0) == Wait(None)


def test_every_kind_has_a_lane_and_only_pieces_are_bulk() -> None:
    assert set(LANE) == set(Kind)
    assert [kind for kind, lane in LANE.items() if lane is Lane.BULK] == [Kind.PIECE]


@given(st.lists(st.tuples(st.sampled_from(["add", "sent", "answer", "put_off", "hurry", "pass"]), st.integers(1, 30))))
def test_whatever_happens_a_row_is_sent_until_it_is_answered(events: list[tuple[str, int]]) -> None:
    schedule = make_schedule(Windows(urgent=3, ordinary=2, bulk=1))
    kinds, now_s, waiting = list(Kind), 0.0, set()
    for event, number in events:
        now_s += 0.1 * number if event == "pass" else 0.0
        if event == "add" and number not in waiting:
            schedule.add(make_row(number, kinds[number % len(kinds)]))
            waiting.add(number)
        elif event == "answer":
            schedule.remove(number)
            waiting.discard(number)
        elif event == "put_off":
            schedule.put_off(number, now_s)
        elif event == "hurry":
            schedule.hurry(number)
        elif event == "sent" and isinstance(decision := schedule.next(now_s), Send):
            assert decision.row.sequence in waiting
            schedule.sent(decision.row.sequence, now_s)
    assert len(schedule) == len(waiting)
    while waiting:  # ends only if every row comes up
        decision = schedule.next(now_s)
        if isinstance(decision, Wait):
            assert decision.seconds is not None
            now_s += decision.seconds + 0.001
            continue
        waiting.remove(decision.row.sequence)
        schedule.sent(decision.row.sequence, now_s)
        schedule.remove(decision.row.sequence)


def test_ranks_inside_a_lane_keep_the_order_of_the_contract() -> None:
    schedule = make_schedule(None, *reversed(list(Kind)))
    ranks = [RANK[row.kind] for row in drain(schedule, 0.0)]
    assert ranks == sorted(ranks)
