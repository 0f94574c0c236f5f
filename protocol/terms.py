"""Terms: what a private company's own cameras may be used for, as data, signed, and held by the company's boxes.

1. Terms name a city and a company, a tier, the purpose, cameras by point, weekly hours, the uses they allow, from when
   until when, and what the company itself may be shown. A key that the root granted SETTINGS for the city signs them,
   at the time written in them; no clock is asked.
2. `number` only rises in a city, whichever company it is. A lower one is a rollback, and so are other bytes under the
   number that was taken last.
3. A company is suspended by terms like any others, with the word in them; what lifts it is the next number.
4. Nothing is allowed but what terms allow. `outside` is the one place where that is judged, and two judge by it: the
   box before it looks at anything, ingest before it stores anything.
5. `REGISTERED` terms allow nothing. They say that a camera is there, and a command centre knows whom to ask.
6. Hours are those of the terms' own time zone, whose rules the caller has; no hours are all hours. A panic button has
   none: while the terms hold it works by day and by night.

What a box says of its own upkeep (reports, losses, settings, acceptance) is no use of a camera, and asks for no terms.
"""

from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum, IntEnum, unique
from typing import Annotated, Final

import msgspec

from protocol.clock import from_ms
from protocol.envelope import OVERHEAD_BYTES, Context, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Id, Label, Number, Ordinal, TimeMs
from protocol.keys import Signer
from protocol.messages import (
    Alarm,
    Body,
    Evidence,
    EvidenceUnavailable,
    Hit,
    HitAmended,
    Piece,
)
from protocol.point_messages import CameraCondition
from protocol.refusals import Refusal
from protocol.settings import Taken
from protocol.trust import Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_TERMS_BYTES: Final = 64 * 1024
MAX_POINTS: Final = 1_024
MAX_CAMERAS: Final = 32
MAX_HOURS: Final = 64
DAY_MINUTES: Final = 24 * 60
_MINUTE_MS: Final = 60_000
PANIC_ALARMS: Final = frozenset({"panic", "panic_test"})
FOLLOWING_MS: Final = 15 * 60 * 1000
"""How long after a use what follows from it may still be written: pictures, amendments, late hits."""
_NONE_TAKEN: Final = Taken()

ZoneName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_+/-]{1,64}\Z")]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
FromMinute = Annotated[int, msgspec.Meta(ge=0, le=DAY_MINUTES - 1)]
ToMinute = Annotated[int, msgspec.Meta(ge=1, le=DAY_MINUTES)]


@unique
class Tier(IntEnum):
    """How far a company takes part."""

    REGISTERED = 1  # its cameras are known, and whom to ask; no box of it speaks
    CONNECTED = 2


@unique
class Use(IntEnum):
    """What a camera may be used for."""

    HIT = 1  # plates are read and matched, vehicles and faces counted; hits are told with their pictures
    ALARM = 2  # the camera's own detections
    PANIC = 3  # the site's panic buttons
    CONDITION = 4  # whether the picture is good, with small redacted pictures

    @property
    def slug(self) -> str:
        """The use's word in files and on command lines."""
        return self.name.lower()


@unique
class Shown(IntEnum):
    """What the company itself may be shown of its own cameras. There is no word for a plate or a picture."""

    COUNTS = 1  # vehicles, by hour and camera
    HEALTH = 2  # whether cameras and boxes work
    HIT_COUNTS = 3  # how many hits, by day and camera
    HIT_TIMES = 4  # when and where each hit was, with its reason class

    @property
    def slug(self) -> str:
        """The word in files and on command lines."""
        return self.name.lower()


class Hours(WireStruct, frozen=True, kw_only=True):
    """A window of one weekday (1: Monday), in minutes of its clock; `to_minute` is outside."""

    weekday: Weekday = msgspec.field(name="0")
    from_minute: FromMinute = msgspec.field(name="1")
    to_minute: ToMinute = msgspec.field(name="2")

    def __post_init__(self) -> None:
        """A window that goes past midnight is two."""
        if self.to_minute <= self.from_minute:
            raise ValueError("a window that ends before it begins")


