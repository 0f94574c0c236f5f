"""The fleet of light boxes, as far as it needs no server: where they stand, what an hour brings, order and receipts."""

from random import Random

import pytest
from fleet.day import Day, Street, share_at
from fleet.layout import lay_out
from fleet.outbox import Outbox
from fleet.plates import some_plates
from fleet.spreading import Spread
from hypothesis import given
from hypothesis import strategies as st
from load import mqtt
from load.spent import Spent
from stack.process import StackError

from protocol.keys import KeySigner
from protocol.messages import Alarm
from protocol.order import Identity
from protocol.receipts import Range, ReceiptItem, Status

WHO = Identity(device="box-1", city="saltillo", point="p-1")
STORED = Status.STORED


def test_a_state_has_as_many_cities_points_and_cameras_as_were_asked_for() -> None:
    sites = lay_out(11, 370, 1287)
    every = [site for those in sites.values() for site in those]
    assert (len(sites), len(every), sum(len(site.cameras) for site in every)) == (11, 370, 1287)
    assert {len(site.cameras) for site in every} == {3, 4}
    assert len({site.who.device for site in every}) == len({site.who.point for site in every}) == 370
    assert all(site.who.city == name for name, those in sites.items() for site in those)


@given(cities=st.integers(1, 11), more=st.integers(0, 400))
def test_every_city_has_a_point_and_none_is_left_over(cities: int, more: int) -> None:
    counts = [len(those) for those in lay_out(cities, cities + more).values()]
    assert sum(counts) == cities + more
    assert min(counts) >= 1


@pytest.mark.parametrize(
    ("cities", "points", "cameras", "why"),
    [
        (0, 4, None, "want 1 to 11"),
        (12, 40, None, "want 1 to 11"),
        (3, 2, None, "a point for each city"),
        (2, 4, 3, "want 1 to 32 at each"),
        (2, 4, 129, "want 1 to 32 at each"),
    ],
)
def test_a_state_that_there_cannot_be_is_refused(cities: int, points: int, cameras: int | None, why: str) -> None:
    with pytest.raises(StackError, match=why):
        lay_out(cities, points, cameras)


def test_the_morning_is_busier_than_the_night_and_midnight_joins_on() -> None:
    assert share_at(8) == 1.0
    assert share_at(3) == min(map(share_at, range(24))) == 0.05
    assert share_at(23.999) == pytest.approx(share_at(0), abs=0.01)
    assert share_at(7.5) == pytest.approx((share_at(7) + share_at(8)) / 2)


def test_a_faster_day_reaches_the_hour_sooner_and_begins_again() -> None:
    day = Day(begins_at=23.0, speed=60.0, started_s=100.0)
    assert day.hour(100.0) == 23.0
    assert day.hour(190.0) == 0.5


def test_counts_follow_the_hour_and_hold_the_hits() -> None:
    street = Street(("cam-1", "cam-2"), 500, Day(begins_at=8.0), Random(1))
    busy = street.counted(0.0, 60.0, {"cam-2": 3})
    assert [each.hits for each in busy] == [0, 3]
    assert all(each.reads + each.unreadable == each.vehicles for each in busy)
    quiet = Street(("cam-1",), 500, Day(begins_at=4.0), Random(1)).counted(0.0, 60.0, {"cam-1": 2})
    assert quiet[0].vehicles >= 2
    assert quiet[0].vehicles < busy[0].vehicles


def test_wanted_vehicles_come_as_often_as_was_said() -> None:
    street = Street(("cam-1", "cam-2", "cam-3"), 1000, Day(begins_at=8.0), Random(1))
    mean_s = sum(street.next_wanted_s(0.0) for _ in range(2000)) / 2000
    assert mean_s == pytest.approx(3600 / (620 * 0.93 * 3 * 0.001), rel=0.1)
    assert Street(("cam-1",), 0, Day(), Random(1)).next_wanted_s(0.0) == 3600


def test_no_plate_is_drawn_twice() -> None:
    plates = some_plates(5000, Random(1))
    assert len(set(plates)) == 5000
    assert some_plates(5, Random(1)) == plates[:5]


def outbox() -> Outbox:
    """A new box's outbox."""
    return Outbox(WHO, KeySigner.generate(), Random(1))


def alarm(number: int) -> Alarm:
    """Something to say."""
    return Alarm(alarm="line_crossing", started_ms=1_000 + number)


def test_what_is_stored_leaves_the_outbox_and_nothing_else() -> None:
    box = outbox()
    first, second = (box.append(alarm(n), created_ms=1_000 + n) for n in range(2))
    assert [row.hash for row, _ in box.due(0.0)] == [first, second]
    assert list(box.due(0.1)) == []
    stored = box.settle([ReceiptItem(hash=first, status=STORED), ReceiptItem(hash=bytes(32), status=STORED)], 0.2)
    assert [row.hash for row in stored] == [first]
    assert (len(box), box.said, box.oldest_ms) == (1, 2, 1_001)
    assert box.settle([ReceiptItem(hash=first, status=STORED)], 0.3) == []


def test_what_is_refused_for_good_is_buried_and_what_is_put_off_waits() -> None:
    box = outbox()
    first, second = (box.append(alarm(n), created_ms=1_000) for n in range(2))
    assert len(list(box.due(0.0))) == 2
    refused = Status.REFUSED
    box.settle([ReceiptItem(hash=first, status=refused, reason=1, is_final=True)], 0.1)
    box.settle([ReceiptItem(hash=second, status=refused, reason=1)], 0.1)
    assert (box.buried, len(box)) == (1, 1)
    assert list(box.due(0.2)) == []
    assert [row.hash for row, _ in box.due(10.0)] == [second]


def test_what_is_missed_or_was_on_its_way_when_the_line_broke_is_sent_again() -> None:
    box = outbox()
    for number in range(3):
        box.append(alarm(number), created_ms=1_000)
    assert len(list(box.due(0.0))) == 3
    box.resend([Range(first=2, last=900)])
    assert [row.sequence for row, _ in box.due(0.1)] == [2, 3]
    box.hurry_all()
    assert [row.sequence for row, _ in box.due(0.2)] == [1, 2, 3]


def test_a_spread_tells_when_half_of_the_boxes_had_armed_and_when_the_last() -> None:
    spread = Spread(
        approved_s=0.5, back_s=1.0, armed_s=(0.6, 0.7, 0.8, 2.0), by_delta=4, whole=1, without_network=1,
        spent=Spent({"broker": 0.126}, idle_s=1.0, elapsed_s=2.0),
    )  # fmt: skip
    told = spread.told()
    assert (told["boxes"], told["armed_s_p50"], told["armed_s_last"]) == (4, 0.7, 2.0)
    assert told["cpu_s"] == {"broker": 0.13}


@given(cut=st.integers(1, 200))
def test_frames_come_out_whole_wherever_the_stream_was_cut(cut: int) -> None:
    frames = b"".join(mqtt.publish_frame("a/b/receipt", number, bytes(number * 60)) for number in range(1, 5))
    received, found = bytearray(), []
    for at in range(0, len(frames), cut):
        received += frames[at : at + cut]
        found += list(mqtt.split(received))
    assert not received
    assert [kind & 0xF0 for kind, _ in found] == [mqtt.PUBLISH] * 4
    for number, (kind, content) in enumerate(found, 1):
        assert mqtt.topic_of(content) == "a/b/receipt"
        payload, acknowledgement = mqtt.delivered(content, kind)
        assert payload == bytes(number * 60)
        assert acknowledgement == bytes((mqtt.PUBACK, 2)) + number.to_bytes(2, "big")
