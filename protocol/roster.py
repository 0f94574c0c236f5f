"""A city's roster: its points, their cameras, its devices and the keys they sign with, for the city's region.

The city's server signs it, under a key granted RECEIPT there: whose receipts are believed in a city says who its boxes
are. A region that holds the roster can verify every envelope of the city's boxes itself.

1. A roster is whole: what the next one lacks is no longer the city's. `number` only rises; a lower one is a rollback.
   The same number again is taken, since links repeat what they got no answer to.
2. There is a line for each key. `is_revoked` is for good. A device that stood elsewhere before says so in `past`: what
   it signed there, until then, is its own too.
3. Each key can sign, no key is named twice, and every device stands at a point of the roster: or the whole is unfit.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from protocol.envelope import OVERHEAD_BYTES, Context, Envelope, sign
from protocol.fields import Count, Id, Label, Number, Ordinal, Signed, TimeMs
from protocol.keys import Algorithm, PublicKey, Signer
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.trust import Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_ROSTER_BYTES: Final = 16 * 1024 * 1024
MAX_POINTS: Final = 20_000
MAX_KEYS: Final = 50_000
MAX_CAMERAS: Final = 32

Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,200}\Z")]
Spki = Annotated[bytes, msgspec.Meta(min_length=1, max_length=512)]
Degrees = Annotated[int, msgspec.Meta(ge=0, le=359)]


class RosterCamera(WireStruct, frozen=True, kw_only=True):
    """A camera, and where it looks: degrees clockwise from north."""

    camera: Id = msgspec.field(name="0")
    heading_deg: Degrees | None = msgspec.field(name="1", default=None)
    name: Label = msgspec.field(name="2", default="")


class RosterPoint(WireStruct, frozen=True, kw_only=True):
    """A street site. WGS 84 in ten millionths of a degree; a time zone only where it is not the city's."""

    point: Id = msgspec.field(name="0")
    name: Name = msgspec.field(name="1")
    latitude_e7: Signed = msgspec.field(name="2")
    longitude_e7: Signed = msgspec.field(name="3")
    cameras: Annotated[tuple[RosterCamera, ...], msgspec.Meta(max_length=MAX_CAMERAS)] = msgspec.field(
        name="4", default=()
    )
    time_zone: Label = msgspec.field(name="5", default="")


class Past(WireStruct, frozen=True, kw_only=True):
    """Where a device stood before, and until when."""

    city: Id = msgspec.field(name="0")
    point: Id = msgspec.field(name="1")
    until_ms: TimeMs = msgspec.field(name="2")


class RosterDevice(WireStruct, frozen=True, kw_only=True):
    """A device at its point, and one key that it signs with, or did.

    `profile` is what it runs, as far as that is known; `settings_number` that of the newest settings document for it.
    """

    device: Id = msgspec.field(name="0")
    point: Id = msgspec.field(name="1")
    spki: Spki = msgspec.field(name="2")
    is_revoked: bool = msgspec.field(name="3", default=False)
    past: Annotated[tuple[Past, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="4", default=())
    profile: Label = msgspec.field(name="5", default="")
    settings_number: Count = msgspec.field(name="6", default=0)

    @property
    def algorithm(self) -> Algorithm:
        """What the key signs with."""
        return PublicKey.from_spki(self.spki).algorithm


class Roster(WireStruct, frozen=True, kw_only=True):
    """A city as its region is to know it."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    number: Ordinal = msgspec.field(name="2")
    created_ms: TimeMs = msgspec.field(name="3")
    name: Name = msgspec.field(name="4")
    time_zone: Label = msgspec.field(name="5")
    points: Annotated[tuple[RosterPoint, ...], msgspec.Meta(max_length=MAX_POINTS)] = msgspec.field(
        name="6", default=()
    )
    devices: Annotated[tuple[RosterDevice, ...], msgspec.Meta(max_length=MAX_KEYS)] = msgspec.field(
        name="7", default=()
    )

    def __post_init__(self) -> None:
        """Hold it to its own points, and each point and key to one line."""
        points = {each.point for each in self.points}
        if len(points) != len(self.points) or len({each.spki for each in self.devices}) != len(self.devices):
            raise ValueError("a point or a key that stands there twice")
        if not all(each.point in points for each in self.devices):
            raise ValueError("a device at a point that the roster does not have")


def sign_roster(roster: Roster, signer: Signer) -> bytes:
    """A roster under the key of a city's server (granted RECEIPT there)."""
    return sign(to_bytes(roster, max_bytes=MAX_ROSTER_BYTES - OVERHEAD_BYTES), signer, Context.ROSTER)


def make_roster(
    city: str,
    *,
    number: int,
    created_ms: int,
    name: str,
    time_zone: str,
    points: Iterable[RosterPoint],
    devices: Iterable[RosterDevice],
) -> Roster:
    """A roster in one order, whatever order the rows came in."""
    return Roster(
        version=VERSION,
        city=city,
        number=number,
        created_ms=created_ms,
        name=name,
        time_zone=time_zone,
        points=tuple(sorted(points, key=lambda each: each.point)),
        devices=tuple(sorted(devices, key=lambda each: (each.device, each.spki))),
    )


def accept_roster(raw: bytes, trust: TrustStore, *, city: str, last_number: int) -> Roster | Refusal:
    """The roster of a city, as a server of that city signed it when it might, or why not. `trust` is the city's."""
    found = trust.read_signed(raw, Context.ROSTER, Role.RECEIPT, _decode, city=city, max_bytes=MAX_ROSTER_BYTES)
    if isinstance(found, Refusal):
        return found
    roster, grants = found
    if not any(grant.is_current(roster.created_ms) for grant in grants):
        return Refusal.UNKNOWN_KEY
    return _judge(roster, city, last_number) or roster


def _decode(envelope: Envelope) -> Roster:
    """A roster whose envelope was verified, and whose keys can sign; raises `DecodeError`."""
    roster = from_versioned(envelope.payload, Roster, max_bytes=MAX_ROSTER_BYTES)
    for each in roster.devices:
        PublicKey.from_spki(each.spki)
    return roster


def _judge(roster: Roster, city: str, last_number: int) -> Refusal | None:
    if roster.city != city:
        return Refusal.NOT_YOUR_PLACE
    return Refusal.EQUIVOCATION if roster.number < last_number else None
