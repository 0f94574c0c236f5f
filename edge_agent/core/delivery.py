"""What goes on the wire next: rules over rows, in memory, with the time given.

1. A row is ready, or waits until its next try is due. Each try is followed by the pause of `protocol.delivery.Pace`;
   only a receipt takes the row out. The pause lives in memory: after a restart, and after a new connection,
   everything unanswered is due at once, and no jump of the wall clock can hold a row back.
2. Rows travel in three lanes with a window each: urgent (hits, alarms, amendments), ordinary, and bulk (pieces of
   pictures). A row sent counts against its window until it is answered, or for `flight_s` at most. The bulk window
   is so small that a hit never stands behind more than a few pieces on the uplink.
3. Among what may go, the lower rank goes first, then the older row. A full lane does not hold up another.
"""

import heapq
from dataclasses import dataclass, field
from enum import Enum, unique
from random import Random
from typing import Final, TypeAlias

from protocol.delivery import RANK, Pace
from protocol.messages import Kind


@unique
class Lane(Enum):
    """Rows that share a window."""

    URGENT = "urgent"
    ORDINARY = "ordinary"
    BULK = "bulk"


_LAST_URGENT_RANK: Final = RANK[Kind.HIT_AMENDED]
LANE: Final[dict[Kind, Lane]] = {
    kind: Lane.BULK if kind is Kind.PIECE else Lane.URGENT if rank <= _LAST_URGENT_RANK else Lane.ORDINARY
    for kind, rank in RANK.items()
}


@dataclass(frozen=True, slots=True)
class Row:
    """A message that waits in the outbox, without its text."""

    sequence: int
    epoch: int
    kind: Kind
    hash: bytes
    created_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Send:
    """Publish this row now."""

    row: Row


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may go before this many seconds have passed; None: not before something changes."""

    seconds: float | None


Next: TypeAlias = Send | Wait


@dataclass(frozen=True, slots=True)
class Windows:
    """How many rows of each lane may be on their way at once, and how long one counts as such."""

    urgent: int = 64
    ordinary: int = 16
    bulk: int = 2
    flight_s: float = 5.0

    def of(self, lane: Lane) -> int:
        """The window of a lane."""
        return {Lane.URGENT: self.urgent, Lane.ORDINARY: self.ordinary, Lane.BULK: self.bulk}[lane]


@dataclass(slots=True)
class _Slot:
    row: Row
    attempts: int = 0
    due_s: float | None = None  # None: ready


@dataclass(slots=True)
class Schedule:
    """Every row of the outbox, and when each may go. Holds no bytes of any message."""

    pace: Pace
    windows: Windows
    rng: Random
    _slots: dict[int, _Slot] = field(default_factory=dict)
    _ready: dict[Lane, list[tuple[int, int]]] = field(default_factory=lambda: {lane: [] for lane in Lane})
    _waiting: list[tuple[float, int]] = field(default_factory=list)
    # Sequence to the instant its flight is over; a constant flight time keeps each dict in order of that.
    _flying: dict[Lane, dict[int, float]] = field(default_factory=lambda: {lane: {} for lane in Lane})

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._slots

    def add(self, row: Row) -> None:
        """A row that has just been committed, or was found at start: due at once."""
        self._slots[row.sequence] = _Slot(row)
        self._push_ready(row)

    def remove(self, sequence: int) -> None:
        """A row that was answered for good, or given up."""
        slot = self._slots.pop(sequence, None)
        if slot:
            self._flying[LANE[slot.row.kind]].pop(sequence, None)

    def hurry(self, sequence: int) -> None:
        """Somebody asked for this row again: due at once."""
        slot = self._slots.get(sequence)
        if slot and slot.due_s is not None:
            slot.due_s = None
            self._flying[LANE[slot.row.kind]].pop(sequence, None)
            self._push_ready(slot.row)

    def hurry_all(self) -> None:
        """A new connection: whatever was on its way may be lost, and everything is due."""
        for sequence in self._slots:
            self.hurry(sequence)

    def put_off(self, sequence: int, now_s: float) -> None:
        """The other side cannot take the row yet: it has landed, and waits for its next turn."""
        if slot := self._slots.get(sequence):
            self._flying[LANE[slot.row.kind]].pop(sequence, None)
            self._wait(slot, now_s)

    def sent(self, sequence: int, now_s: float) -> None:
        """The row was handed to the broker."""
        if slot := self._slots.get(sequence):
            slot.attempts += 1
            flying = self._flying[LANE[slot.row.kind]]
            flying.pop(sequence, None)
            flying[sequence] = now_s + self.windows.flight_s
            self._wait(slot, now_s)

    def next(self, now_s: float) -> Next:
        """What to do now."""
        self._wake(now_s)
        heads = [head for lane in Lane if self._has_room(lane) and (head := self._head(lane))]
        if heads:
            return Send(self._slots[min(heads)[1]].row)
        return Wait(self._pause_s(now_s))

    def _push_ready(self, row: Row) -> None:
        heapq.heappush(self._ready[LANE[row.kind]], (RANK[row.kind], row.sequence))

    def _wait(self, slot: _Slot, now_s: float) -> None:
        slot.due_s = now_s + self.pace.wait_s(slot.attempts, self.rng)
        heapq.heappush(self._waiting, (slot.due_s, slot.row.sequence))

    def _wake(self, now_s: float) -> None:
        """Move what has become due to the ready rows, and end the flights that lasted long enough."""
        while self._waiting and self._waiting[0][0] <= now_s:
            due_s, sequence = heapq.heappop(self._waiting)
            slot = self._slots.get(sequence)
            if slot and slot.due_s == due_s:
                slot.due_s = None
                self._push_ready(slot.row)
        for flying in self._flying.values():
            while flying and next(iter(flying.values())) <= now_s:
                del flying[next(iter(flying))]

    def _head(self, lane: Lane) -> tuple[int, int] | None:
        """First ready row of a lane; entries of rows that have gone or wait again are passed over."""
        ready = self._ready[lane]
        while ready and not self._is_ready(ready[0][1]):
            heapq.heappop(ready)
        return ready[0] if ready else None

    def _is_ready(self, sequence: int) -> bool:
        slot = self._slots.get(sequence)
        return slot is not None and slot.due_s is None

    def _has_room(self, lane: Lane) -> bool:
        return len(self._flying[lane]) < self.windows.of(lane)

    def _pause_s(self, now_s: float) -> float | None:
        instants = [until for flying in self._flying.values() for until in list(flying.values())[:1]]
        instants += [self._waiting[0][0]] if self._waiting else []
        return max(0.0, min(instants) - now_s) if instants else None
