"""When a box's certificate is renewed, and how bad it is that it has not been.

A certificate is due at a share of its term, a little later for each box as its serial number has it, so that a fleet
enrolled in one week does not come in one minute. It is due at once when the command centre's own certificate is of
another authority and of a later day: the issuing key has been rotated, and the old one's days are counted.

    fresh    not due
    due      being renewed, or about to be
    late     due for so long that a person should look: the box works, and will stop at the end of the term
    ended    the broker takes it no more; renewal still works, since it goes by the key
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

_SPREAD: Final = 0.05
_STEPS: Final = 10_000


@unique
class Standing(Enum):
    """How a certificate stands; the value is the word in status and logs."""

    FRESH = "fresh"
    DUE = "due"
    LATE = "late"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Term:
    """What of a certificate decides: its dates, its serial number, the key id of its issuer."""

    begins: datetime
    ends: datetime
    serial: int
    issuer: bytes

    @property
    def length(self) -> timedelta:
        """From the first day to the last."""
        return self.ends - self.begins

    def due_at(self, share: float) -> datetime:
        """When it is due: after a share of its term, and up to a twentieth of the term later."""
        return self.begins + self.length * (share + _SPREAD * (self.serial % _STEPS) / _STEPS)

    def is_overtaken_by(self, server: "Term | None") -> bool:
        """Whether the command centre has gone on to another issuing key since this was issued."""
        return server is not None and server.issuer != self.issuer and server.begins > self.begins


@dataclass(frozen=True, slots=True)
class Shares:
    """At which shares of its term a certificate is renewed, and an alarm is raised that it has not been."""

    due: float = 2 / 3
    late: float = 5 / 6


def standing(own: Term, server: Term | None, shares: Shares, *, now: datetime) -> Standing:
    """How a certificate stands at an instant. One whose first day is still to come is fresh: the clock is behind."""
    if now >= own.ends:
        return Standing.ENDED
    if now >= own.begins + own.length * max(shares.late, shares.due + _SPREAD):
        return Standing.LATE
    is_due = now >= own.due_at(shares.due) or own.is_overtaken_by(server)
    return Standing.DUE if is_due else Standing.FRESH
