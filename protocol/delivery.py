"""Delivery with receipts, written once: the agent's outbox and the city's forwarder obey the same rules.

A row waits, is sent, and is sent again with a growing, jittered pause until a receipt moves it:

    stored          -> Forget: delete the row
    refused, final  -> Bury: to the dead letters, which health shows
    refused, retry  -> Wait: the row stays, and waits its turn

Losing a receipt costs a resend, never a message. What goes first is decided by rank, then by age: a hit never
stands behind a picture. What is given up first when there is no room is the other way round, with tombstones.

Rows travel in three lanes with a window each: urgent, ordinary and bulk. A row that is sent counts against its lane's
window until it is answered, or for `flight_s` at most. Among what may go, the lower order goes first; a full lane does
not hold up another.

A receipt is believed by the grants of the one who answers. The time written in it must lie within the grant's dates; it
is not judged by the reader's clock, which may be wrong either way and would then let nothing in.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, unique
from random import Random
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from protocol.envelope import Context
from protocol.messages import Kind
from protocol.receipts import MAX_RECEIPT_BYTES, Receipt, ReceiptItem, Status, decode_receipt
from protocol.refusals import Refusal
from protocol.trust import Role, TrustStore

# Lower goes first.
RANK: Final[dict[Kind, int]] = {
    Kind.HIT: 0,
    Kind.ALARM: 0,
    Kind.HIT_AMENDED: 1,
    Kind.DROPPED: 2,
    Kind.REPORT: 3,
    Kind.ACCEPTANCE: 3,
    Kind.SETTINGS_RESULT: 3,
    Kind.EVIDENCE: 4,
    Kind.EVIDENCE_UNAVAILABLE: 4,
    Kind.CAMERA_CONDITION: 4,
    Kind.PIECE: 5,
}
# First to last to be given up when the outbox is full (DESIGN section 6); `dropped` itself never is.
GIVEN_UP: Final[tuple[frozenset[Kind], ...]] = (
    frozenset({Kind.REPORT}),
    frozenset({Kind.PIECE, Kind.EVIDENCE, Kind.EVIDENCE_UNAVAILABLE, Kind.CAMERA_CONDITION}),
    frozenset({Kind.ALARM, Kind.HIT_AMENDED, Kind.ACCEPTANCE, Kind.SETTINGS_RESULT}),
    frozenset({Kind.HIT}),
)


@unique
class Lane(Enum):
    """Rows that share a window."""

    URGENT = "urgent"
    ORDINARY = "ordinary"
    BULK = "bulk"


_LANES: Final = tuple(Lane)
_LAST_URGENT_RANK: Final = RANK[Kind.HIT_AMENDED]
LANE: Final[dict[Kind, Lane]] = {
    kind: Lane.BULK if kind is Kind.PIECE else Lane.URGENT if rank <= _LAST_URGENT_RANK else Lane.ORDINARY
    for kind, rank in RANK.items()
}


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


class Deliverable(Protocol):
    """What lanes ask of a row: a number of its own, its lane, and its place among the others."""

    @property
    def key(self) -> int:
        """The row's own number."""

    @property
    def lane(self) -> Lane:
        """Whose window it takes room of."""

    @property
    def order(self) -> tuple[int, int]:
        """The lower goes first."""


Row = TypeVar("Row", bound=Deliverable)


