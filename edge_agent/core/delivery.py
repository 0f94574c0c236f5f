"""What goes on the wire next: rules over rows, in memory, with the time given.

1. A row is ready, or waits until its next try is due. Each try is followed by the pause of `protocol.delivery.Pace`;
   only a receipt takes the row out. The pause lives in memory: after a restart, and after a new connection,
   everything unanswered is due at once, and no jump of the wall clock can hold a row back.
2. Rows travel in the lanes of `protocol.delivery`: urgent (hits, alarms, amendments), ordinary, and bulk (pieces of
   pictures). The bulk window is so small that a hit never stands behind more than a few pieces on the uplink.
3. Among what may go, the lower rank goes first, then the older row.
"""

import heapq
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from protocol.delivery import LANE, RANK, Lane, Lanes, Pace, Windows
from protocol.messages import Kind

__all__ = ["LANE", "Lane", "Next", "Row", "Schedule", "Send", "Wait", "Windows"]


@dataclass(frozen=True, slots=True)
class Row:
    """A message that waits in the outbox, without its text."""

    sequence: int
    epoch: int
    kind: Kind
    hash: bytes
    created_ms: int
    size_bytes: int

    @property
    def key(self) -> int:
        """What the lanes know it by."""
        return self.sequence

    @property
    def lane(self) -> Lane:
        """Its lane."""
        return LANE[self.kind]

    @property
    def order(self) -> tuple[int, int]:
        """The lower goes first."""
        return RANK[self.kind], self.sequence


@dataclass(frozen=True, slots=True)
class Send:
    """Publish this row now."""

    row: Row


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may go before this many seconds have passed; None: not before something changes."""

    seconds: float | None


Next: TypeAlias = Send | Wait


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
    _waiting: list[tuple[float, int]] = field(default_factory=list)
    _lanes: Lanes[Row] = field(init=False)

    def __post_init__(self) -> None:
        """No row is known yet."""
        self._lanes = Lanes(self.windows)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._slots

    def add(self, row: Row) -> None:
        """A row that has just been committed, or was found at start: due at once."""
        self._slots[row.sequence] = _Slot(row)
        self._lanes.add(row)

    def remove(self, sequence: int) -> None:
        """A row that was answered for good, or given up."""
        slot = self._slots.pop(sequence, None)
        if slot:
            self._lanes.remove(slot.row)

    def hurry(self, sequence: int) -> None:
        """Somebody asked for this row again: due at once."""
        slot = self._slots.get(sequence)
        if slot and slot.due_s is not None:
            slot.due_s = None
            self._lanes.remove(slot.row)
            self._lanes.add(slot.row)

    def hurry_all(self) -> None:
        """A new connection: whatever was on its way may be lost, and everything is due."""
        for sequence in self._slots:
            self.hurry(sequence)

    def put_off(self, sequence: int, now_s: float) -> None:
        """The other side cannot take the row yet: it has landed, and waits for its next turn."""
        if slot := self._slots.get(sequence):
            self._lanes.remove(slot.row)
            self._wait(slot, now_s)

    def sent(self, sequence: int, now_s: float) -> None:
        """The row was handed to the broker."""
        if slot := self._slots.get(sequence):
            slot.attempts += 1
            self._lanes.sent(slot.row, now_s)
            self._wait(slot, now_s)

    def next(self, now_s: float) -> Next:
        """What to do now."""
        self._wake(now_s)
        row = self._lanes.first()
        return Wait(self._pause_s(now_s)) if row is None else Send(row)

    def _wait(self, slot: _Slot, now_s: float) -> None:
        slot.due_s = now_s + self.pace.wait_s(slot.attempts, self.rng)
        heapq.heappush(self._waiting, (slot.due_s, slot.row.sequence))

    def _wake(self, now_s: float) -> None:
        """Make ready what has become due, and end the flights that lasted long enough."""
        while self._waiting and self._waiting[0][0] <= now_s:
            due_s, sequence = heapq.heappop(self._waiting)
            slot = self._slots.get(sequence)
            if slot and slot.due_s == due_s:
                slot.due_s = None
                self._lanes.add(slot.row)
        for _ in self._lanes.lapsed(now_s):
            pass  # a row that nobody answered waits for its next turn

    def _pause_s(self, now_s: float) -> float | None:
        instants = [] if self._lanes.lapse_s is None else [self._lanes.lapse_s]
        instants += [self._waiting[0][0]] if self._waiting else []
        return max(0.0, min(instants) - now_s) if instants else None