class TermsPoint(WireStruct, frozen=True, kw_only=True):
    """A site of the company, and the cameras of it that the terms are about."""

    point: Id = msgspec.field(name="0")
    cameras: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_CAMERAS)] = msgspec.field(name="1")


class Terms(WireStruct, frozen=True, kw_only=True):
    """One company's terms in one city."""

    version: Number = msgspec.field(name="0")
    number: Ordinal = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    partner: Id = msgspec.field(name="3")
    tier: Tier = msgspec.field(name="4")
    purpose: Label = msgspec.field(name="5")
    created_ms: TimeMs = msgspec.field(name="6")
    from_ms: TimeMs = msgspec.field(name="7")
    until_ms: TimeMs = msgspec.field(name="8")
    time_zone: ZoneName = msgspec.field(name="9")
    points: Annotated[tuple[TermsPoint, ...], msgspec.Meta(max_length=MAX_POINTS)] = msgspec.field(name="10")
    hours: Annotated[tuple[Hours, ...], msgspec.Meta(max_length=MAX_HOURS)] = msgspec.field(name="11", default=())
    uses: Annotated[tuple[Use, ...], msgspec.Meta(max_length=16)] = msgspec.field(name="12", default=())
    shown: Annotated[tuple[Shown, ...], msgspec.Meta(max_length=16)] = msgspec.field(name="13", default=())
    is_suspended: bool = msgspec.field(name="14", default=False)

    def __post_init__(self) -> None:
        """Hold it to a time that passes, and each point to one line."""
        if self.until_ms <= self.from_ms:
            raise ValueError("terms that end before they begin")
        if len({each.point for each in self.points}) != len(self.points):
            raise ValueError("a point that stands there twice")

    def cameras(self, point: str) -> tuple[str, ...] | None:
        """The cameras of a point; None if the terms are not about it."""
        return next((each.cameras for each in self.points if each.point == point), None)

    def is_open(self, at_ms: int, zone: tzinfo) -> bool:
        """Whether an instant lies within the hours."""
        there = from_ms(at_ms).astimezone(zone)
        weekday, minute = there.isoweekday(), there.hour * 60 + there.minute
        return not self.hours or any(
            each.weekday == weekday and each.from_minute <= minute < each.to_minute for each in self.hours
        )


@unique
class TermsRefusal(Enum):
    """Why terms were not taken; counted and told under these words."""

    BAD_FORM = "bad_form"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_CITY = "other_city"
    OTHER_PARTNER = "other_partner"
    ROLLED_BACK = "rolled_back"


