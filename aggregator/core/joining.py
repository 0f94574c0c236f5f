"""Joining: one city may join once under one link key, while its invitation holds.

A request is judged in this order, and the first that fails decides:

    form         one of our envelopes, and in it a request                        bad_request
    invitation   known here, and signed with its secret                           unknown_invitation
                 for the city that asks                                           other_city
    trust        a bundle that the city's root signed, with a server of its own   bad_trust
                 not older than what that root said before                        rolled_back
    key          asked for under the link's own name, and by itself               bad_request
    state        another key has used the invitation                              used
                 cancelled, or expired before any key used it                     cancelled, expired
                 the city has left, or joined under another key, since            left

The same key may ask again as often as it must and gets the same certificate: its answer may have been lost. Every other
is refused from then on. A city that is linked already may join again under a new invitation: it gets a new certificate
and a new log, and what was issued for its link before holds no more. Under a new invitation it may also bring another
root, if its own was lost: whoever holds the token speaks for the city.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Final

from aggregator.core.invitation import State
from protocol.envelope import Context, parse
from protocol.errors import BadEnvelope
from protocol.joining import MAX_JOIN_BYTES, Asked, accept_join
from protocol.keys import PublicKey
from protocol.refusals import Refusal as WireRefusal
from protocol.trust import Role, TrustStore


@unique
class Refusal(Enum):
    """Why a city is not let in; also the words on the wire."""

    BAD_REQUEST = "bad_request"
    UNKNOWN = "unknown_invitation"
    OTHER_CITY = "other_city"
    BAD_TRUST = "bad_trust"
    ROLLED_BACK = "rolled_back"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    LEFT = "left"


TEXTS: Final = {
    Refusal.BAD_REQUEST: "not a request of this release's form, or its signatures do not hold",
    Refusal.UNKNOWN: "no such invitation here; it may be another region's",
    Refusal.OTHER_CITY: "the invitation is for another city",
    Refusal.BAD_TRUST: "the city's trust bundle is not its root's, or grants no server of the city",
    Refusal.ROLLED_BACK: "the city's trust bundle is older than the one that this region holds",
    Refusal.USED: "the invitation was used already; have a new one made, and find out by whom",
    Refusal.EXPIRED: "the invitation has expired; have a new one made",
    Refusal.CANCELLED: "the invitation was cancelled; have a new one made",
    Refusal.LEFT: "the city has left the region since, or joined again; have a new invitation made",
}
_WIRE: Final = {WireRefusal.NOT_YOUR_PLACE: Refusal.OTHER_CITY, WireRefusal.BAD_SIGNATURE: Refusal.BAD_TRUST}


@unique
class Course(Enum):
    """What is done with a request that is not refused."""

    JOIN = "join"
    REPEAT = "repeat"


_COURSES: Final[dict[State, Course | Refusal]] = {
    State.OPEN: Course.JOIN,
    State.EXPIRED: Refusal.EXPIRED,
    State.CANCELLED: Refusal.CANCELLED,
    State.USED: Course.REPEAT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CityInvitation:
    """An invitation of a city, as it is kept."""

    invitation: bytes
    spki: bytes
    city: str
    invited_at: datetime
    invited_by: str
    expires_at: datetime
    key: bytes | None = None
    joined_at: datetime | None = None
    cancelled_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Where it stands."""
        if self.joined_at is not None:
            return State.USED
        if self.cancelled_at is not None:
            return State.CANCELLED
        return State.OPEN if now < self.expires_at else State.EXPIRED


def judge(invitation: CityInvitation, key: bytes, *, now: datetime) -> Course | Refusal:
    """What becomes of a sound request for a link's key."""
    if invitation.key not in (None, key):
        return Refusal.USED
    return _COURSES[invitation.state(now)]


def read(raw: bytes, invitation: CityInvitation) -> Asked | Refusal:
    """A request that its invitation stands behind. Who does not hold the secret learns that there is none, no more."""
    key = PublicKey.from_spki(invitation.spki)
    try:
        if parse(raw, max_bytes=MAX_JOIN_BYTES).check(key, Context.JOIN) is not None:
            return Refusal.UNKNOWN
    except BadEnvelope:
        return Refusal.BAD_REQUEST
    asked = accept_join(raw, key, city=invitation.city)
    return _WIRE.get(asked, Refusal.BAD_REQUEST) if isinstance(asked, WireRefusal) else asked


def has_server(trust: TrustStore, city: str, *, at_ms: int) -> bool:
    """Whether a city's root grants some server to speak for that city now: without one its link could say nothing."""
    return any(g.role is Role.RECEIPT and g.covers(city) and g.is_current(at_ms) for g in trust.grants)
