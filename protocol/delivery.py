"""Delivery with receipts, written once: the agent's outbox and the city's forwarder obey the same rules.

A row waits, is sent, and is sent again with a growing, jittered pause until a receipt moves it:

    stored          -> Forget: delete the row
    refused, final  -> Bury: to the dead letters, which health shows
    refused, retry  -> Wait: the row stays, and waits its turn

Losing a receipt costs a resend, never a message. What goes first is decided by rank, then by age: a hit never
stands behind a picture. What is given up first when there is no room is the other way round, with tombstones.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from protocol.messages import Kind
from protocol.receipts import ReceiptItem, Status

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
