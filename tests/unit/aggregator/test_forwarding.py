"""What a city sends on first, how much of it is on the way, and what the region's answers do to it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.forwarding import (
    AIM_S,
    BATCH,
    FLIGHT_S,
    Due,
    Line,
    Opening,
    Passing,
    PutOff,
    Settled,
    is_time_to_tell,
    word_of,
)
from protocol.delivery import Lane
from protocol.federation import MAX_TRANSIT_ITEMS
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal

ALERTS, LIVE, BACKLOG = Lane.URGENT, Lane.ORDINARY, Lane.BULK


def name_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


def make_due(number: int, lane: Lane = BACKLOG, *, tries: int = 0) -> Due:
    return Due(number, name_of(number), lane, tries, "a/topic", b"signed bytes")


def make_passing(*rows: Due, in_flight: int = 500) -> Passing:
    passing = Passing(in_flight, Random(1))
    look(passing, rows)
    return passing


def look(passing: Passing, rows: Iterable[Due]) -> None:
    """A look at every lane that finds these."""
    known = {number for lane in Lane for number in passing.look(lane)}
    for lane in Lane:
        passing.fill(lane, [row for row in rows if row.lane is lane and row.number not in known])


def drain(passing: Passing, now_s: float = 0.0) -> list[int]:
    """Send all that may go; the numbers in their order."""
    sent = []
    while (row := passing.next()) is not None:
        passing.sent(row, now_s)
        sent.append(row.number)
    return sent


def stored(*numbers: int) -> list[ReceiptItem]:
    return [ReceiptItem(hash=name_of(number), status=Status.STORED) for number in numbers]


def refused(number: int, why: Refusal) -> ReceiptItem:
    return ReceiptItem(hash=name_of(number), status=Status.REFUSED, reason=int(why), is_final=why.is_final)


def test_alerts_go_first_the_newest_of_them_and_the_backlog_last_from_its_oldest() -> None:
    rows = [make_due(n, lane) for n, lane in enumerate((BACKLOG, ALERTS, BACKLOG, LIVE, ALERTS, LIVE), start=1)]
    assert drain(make_passing(*rows)) == [5, 2, 4, 6, 1, 3]


def test_a_backlog_that_fills_its_window_holds_up_neither_an_alert_nor_what_is_of_this_minute() -> None:
    passing = make_passing(*[make_due(n) for n in range(1, 11)], in_flight=4)
    assert drain(passing) == [1, 2, 3, 4]
    look(passing, [make_due(n) for n in range(1, 11)] + [make_due(11, LIVE), make_due(12, ALERTS)])
    assert drain(passing) == [12, 11]


def test_a_newer_alert_passes_those_that_were_read_before_it() -> None:
    old = [make_due(n, ALERTS) for n in range(1, 6)]
    passing = make_passing(*old)
    first = passing.next()
    assert first is not None
    passing.sent(first, 0.0)
    look(passing, [*old, make_due(9, ALERTS)])
    assert [first.number, *drain(passing)] == [5, 9, 4, 3, 2, 1]


def test_what_is_on_the_way_is_not_read_again_and_makes_room_once_it_is_answered_and_written() -> None:
    passing = make_passing(make_due(1), make_due(2), in_flight=1)
    assert drain(passing) == [1]
    settled = passing.judged(stored(1))
    assert settled.stored == [name_of(1)]
    assert 1 in passing.look(BACKLOG), "the queue still has it"
    passing.landed(settled)
    assert 1 not in passing.look(BACKLOG)
    look(passing, [make_due(2)])
    assert drain(passing) == [2]


def test_lanes_are_read_that_have_room_and_are_short_of_rows() -> None:
    passing = Passing(1000, Random(1))
    assert set(passing.wants()) == set(Lane)
    look(passing, [make_due(n) for n in range(1, BATCH + 1)])
    assert passing.wants() == []
    while first := drain(passing):
        settled = passing.judged(stored(*first))
        passing.heard(settled, 0.0)
        passing.landed(settled)
    assert passing.wants() == [BACKLOG], "a full look leaves more behind"
    passing.fill(BACKLOG, [])
    assert passing.wants() == []
    passing.look_again(ALERTS)
    assert passing.wants() == [ALERTS]


def test_what_nobody_answers_is_put_off_longer_each_time_and_the_region_gets_one_at_a_time() -> None:
    passing = make_passing(*[make_due(n, tries=n - 1) for n in range(1, 4)])
    drain(passing, 0.0)
    assert not passing.lapsed(FLIGHT_S - 0.1)
    lapsed = passing.lapsed(FLIGHT_S)
    assert [each.reason for each in lapsed.put_off] == [None] * 3
    waits = [each.wait_s for each in lapsed.put_off]
    assert waits == sorted(waits)
    assert 3.7 < waits[0] < 6.3
    passing.landed(lapsed)
    look(passing, [make_due(n, lane) for n, lane in ((4, BACKLOG), (5, BACKLOG), (6, ALERTS), (7, ALERTS))])
    assert drain(passing, 20.0) == [7, 4]
    settled = passing.judged(stored(4))
    passing.heard(settled, 21.0)
    passing.landed(settled)
    assert drain(passing, 21.0) == [6, 5]


def test_the_backlog_takes_less_room_while_answers_are_slow_and_more_again_up_to_its_bound() -> None:
    opening = Opening(500)
    begun = opening.size
    opening.answered(2 * AIM_S, 50, 1.0)
    opening.answered(2 * AIM_S, 50, 1.1)
    assert opening.size == 0.75 * begun, "once for what was sent under one size"
    for second in range(2, 60):
        opening.answered(2 * AIM_S, 50, float(second))
    assert 0 < opening.size < begun
    for second in range(60, 120):
        opening.answered(AIM_S, 50, float(second))
    assert opening.size == 500


def test_a_slow_answer_to_the_backlog_leaves_less_of_it_on_the_way() -> None:
    passing = make_passing(*[make_due(n) for n in range(1, 241)])
    first = drain(passing, 0.0)
    settled = passing.judged(stored(*first))
    passing.heard(settled, 4 * AIM_S)
    passing.landed(settled)
    assert len(drain(passing, 4 * AIM_S)) == int(0.75 * len(first))


def test_a_refusal_is_buried_if_it_is_final_and_else_waits() -> None:
    passing = make_passing(*[make_due(n) for n in (1, 2)])
    drain(passing)
    settled = passing.judged([refused(1, Refusal.BAD_SIGNATURE), refused(2, Refusal.UNKNOWN_KEY)])
    assert settled.dead == [(name_of(1), Refusal.BAD_SIGNATURE)]
    assert [(each.hash, each.reason) for each in settled.put_off] == [(name_of(2), Refusal.UNKNOWN_KEY)]
    passing.landed(settled)
    assert passing.on_the_way == 0


def test_a_region_that_has_not_heard_of_a_move_is_given_hours() -> None:
    passing = make_passing(make_due(1, tries=47), make_due(2, tries=48))
    drain(passing)
    settled = passing.judged([refused(n, Refusal.NOT_YOUR_PLACE) for n in (1, 2)])
    assert [each.hash for each in settled.put_off] == [name_of(1)]
    assert settled.dead == [(name_of(2), Refusal.NOT_YOUR_PLACE)]


def test_an_answer_to_what_an_earlier_connection_sent_counts() -> None:
    settled = Passing(500, Random(1)).judged([*stored(1), refused(2, Refusal.BUSY)])
    assert settled.stored == [name_of(1)]
    assert settled.put_off == [PutOff(name_of(2), settled.put_off[0].wait_s, Refusal.BUSY)]


def test_nothing_of_a_message_is_shown_where_it_is_printed() -> None:
    assert "signed bytes" not in repr(make_due(1))


@dataclass
class Queue:
    """The queue in memory, and a region that answers some of what comes."""

    rng: Random
    waiting: dict[int, Due] = field(default_factory=dict)
    put_off: dict[int, float] = field(default_factory=dict)
    at_region: Counter[int] = field(default_factory=Counter)

    def due(self, lane: Lane, known: Sequence[int], now_s: float) -> list[Due]:
        found = [
            row
            for row in self.waiting.values()
            if row.lane is lane and row.number not in known and self.put_off.get(row.number, 0.0) <= now_s
        ]
        return sorted(found, key=lambda row: row.order)[:BATCH]

    def settle(self, settled: Settled, now_s: float) -> None:
        for name in settled.stored:
            self.waiting.pop(int.from_bytes(name, "big"), None)
        for each in settled.put_off:
            self.put_off[int.from_bytes(each.hash, "big")] = now_s + each.wait_s


@given(st.integers(0, 2**32), st.lists(st.sampled_from(list(Lane)), max_size=60), st.integers(1, 20))
def test_whatever_is_lost_on_the_way_everything_arrives_and_no_window_is_exceeded(
    seed: int, lanes: list[Lane], in_flight: int
) -> None:
    queue, passing = Queue(Random(seed)), Passing(in_flight, Random(seed))
    queue.waiting = {number: make_due(number, lane) for number, lane in enumerate(lanes, start=1)}
    now_s = 0.0
    for _ in range(2_000):
        lapsed = passing.lapsed(now_s)
        queue.settle(lapsed, now_s)
        passing.landed(lapsed)
        passing.look_again()
        for lane in passing.wants():
            passing.fill(lane, queue.due(lane, passing.look(lane), now_s))
        sent = drain(passing, now_s)
        assert passing.on_the_way <= 3 * in_flight
        heard = [number for number in sent if queue.rng.random() < 0.6]
        queue.at_region.update(heard)
        answered = [number for number in heard if queue.rng.random() < 0.8]
        if answered:
            settled = passing.judged(stored(*answered))
            passing.heard(settled, now_s)
            queue.settle(settled, now_s)
            passing.landed(settled)
        if not queue.waiting:
            break
        now_s += 1.0
    assert queue.waiting == {}
    assert set(queue.at_region) == set(range(1, len(lanes) + 1))


def make_line(waited_s: float, *, is_alert: bool) -> Line:
    return Line(name_of(1), "hit", datetime.now(UTC), is_alert, waited_s)


@pytest.mark.parametrize(
    ("lines", "is_time"),
    [
        ([], False),
        ([make_line(0.1, is_alert=True)], False),
        ([make_line(0.6, is_alert=True)], True),
        ([make_line(4.0, is_alert=False)], False),
        ([make_line(5.0, is_alert=False)], True),
        ([make_line(0.0, is_alert=False)] * MAX_TRANSIT_ITEMS, True),
    ],
)
def test_a_record_is_made_of_enough_lines_or_of_those_that_have_waited(lines: list[Line], is_time: bool) -> None:
    assert is_time_to_tell(lines) is is_time


def test_a_reason_that_is_not_known_here_has_its_number_for_a_word() -> None:
    assert [word_of(4), word_of(99)] == ["unknown_key", "99"]
