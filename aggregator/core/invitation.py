"""Invitations: one box may enrol once, under one key, while it holds.

An invitation is `open` until a key claims it. Then it is `waiting` if a person has to approve that key, `approved` when
one has, and `used` once the key has its certificate. Before that it can be `cancelled`, and an open one `expired`.

A key that has claimed an invitation may ask again as often as it must: the answer may have been lost on the way, even
for longer than the invitation holds. Every other key is refused from the claim on. What is refused says no more to
somebody who does not hold the invitation's secret than that there is none.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

from aggregator.errors import BadInput
from protocol.enrolment import MAX_REQUEST_BYTES
from protocol.envelope import Context, Envelope, parse
from protocol.errors import BadEnvelope
from protocol.keys import PublicKey
from protocol.names import is_id

LONGEST: Final = timedelta(days=60)
_LONGEST_ID: Final = 32
_VALIDITY: Final = re.compile(r"([0-9]{1,4})([hd])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24}


@unique
class State(Enum):
    """Where an invitation stands."""

    OPEN = "open"
    EXPIRED = "expired"
    WAITING = "waiting"
    APPROVED = "approved"
    USED = "used"
    CANCELLED = "cancelled"


@unique
class Refusal(Enum):
    """Why a request is refused; also the words on the wire."""

    BAD_REQUEST = "bad_request"
    UNKNOWN = "unknown_invitation"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    USED = "used"
    REVOKED = "revoked"


TEXTS: Final = {
    Refusal.BAD_REQUEST: "not a request of this release's form, or its signatures do not hold",
    Refusal.UNKNOWN: "no such invitation here; it may be another command centre's",
    Refusal.EXPIRED: "the invitation has expired; have a new one made",
    Refusal.CANCELLED: "the invitation was cancelled; have a new one made",
    Refusal.USED: "another box has used this invitation; have a new one made, and find out who",
    Refusal.REVOKED: "the device was revoked; have another one registered",
}


@unique
class Course(Enum):
    """What is done with a request that is not refused."""

    CLAIM = "claim"
    WAIT = "wait"
    CERTIFY = "certify"
    REPEAT = "repeat"


_COURSES: Final[dict[State, Course | Refusal]] = {
    State.OPEN: Course.CLAIM,
    State.EXPIRED: Refusal.EXPIRED,
    State.CANCELLED: Refusal.CANCELLED,
    State.WAITING: Course.WAIT,
    State.APPROVED: Course.CERTIFY,
    State.USED: Course.REPEAT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation and its device, as they are kept."""

    invitation: bytes
    spki: bytes
    device: str
    city: str
    point: str
    profile: str
    settings_toml: str
    needs_approval: bool
    invited_at: datetime
    invited_by: str
    expires_at: datetime
    key: bytes | None = None
    claimed_at: datetime | None = None
    approved_at: datetime | None = None
    approved_by: str | None = None
    certified_at: datetime | None = None
    cancelled_at: datetime | None = None
    is_revoked: bool = False

    def state(self, now: datetime) -> State:
        """Where it stands."""
        if self.certified_at is not None:
            return State.USED
        if self.cancelled_at is not None:
            return State.CANCELLED
        if self.key is None:
            return State.OPEN if now < self.expires_at else State.EXPIRED
        return State.WAITING if self.needs_approval and self.approved_at is None else State.APPROVED


def read(raw: bytes) -> Envelope | Refusal:
    """A request's envelope, not yet verified."""
    try:
        return parse(raw, max_bytes=MAX_REQUEST_BYTES)
    except BadEnvelope:
        return Refusal.BAD_REQUEST


def is_signed(envelope: Envelope, invitation: Invitation) -> bool:
    """Whether whoever sent it holds the invitation's secret."""
    return envelope.check(PublicKey.from_spki(invitation.spki), Context.ENROLMENT) is None


def judge(invitation: Invitation, key: bytes, *, now: datetime) -> Course | Refusal:
    """What becomes of a sound request for a key."""
    if invitation.is_revoked:
        return Refusal.REVOKED
    if invitation.key not in (None, key):
        return Refusal.USED
    return _COURSES[invitation.state(now)]


def validity(text: str) -> timedelta:
    """How long an invitation is to hold, such as `72h` or `3d`; raises `BadInput`."""
    found = _VALIDITY.fullmatch(text)
    valid = timedelta(hours=int(found[1]) * _HOURS[found[2]]) if found else timedelta()
    if not timedelta(0) < valid <= LONGEST:
        raise BadInput(f"{text!r}: want a number of hours or days, such as 72h or 3d, at most {LONGEST.days}d")
    return valid


def free_device_id(point: str, taken: Collection[str]) -> str:
    """The first id for a new box at a point: the point's with a number behind it."""
    number = 1
    while True:
        tail = f"-{number}"
        name = point[: _LONGEST_ID - len(tail)] + tail
        if name not in taken and is_id(name):
            return name
        number += 1


def fingerprint(key: bytes) -> str:
    """A key's id as people compare it, on the box and in the list of invitations."""
    return ":".join(key.hex()[at : at + 4] for at in range(0, len(key.hex()), 4))