@dataclass(slots=True)
class Lanes(Generic[Row]):
    """Which rows may go, and which are on their way. A row may be both: one that is to be sent again."""

    windows: Windows
    _ready: dict[Lane, dict[int, Row]] = field(default_factory=lambda: {lane: {} for lane in Lane})
    # Heaps of (order, key); entries whose key is not ready any more are passed over.
    _turns: dict[Lane, list[tuple[tuple[int, int], int]]] = field(default_factory=lambda: {lane: [] for lane in Lane})
    # Key to the instant at which its flight is over; a constant flight time keeps each dict in order of that.
    _flying: dict[Lane, dict[int, float]] = field(default_factory=lambda: {lane: {} for lane in Lane})

    def add(self, row: Row) -> None:
        """A row may go."""
        self._ready[row.lane][row.key] = row
        heapq.heappush(self._turns[row.lane], (row.order, row.key))

    def remove(self, row: Row) -> None:
        """A row was answered, or is not to be sent."""
        self._ready[row.lane].pop(row.key, None)
        self._flying[row.lane].pop(row.key, None)

    def clear(self, lane: Lane) -> None:
        """Nothing of a lane may go, for now; what is on its way stays so."""
        self._ready[lane].clear()
        self._turns[lane].clear()

    def sent(self, row: Row, now_s: float) -> None:
        """A row was handed to the broker."""
        self.remove(row)
        self._flying[row.lane][row.key] = now_s + self.windows.flight_s

    def lapsed(self, now_s: float) -> Iterator[int]:
        """End the flights that have lasted long enough; their keys."""
        for flying in self._flying.values():
            while flying and next(iter(flying.values())) <= now_s:
                key = next(iter(flying))
                del flying[key]
                yield key

    def first(self) -> Row | None:
        """What goes next, if anything may."""
        heads = [head for lane in Lane if self.has_room(lane) and (head := self._head(lane))]
        if not heads:
            return None
        _, lane, key = min(heads)
        return self._ready[_LANES[lane]][key]

    def has_room(self, lane: Lane) -> bool:
        """Whether a row of the lane might go."""
        return len(self._flying[lane]) < self.windows.of(lane)

    def ready(self, lane: Lane) -> int:
        """How many rows of a lane only wait for room."""
        return len(self._ready[lane])

    def keys(self) -> Iterator[int]:
        """Of all rows that are held here."""
        for lane in Lane:
            yield from self._ready[lane]
            yield from self._flying[lane]

    @property
    def lapse_s(self) -> float | None:
        """When the next flight is over."""
        return min((until for each in self._flying.values() for until in list(each.values())[:1]), default=None)

    def _head(self, lane: Lane) -> tuple[tuple[int, int], int, int] | None:
        ready, turns = self._ready[lane], self._turns[lane]
        while turns and turns[0][1] not in ready:
            heapq.heappop(turns)
        return (turns[0][0], _LANES.index(lane), turns[0][1]) if turns else None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait for a receipt: `first_s`, doubled at each try up to `most_s`, jittered by up to a quarter."""

    first_s: float = 2.0
    most_s: float = 300.0

    def wait_s(self, attempts: int, rng: Random) -> float:
        """Seconds to wait after the n-th try (counted from 1)."""
        grown = self.first_s * 2.0 ** min(max(attempts - 1, 0), 32)
        return min(grown, self.most_s) * rng.uniform(0.75, 1.25)


@dataclass(frozen=True, slots=True)
class Forget:
    """Stored for good on the other side: delete the row."""


@dataclass(frozen=True, slots=True)
class Bury:
    """Never to be taken: move the row to the dead letters."""

    reason: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not taken now: keep the row and try again."""

    reason: int


Outcome: TypeAlias = Forget | Bury | Wait


def outcome_of(item: ReceiptItem) -> Outcome:
    """What a receipt's item does to the row it names."""
    if item.status is Status.STORED:
        return Forget()
    return Bury(item.reason) if item.is_final else Wait(item.reason)


def accept_receipt(raw: bytes, trust: TrustStore, *, city: str, device: str) -> Receipt | Refusal:
    """A receipt for a device of a city, or why it is not believed."""
    found = trust.read_signed(
        raw, Context.RECEIPT, Role.RECEIPT, decode_receipt, city=city, max_bytes=MAX_RECEIPT_BYTES
    )
    if isinstance(found, Refusal):
        return found
    receipt, grants = found
    if receipt.device != device:
        return Refusal.NOT_YOUR_PLACE
    return receipt if any(grant.is_current(receipt.time_ms) for grant in grants) else Refusal.REVOKED_KEY
