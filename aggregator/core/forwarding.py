"""Forwarding: what a city passes on to its region, in which order, and what the region's answers do to it.

1. The database holds the queue: a message is noted there in the transaction that stores it, and only the region's
   signed receipt takes it out. In memory is what was read of it for the wire, and the names of what is on its way. A
   crash, or a new connection, forgets that and no more: what was unanswered is read again, and due at once.
2. The rules of `protocol.delivery` hold. The lanes are: alerts (hits, amendments, alarms), the newest first; what was
   stored within the last minute; and the backlog, oldest first. Each has a window of its own, so that hours of backlog
   hold up neither an alert nor a report of this minute. The region takes everything in one order: so the backlog's
   window shrinks while its answers take longer than `AIM_S`, and grows again, up to its bound, while they do not.
3. Each look at the queue replaces what was ready of a lane, so that a newer alert passes older ones that were read
   before it. Bytes are kept until they are sent.
4. What is not answered within a flight, or may be taken later, is put off in the database, longer each time. A region
   that says that a box does not stand where the city has it may not have heard of its move: that is final only after
   some hours of it.
5. A region that leaves a flight unanswered gets one message of each lane at a time until it answers again: its broker
   must not fill with what nobody takes.
6. What the region has is told of in transit records: which envelope came here when, and by which rule it went on. A
   record is told again until it is receipted; the same line told twice is one line there. A region that takes messages
   and no records is told in health; beyond `MOST_UNTOLD` lines the oldest are given up, those of alerts last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from random import Random
from typing import Final

from protocol.clock import to_ms
from protocol.delivery import Bury, Forget, Lane, Lanes, Pace, Wait, Windows, outcome_of
from protocol.federation import MAX_TRANSIT_ITEMS, TransitItem
from protocol.receipts import ReceiptItem
from protocol.refusals import Refusal

LIVE_WITHIN: Final = timedelta(minutes=1)
BATCH: Final = 250
MOST_DEAD: Final = 10_000
MOST_UNTOLD: Final = 100_000
FLIGHT_S: Final = 10.0
PACE: Final = Pace(first_s=5.0, most_s=300.0)
AIM_S: Final = 0.5
_BESIDE: Final = 128
_FIRST: Final = 128
_LEAST: Final = 64
_LEARNT_LATE: Final = frozenset({Refusal.NOT_YOUR_PLACE})
_MOST_TRIES: Final = 48
_TELL_AFTER_S: Final = {True: 0.5, False: 5.0}


@unique
class Part(StrEnum):
    """What a lane carries here, as the statements of sql/forward.sql are named."""

    ALERTS = "alerts"
    LIVE = "live"
    BACKLOG = "backlog"


PARTS: Final = {Lane.URGENT: Part.ALERTS, Lane.ORDINARY: Part.LIVE, Lane.BULK: Part.BACKLOG}
_PLACE: Final = {lane: place for place, lane in enumerate(PARTS)}


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be passed on, with the bytes that the device signed until they are sent."""

    number: int
    hash: bytes
    lane: Lane
    tries: int
    topic: str
    raw: bytes = field(repr=False)

    @property
    def key(self) -> int:
        """What the lanes know it by."""
        return self.number

    @property
    def order(self) -> tuple[int, int]:
        """Lane by lane; of alerts the newest, of the rest the oldest."""
        return _PLACE[self.lane], -self.number if self.lane is Lane.URGENT else self.number


@dataclass(frozen=True, slots=True)
class PutOff:
    """A message that waits for another try. No reason: nobody answered."""

    hash: bytes
    wait_s: float
    reason: int | None = None


@dataclass(slots=True)
class Settled:
    """What is to become of messages in the queue."""

    stored: list[bytes] = field(default_factory=list)
    dead: list[tuple[bytes, int]] = field(default_factory=list)
    put_off: list[PutOff] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.stored or self.dead or self.put_off)

    def add(self, other: "Settled") -> None:
        """Take in what another says."""
        self.stored += other.stored
        self.dead += other.dead
        self.put_off += other.put_off

    @property
    def hashes(self) -> list[bytes]:
        """Of all that it is about."""
        return [*self.stored, *(hash_ for hash_, _ in self.dead), *(each.hash for each in self.put_off)]


@dataclass(slots=True)
class Opening:
    """How much of the backlog may be on its way, so that its answers take about `AIM_S`."""

    most: int
    size: float = field(init=False)
    _not_again_s: float = 0.0

    def __post_init__(self) -> None:
        """Begin with little."""
        self.size = min(_FIRST, self.most)

    def answered(self, flight_s: float, count: int, now_s: float) -> None:
        """So many were answered, the oldest of them after so long."""
        if flight_s <= AIM_S:
            self.size = min(self.most, self.size + count / 4)
        elif now_s >= self._not_again_s:  # once for all that was sent under the same size
            self.size = max(min(_LEAST, self.most), self.size * 0.75)
            self._not_again_s = now_s + flight_s


