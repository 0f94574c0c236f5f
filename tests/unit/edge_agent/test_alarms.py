"""Alarms: started once, ended once, whatever flaps, repeats, is lost or starts anew."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.alarms import PANIC, AlarmBook, AlarmRules, Kept, Sign, Signal
from protocol.messages import Alarm

RULES = AlarmRules(settle_s=3, merge_s=10, longest_merge_s=60, lost_s=60, most_per_minute=5)


class Street:
    """A book on a clock of its own. `said` is every message so far, as (alarm, is_active)."""

    def __init__(self, kept: tuple[Kept, ...] = (), at_s: float = 1000.0) -> None:
        self.at_s = at_s
        self.book = AlarmBook(RULES)
        self.book.restore(kept, now_s=at_s, now_ms=self.now_ms)
        self.messages: list[Alarm] = []

    @property
    def now_ms(self) -> int:
        return int(self.at_s * 1000)

    @property
    def said(self) -> list[tuple[str, bool]]:
        return [(each.alarm, each.is_active) for each in self.messages]

    def signal(self, sign: Sign, alarm: str = "tamper", *, place: str = "", camera: str | None = "cam-1") -> None:
        signal = Signal(camera, alarm, place, sign, "a note")
        self.messages += self.book.take(signal, now_s=self.at_s, now_ms=self.now_ms)

    def wait(self, seconds: float) -> None:
        self.at_s += seconds
        self.messages += self.book.due(now_s=self.at_s, now_ms=self.now_ms)

    def restarted(self, after_s: float = 1.0) -> "Street":
        kept = msgspec.json.decode(msgspec.json.encode(self.book.kept()), type=tuple[Kept, ...])
        return Street(kept, self.at_s + after_s)


def test_a_state_starts_at_once_and_ends_when_its_end_has_settled() -> None:
    street = Street()
    street.signal(Sign.ON)
    assert street.said == [("tamper", True)]
    street.wait(30)
    street.signal(Sign.OFF)
    street.wait(2.9)
    assert street.said == [("tamper", True)]
    street.wait(0.2)
    assert street.said == [("tamper", True), ("tamper", False)]
    assert street.messages[0].started_ms == street.messages[1].started_ms == 1_000_000


def test_a_sensor_that_flaps_is_one_alarm() -> None:
    street = Street()
    for _ in range(20):
        street.signal(Sign.ON)
        street.wait(0.5)
        street.signal(Sign.OFF)
        street.wait(0.5)
    street.wait(10)
    assert street.said == [("tamper", True), ("tamper", False)]
    assert street.messages[1].note == "a note x20"


def test_an_end_without_a_start_is_nothing() -> None:
    street = Street()
    street.signal(Sign.OFF)
    street.wait(100)
    assert street.said == []


def test_pulses_close_together_are_one_alarm_and_the_end_counts_them() -> None:
    street = Street()
    for _ in range(4):
        street.signal(Sign.PULSE, "line_crossing")
        street.wait(5)
    street.wait(10)
    assert street.said == [("line_crossing", True), ("line_crossing", False)]
    assert street.messages[1].note.endswith("x4")


def test_pulses_without_pause_are_told_anew_each_minute() -> None:
    street = Street()
    for _ in range(13):
        street.signal(Sign.PULSE, "line_crossing")
        street.wait(5)
    assert street.said == [("line_crossing", True), ("line_crossing", False), ("line_crossing", True)]


def test_places_and_cameras_have_alarms_of_their_own() -> None:
    street = Street()
    street.signal(Sign.ON, place="Rule=a")
    street.signal(Sign.ON, place="Rule=b")
    street.signal(Sign.ON, camera="cam-2")
    assert [(each.camera, each.is_active) for each in street.messages] == [
        ("cam-1", True),
        ("cam-1", True),
        ("cam-2", True),
    ]


def test_a_lost_camera_leaves_no_alarm_standing_for_ever() -> None:
    street = Street()
    street.signal(Sign.ON)
    street.book.lose("cam-1", now_s=street.at_s)
    street.wait(59)
    assert street.said == [("tamper", True)]
    street.wait(1)
    assert street.said[-1] == ("tamper", False)
    assert street.messages[-1].note == "a note end not seen"


def test_a_camera_that_comes_back_with_the_alarm_still_on_says_nothing_new() -> None:
    street = Street()
    street.signal(Sign.ON)
    street.book.lose("cam-1", now_s=street.at_s)
    street.wait(30)
    street.signal(Sign.ON)
    street.wait(1000)
    assert street.said == [("tamper", True)]


def test_a_restart_neither_doubles_a_start_nor_forgets_an_end() -> None:
    before = Street()
    before.signal(Sign.ON)
    after = before.restarted()
    after.signal(Sign.ON)
    assert after.said == []
    after.signal(Sign.OFF)
    after.wait(5)
    assert after.said == [("tamper", False)]
    assert after.messages[0].started_ms == before.messages[0].started_ms


def test_an_alarm_that_ended_while_the_box_was_off_is_ended_once_nobody_confirms_it() -> None:
    before = Street()
    before.signal(Sign.ON)
    after = before.restarted()
    after.wait(60)
    assert [each.note for each in after.messages] == ["a note end not seen"]
    assert after.restarted().book.kept() == ()


def test_pulses_of_before_a_restart_end_after_it() -> None:
    before = Street()
    before.signal(Sign.PULSE, "line_crossing")
    after = before.restarted(after_s=4)
    after.wait(5.9)
    assert after.said == []
    after.wait(0.2)
    assert after.said == [("line_crossing", False)]


def test_panic_is_said_at_once_and_has_no_end() -> None:
    street = Street()
    street.signal(Sign.PULSE, PANIC, camera=None)
    street.signal(Sign.PULSE, PANIC, camera=None)
    street.wait(1000)
    assert street.said == [(PANIC, True)]
    street.signal(Sign.PULSE, PANIC, camera=None)
    assert street.said == [(PANIC, True), (PANIC, True)]


def test_a_held_panic_button_is_said_once_even_over_a_restart() -> None:
    before = Street()
    before.signal(Sign.ON, PANIC, camera=None)
    after = before.restarted(after_s=500)
    after.signal(Sign.ON, PANIC, camera=None)
    after.wait(1000)
    assert (before.said, after.said) == ([(PANIC, True)], [])


def test_a_button_that_was_let_go_while_the_box_was_off_can_be_pressed_at_once() -> None:
    before = Street()
    before.signal(Sign.ON, PANIC, camera=None)
    after = before.restarted(after_s=2)
    after.signal(Sign.OFF, PANIC, camera=None)
    after.signal(Sign.ON, PANIC, camera=None)
    assert after.said == [(PANIC, True)]


@pytest.mark.parametrize(("off_s", "said"), [(1.0, []), (11.0, [(PANIC, True)])])
def test_a_press_after_a_restart_counts_unless_it_is_the_same_press_again(
    off_s: float, said: list[tuple[str, bool]]
) -> None:
    before = Street()
    before.signal(Sign.PULSE, PANIC, camera=None)
    after = before.restarted(after_s=off_s)
    after.signal(Sign.PULSE, PANIC, camera=None)
    assert after.said == said


def test_a_storm_of_alarms_is_counted_and_never_takes_panic_with_it() -> None:
    street = Street()
    for n in range(9):
        street.signal(Sign.ON, place=f"Rule={n}")
    assert (len(street.messages), street.book.suppressed) == (5, 4)
    street.signal(Sign.ON, camera="cam-2")
    street.signal(Sign.PULSE, PANIC, camera=None)
    assert street.said[-2:] == [("tamper", True), (PANIC, True)]
    street.wait(61)
    street.signal(Sign.ON, place="Rule=later")
    assert street.said[-1] == ("tamper", True)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("signal"), st.sampled_from(Sign), st.sampled_from(["a", "b"])),
        st.tuples(st.just("wait"), st.floats(0, 90)),
        st.tuples(st.just("lose")),
        st.tuples(st.just("restart"), st.floats(0, 90)),
    ),
    max_size=40,
)


@given(STEPS)
def test_starts_and_ends_alternate_whatever_happens(steps: list[tuple[object, ...]]) -> None:
    """Of each alarm: a start, its end with the same time, a start, ... and with enough time every pulse ends."""
    street, messages = Street(), []
    for step in steps:
        match step:
            case ("signal", Sign() as sign, str(place)):
                street.signal(sign, f"alarm-{place}", place=place)
            case ("wait", float(seconds)):
                street.wait(seconds)
            case ("lose",):
                street.book.lose("cam-1", now_s=street.at_s)
            case ("restart", float(seconds)):
                messages += street.messages
                street = street.restarted(seconds)
            case _:
                raise AssertionError(step)
    street.book.lose("cam-1", now_s=street.at_s)
    street.wait(120)
    messages += street.messages
    for alarm in ("alarm-a", "alarm-b"):
        of_one = [each for each in messages if each.alarm == alarm]
        assert [each.is_active for each in of_one] == [True, False] * (len(of_one) // 2)
        assert all(s.started_ms == e.started_ms for s, e in zip(of_one[::2], of_one[1::2], strict=True))
    assert street.book.next_due_s() is None
