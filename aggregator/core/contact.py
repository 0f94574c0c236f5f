"""Contact: how a city stands, told to its region every half minute, and what the region says to that.

It is for people who look after links (`aggregator federation status`), and nothing follows from it: what is delivered
is proved by receipts, what was taken by the log. So it is not signed; mTLS says whose it is.

The clocks are compared as NTP does it, with one exchange: the region's time against the middle of the city's own times
before and after. The difference is off by half of the round trip at most.

A link's certificate is renewed for the key that it has, over the link itself, in the last third of its life or as soon
as the region's issuing CA is another. One that has ended meanwhile needs a new invitation.

Whatever a city wants of its region and does not get, it tries again at one pace (`AGAIN`): a region that comes back is
found within some ten seconds.
"""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from protocol.delivery import Pace
from protocol.fields import Count, TimeMs

CONTACT_PATH: Final = "/federation/contact"
LEAVE_PATH: Final = "/federation/leave"
TRUST_PATH: Final = "/federation/trust"
CERTIFICATE_PATH: Final = "/federation/certificate"
MAX_BYTES: Final = 4 * 1024
AGAIN: Final = Pace(first_s=0.5, most_s=10.0)

Release = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+!-]{0,40}\Z")]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a city says of itself, as JSON. Fields that are not known here are passed over."""

    time_ms: TimeMs
    release: Release
    backlog: Count = 0
    backlog_since_ms: TimeMs | None = None
    list_version: Count | None = None
    log_number: Count | None = None


class RegionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What the region answers. `issuer` is the id of its issuing CA's key, hexadecimal."""

    time_ms: TimeMs
    release: Release
    region: str
    log_number: Count | None = None
    issuer: str = ""


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """A link's certificate with its issuer behind it, and every authority of the region's servers, PEM."""

    chain: str
    authorities: str


def is_due(begins: datetime, ends: datetime, *, now: datetime) -> bool:
    """Whether a certificate is in the last third of its life."""
    return now >= ends - (ends - begins) / 3


def offset_ms(asked_ms: int, answered_ms: int, their_ms: int) -> int:
    """How far the other clock is ahead of ours, by one exchange."""
    return their_ms - (asked_ms + answered_ms) // 2