@dataclass(slots=True)
class Passing:
    """What is between the queue and the region on one connection."""

    in_flight: int
    rng: Random
    pace: Pace = field(default_factory=lambda: PACE)
    is_stalled: bool = False  # the region left something unanswered and has said nothing since
    _opening: "Opening" = field(init=False)
    _sent_s: dict[int, float] = field(default_factory=dict)  # of the backlog
    _flying: dict[int, Due] = field(default_factory=dict)
    _numbers: dict[bytes, int] = field(default_factory=dict)
    _unread: set[Lane] = field(default_factory=lambda: set(Lane))
    _has_more: set[Lane] = field(default_factory=set)
    _lanes: Lanes[Due] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is on its way."""
        self._opening = Opening(self.in_flight)
        self._lanes = Lanes(self._windows())

    @property
    def on_the_way(self) -> int:
        """How many messages are unanswered on this connection."""
        return len(self._flying)

    def look_again(self, *lanes: Lane) -> None:
        """The queue may hold something new; without lanes, in any of them."""
        self._unread.update(lanes or Lane)

    def wants(self) -> list[Lane]:
        """The lanes that should be read now."""
        return [lane for lane in Lane if self._lanes.has_room(lane) and self._is_short(lane)]

    def look(self, lane: Lane) -> list[int]:
        """Begin a look at a lane, which forgets what was ready of it: the numbers that the look passes over."""
        self._lanes.clear(lane)
        return list({*self._lanes.keys(), *self._flying})

    def fill(self, lane: Lane, rows: Sequence[Due]) -> None:
        """What a look has found, so many at most as a batch holds."""
        self._unread.discard(lane)
        (self._has_more.add if len(rows) == BATCH else self._has_more.discard)(lane)
        for row in rows:
            self._lanes.add(row)

    def next(self) -> Due | None:
        """What goes now, if anything may."""
        return self._lanes.first()

    def sent(self, row: Due, now_s: float) -> None:
        """The broker has it; its bytes are not needed any more."""
        self._lanes.sent(row, now_s)
        self._flying[row.number] = replace(row, raw=b"")
        if row.lane is Lane.BULK:
            self._sent_s[row.number] = now_s
        self._numbers[row.hash] = row.number

    def lapsed(self, now_s: float) -> Settled:
        """Whose flight is over without an answer, to be put off; `landed` once that is written."""
        rows = [self._flying[number] for number in self._lanes.lapsed(now_s)]
        if rows:
            self.is_stalled = True
            self._lanes.windows = self._windows()
        return Settled(put_off=[PutOff(row.hash, self._wait_s(row.tries)) for row in rows])

    def judged(self, items: Iterable[ReceiptItem]) -> Settled:
        """What a verified receipt does, also to messages of an earlier connection; `landed` once that is written."""
        settled = Settled()
        for item in items:
            row = self._flying.get(self._numbers.get(item.hash, 0))
            tries = row.tries if row else 0
            match outcome_of(item):
                case Forget():
                    settled.stored.append(item.hash)
                case Bury(reason) if reason not in _LEARNT_LATE or tries >= _MOST_TRIES:
                    settled.dead.append((item.hash, reason))
                case Bury(reason) | Wait(reason):
                    settled.put_off.append(PutOff(item.hash, self._wait_s(tries), reason))
        return settled

    def landed(self, settled: Settled) -> None:
        """The queue knows what became of these; they are no longer on their way."""
        for hash_ in settled.hashes:
            number = self._numbers.pop(hash_, None)
            row = None if number is None else self._flying.pop(number)
            if row is not None:
                self._lanes.remove(row)
                self._sent_s.pop(row.number, None)

    def heard(self, settled: Settled, now_s: float) -> None:
        """The region has answered these, which have not landed yet."""
        numbers = (self._numbers.get(each, 0) for each in settled.stored)
        sent_s = [self._sent_s[number] for number in numbers if number in self._sent_s]
        if sent_s:
            self._opening.answered(now_s - min(sent_s), len(sent_s), now_s)
        self.is_stalled = False
        self._lanes.windows = self._windows()

    @property
    def lapse_s(self) -> float | None:
        """When the next flight is over."""
        return self._lanes.lapse_s

    def _is_short(self, lane: Lane) -> bool:
        return lane in self._unread or (lane in self._has_more and not self._lanes.ready(lane))

    def _wait_s(self, tries: int) -> float:
        return self.pace.wait_s(tries + 1, self.rng)

    def _windows(self) -> Windows:
        beside, bulk = min(_BESIDE, self.in_flight), int(self._opening.size)
        if self.is_stalled:
            beside = bulk = 1
        return Windows(urgent=beside, ordinary=beside, bulk=bulk, flight_s=FLIGHT_S)


def word_of(reason: int) -> str:
    """A refusal's word for figures and logs; a newer region may have reasons that have none here."""
    return Refusal(reason).name.lower() if reason in Refusal.__members__.values() else str(reason)


@dataclass(frozen=True, slots=True)
class Line:
    """What the region is to be told of one message that it has."""

    event: bytes
    rule: str
    received_at: datetime
    is_alert: bool
    waited_s: float

    @property
    def item(self) -> TransitItem:
        """As it stands in a transit record."""
        return TransitItem(hash=self.event, received_ms=to_ms(self.received_at), rule=self.rule)


def is_time_to_tell(lines: Sequence[Line]) -> bool:
    """Whether these make a record, oldest first: a full one, or one whose first line has waited long enough."""
    return len(lines) == MAX_TRANSIT_ITEMS or any(line.waited_s >= _TELL_AFTER_S[line.is_alert] for line in lines[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a city's queue stands, for health, figures and `aggregator federation status`."""

    alerts: int
    waiting: int
    put_off: int
    dead: int
    untold: int
    oldest_at: datetime | None
    lag_s: float
    is_connected: bool = False
    since: datetime | None = None
    problem: str = ""
    receipt_at: datetime | None = None
    clock_ahead_ms: int | None = None
    stored: int = 0
