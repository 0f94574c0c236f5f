"""Alarms that begin and end: what cameras and panic buttons signal becomes few messages, each said once.

A signal is `ON`, `OFF` or `PULSE` for one alarm at one place of one camera (a rule, an input, a button).

- `ON`, or the first `PULSE`, starts an alarm: said at once, nothing waits. What stands already is not said again.
- `OFF` ends it once it has stood for `settle_s`; `ON` before that takes it back. A flapping sensor is one alarm.
- Pulses (a line was crossed) have no end of their own: those within `merge_s` of each other are one alarm, which ends
  when they cease; one that goes on for `longest_merge_s` is ended and begun anew. The end says how many there were.
- A camera that is lost can no longer say that an alarm is over. Its alarms are given `lost_s` to be confirmed, then
  ended with the remark that nobody saw the end.
- Panic has no end: releasing the button ends nothing, people do. Presses within `merge_s` are one.
- A source that starts more than `most_per_minute` alarms is counted, not heard; panic always is.

What stands is kept in the outbox, in the transaction of the message it belongs to, so that a restart neither says a
start twice nor forgets an end. Times that are compared are the box's monotonic seconds; times that are said are the
box's too. A camera's clock is never used.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Final, TypeAlias

import msgspec

from protocol.messages import Alarm

PANIC: Final = "panic"
PANIC_TEST: Final = "panic_test"
ENDLESS: Final = frozenset({PANIC, PANIC_TEST})
END_NOT_SEEN: Final = "end not seen"
_MINUTE_S: Final = 60.0
_NOTE_CHARS: Final = 96  # leaves room in a label for what an end adds

Key: TypeAlias = tuple[str | None, str, str]


@unique
class Sign(Enum):
    """What a signal says of its alarm."""

    ON = "on"
    OFF = "off"
    PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class Signal:
    """One word from a camera or a button. `camera` is None for a button of the box itself."""

    camera: str | None
    alarm: str
    place: str
    sign: Sign
    note: str = ""

    @property
    def key(self) -> Key:
        """What tells alarms apart."""
        return (self.camera, self.alarm, self.place)


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """Pace of alarms; the module's prose says what each is for."""

    settle_s: float = 3.0
    merge_s: float = 10.0
    longest_merge_s: float = 60.0
    lost_s: float = 60.0
    most_per_minute: int = 30


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A standing alarm as it is kept over a restart; `heard_ms` is when it was last signalled."""

    camera: str | None
    alarm: str
    place: str
    note: str
    started_ms: int
    heard_ms: int
    times: int
    is_pulse: bool


@dataclass(slots=True)
class _Standing:
    """An alarm that was said to have started."""

    note: str
    started_ms: int
    started_s: float
    heard_ms: int
    is_pulse: bool
    times: int = 1
    ends_s: float | None = None
    remark: str = ""


@dataclass(slots=True)
class AlarmBook:
    """All alarms that stand. `take` and `due` give the messages that are to be committed, in order."""

    rules: AlarmRules
    suppressed: int = 0
    _standing: dict[Key, _Standing] = field(default_factory=dict)
    _starts: dict[str | None, deque[float]] = field(default_factory=dict)

    def take(self, signal: Signal, *, now_s: float, now_ms: int) -> tuple[Alarm, ...]:
        """What a signal gives rise to."""
        ended = self.due(now_s=now_s, now_ms=now_ms)
        standing = self._standing.get(signal.key)
        if signal.sign is Sign.OFF:
            if standing is not None:
                # A button found released after a restart was let go long ago: the next press is a new one.
                was_let_go = standing.remark == END_NOT_SEEN and signal.alarm in ENDLESS
                standing.ends_s, standing.remark = now_s + (0 if was_let_go else self.rules.settle_s), ""
            return ended
        if standing is None:
            return (*ended, *self._start(signal, now_s, now_ms))
        standing.heard_ms = now_ms
        standing.times += signal.sign is Sign.PULSE or standing.ends_s is not None
        standing.ends_s, standing.remark = self._natural_end(signal, now_s), ""
        return ended

    def due(self, *, now_s: float, now_ms: int) -> tuple[Alarm, ...]:
        """Ends whose time has come."""
        over = [key for key, each in self._standing.items() if self._is_over(each, now_s)]
        return tuple(end for key in over if (end := self._end(key, self._standing.pop(key))))

    def next_due_s(self) -> float | None:
        """When `due` has something to do next."""
        return min((s for each in self._standing.values() if (s := self._over_at(each)) is not None), default=None)

    def lose(self, camera: str, *, now_s: float) -> None:
        """The camera can no longer be heard."""
        for (whose, _, _), each in self._standing.items():
            if whose == camera and each.ends_s is None:
                each.ends_s, each.remark = now_s + self.rules.lost_s, END_NOT_SEEN

    def kept(self) -> tuple[Kept, ...]:
        """What must survive a restart."""
        return tuple(
            Kept(*key, each.note, each.started_ms, each.heard_ms, each.times, each.is_pulse)
            for key, each in self._standing.items()
        )

    def restore(self, kept: Iterable[Kept], *, now_s: float, now_ms: int) -> None:
        """Begin with what stood at the last run's end: whoever still sees it has `lost_s` to say so.

        Pulses that have not gone on are over; an endless alarm that nobody holds is forgotten, so that the next press
        counts.
        """
        for each in kept:
            silent_s = max(0.0, (now_ms - each.heard_ms) / 1000)
            if each.alarm in ENDLESS and each.is_pulse and silent_s >= self.rules.merge_s:
                continue
            wait_s = max(0.0, self.rules.merge_s - silent_s) if each.is_pulse else self.rules.lost_s
            self._standing[each.camera, each.alarm, each.place] = _Standing(
                each.note, each.started_ms, now_s, each.heard_ms, each.is_pulse, each.times,
                ends_s=now_s + wait_s, remark="" if each.is_pulse else END_NOT_SEEN,
            )  # fmt: skip

    def _start(self, signal: Signal, now_s: float, now_ms: int) -> tuple[Alarm, ...]:
        if signal.alarm not in ENDLESS and not self._may_start(signal.camera, now_s):
            self.suppressed += 1
            return ()
        note = signal.note[:_NOTE_CHARS]
        self._standing[signal.key] = _Standing(
            note, now_ms, now_s, now_ms, signal.sign is Sign.PULSE, ends_s=self._natural_end(signal, now_s)
        )
        return (Alarm(camera=signal.camera, alarm=signal.alarm, started_ms=now_ms, note=note),)

    def _may_start(self, camera: str | None, now_s: float) -> bool:
        recent = self._starts.setdefault(camera, deque())
        while recent and now_s - recent[0] >= _MINUTE_S:
            recent.popleft()
        if len(recent) >= self.rules.most_per_minute:
            return False
        recent.append(now_s)
        return True

    def _natural_end(self, signal: Signal, now_s: float) -> float | None:
        return now_s + self.rules.merge_s if signal.sign is Sign.PULSE else None

    def _over_at(self, each: _Standing) -> float | None:
        if each.ends_s is None or not each.is_pulse:
            return each.ends_s
        return min(each.ends_s, each.started_s + max(self.rules.longest_merge_s, self.rules.merge_s))

    def _is_over(self, each: _Standing, now_s: float) -> bool:
        at_s = self._over_at(each)
        return at_s is not None and now_s >= at_s

    def _end(self, key: Key, each: _Standing) -> Alarm | None:
        camera, alarm, _ = key
        if alarm in ENDLESS:
            return None
        count = f"x{each.times}" if each.times > 1 else ""
        note = " ".join(filter(None, (each.note, count, each.remark)))
        return Alarm(camera=camera, alarm=alarm, started_ms=each.started_ms, is_active=False, note=note)