@unique
class Outside(Enum):
    """Why something is not allowed; told under these words."""

    NO_TERMS = "no_terms"
    SUSPENDED = "suspended"
    REGISTERED_ONLY = "registered_only"
    NOT_YET = "not_yet"
    ENDED = "ended"
    OTHER_POINT = "other_point"
    OTHER_CAMERA = "other_camera"
    OTHER_USE = "other_use"
    OTHER_HOURS = "other_hours"


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of terms: a use, of a camera (none: of the site), at an instant."""

    use: Use
    camera: str | None
    at_ms: int


def sign_terms(terms: Terms, signer: Signer) -> bytes:
    """Terms under the signature of a key granted SETTINGS."""
    return sign(to_bytes(terms, max_bytes=MAX_TERMS_BYTES - OVERHEAD_BYTES), signer, Context.TERMS)


def check_terms(
    raw: bytes, trust: TrustStore, *, city: str, partner: str | None = None, taken: Taken = _NONE_TAKEN
) -> Terms | TermsRefusal:
    """Terms, if the city signed them, for the company whose box asks, and they are no step back; or why not."""
    try:
        envelope = parse(raw, max_bytes=MAX_TERMS_BYTES)
        grants = trust.signed_for(envelope, Context.TERMS, Role.SETTINGS, city=city)
        if isinstance(grants, Refusal):
            return TermsRefusal.UNKNOWN_KEY if grants is Refusal.UNKNOWN_KEY else TermsRefusal.BAD_SIGNATURE
        terms = from_versioned(envelope.payload, Terms, max_bytes=MAX_TERMS_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        is_version = exc.refusal is Refusal.UNKNOWN_VERSION
        return TermsRefusal.UNKNOWN_VERSION if is_version else TermsRefusal.BAD_FORM
    if terms.city != city:
        return TermsRefusal.OTHER_CITY
    if partner is not None and terms.partner != partner:
        return TermsRefusal.OTHER_PARTNER
    if not any(each.is_current(terms.created_ms) for each in grants):
        return TermsRefusal.UNKNOWN_KEY
    return TermsRefusal.ROLLED_BACK if taken.refuses(terms.number, raw) else terms


def read_terms(raw: bytes) -> Terms:
    """Terms that somebody verified before; raises `BadEnvelope` or `DecodeError`."""
    return from_versioned(parse(raw, max_bytes=MAX_TERMS_BYTES).payload, Terms, max_bytes=MAX_TERMS_BYTES)


def standing(terms: Terms, point: str, at_ms: int) -> Outside | None:
    """Why terms allow nothing at a point at an instant, whatever is asked; None if they may."""
    if terms.is_suspended:
        return Outside.SUSPENDED
    if terms.tier is Tier.REGISTERED:
        return Outside.REGISTERED_ONLY
    if terms.cameras(point) is None:
        return Outside.OTHER_POINT
    if at_ms < terms.from_ms:
        return Outside.NOT_YET
    return Outside.ENDED if at_ms >= terms.until_ms else None


def outside(terms: Terms, zone: tzinfo, point: str, ask: Ask) -> Outside | None:
    """Why terms do not allow something at a point, or None if they do."""
    found = standing(terms, point, ask.at_ms)
    if found is not None:
        return found
    if ask.use not in terms.uses:
        return Outside.OTHER_USE
    if ask.camera is not None and ask.camera not in (terms.cameras(point) or ()):
        return Outside.OTHER_CAMERA
    return None if ask.use is Use.PANIC or terms.is_open(ask.at_ms, zone) else Outside.OTHER_HOURS


def is_open_between(terms: Terms, zone: tzinfo, from_ms: int, to_ms: int) -> bool:
    """Whether any minute of an interval lies within the hours; of a long one its first day is seen, and its end."""
    first_day = range(from_ms, min(to_ms, from_ms + DAY_MINUTES * _MINUTE_MS), _MINUTE_MS)
    return any(terms.is_open(at_ms, zone) for at_ms in (*first_day, to_ms))


def asked(body: Body, created_ms: int) -> tuple[Ask, ...]:
    """What a message asks of terms: one of these must be allowed. Nothing for what is upkeep.

    (Reports are judged line by line, by their receiver.)
    """
    match body:
        case Hit(camera=camera, captured_ms=at_ms) | Evidence(camera=camera, captured_ms=at_ms):
            return (Ask(Use.HIT, camera, at_ms),)
        case HitAmended() | EvidenceUnavailable() | Piece():
            return Ask(Use.HIT, None, created_ms), Ask(Use.HIT, None, max(0, created_ms - FOLLOWING_MS))
        case Alarm(camera=None, alarm=alarm, started_ms=at_ms):
            return (Ask(Use.PANIC, None, at_ms),) if alarm in PANIC_ALARMS else ()
        case Alarm(camera=camera, started_ms=at_ms):
            return (Ask(Use.ALARM, camera, at_ms),)
        case CameraCondition(camera=camera, since_ms=at_ms):
            return Ask(Use.CONDITION, camera, at_ms), Ask(Use.CONDITION, camera, created_ms)
        case _:
            return ()
