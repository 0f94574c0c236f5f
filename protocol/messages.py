"""What a device says: the message around every body, and the bodies.

A message is the payload of an envelope signed in `Context.MESSAGE`. Its place in the device's order (outbox,
epoch, sequence, hash of the one before) stands in the message itself, so that it is signed with the rest. Times
are milliseconds since 1970 in UTC; shares are per mille; boxes are pixels of the full frame.

Numbers of kinds and fields are wire values: a released one never changes its meaning (docs/protocol.md). What a field
may hold is in `protocol.fields`; what is said of a point and its upkeep is in `protocol.point_messages`.
"""

from enum import IntEnum, unique
from typing import Annotated, Any, Final

import msgspec

from protocol import wire
from protocol.errors import DecodeError
from protocol.fields import (
    Box,
    Count,
    Epoch,
    Hash,
    Id,
    Label,
    Number,
    Ordinal,
    OutboxId,
    Permille,
    PictureBytes,
    Plate,
    Signed,
    TimeMs,
    Word,
)
from protocol.point_messages import Acceptance, CameraCondition, SettingsResult
from protocol.refusals import Refusal
from protocol.wire import WireStruct, from_tree, from_versioned, to_bytes, to_tree

VERSION: Final = wire.VERSION
MAX_PAYLOAD_BYTES: Final = 127 * 1024
PIECE_BYTES: Final = 48 * 1024


@unique
class Kind(IntEnum):
    """What a message is about."""

    HIT = 1
    HIT_AMENDED = 2
    ALARM = 3
    REPORT = 4
    EVIDENCE = 5
    PIECE = 6
    EVIDENCE_UNAVAILABLE = 7
    DROPPED = 8
    CAMERA_CONDITION = 9
    ACCEPTANCE = 10
    SETTINGS_RESULT = 11

    @property
    def slug(self) -> str:
        """The kind's word in topics and on command lines."""
        return self.name.lower().replace("_", "-")


@unique
class Clock(IntEnum):
    """What the device knew of its own clock when it stamped a message."""

    GOOD = 0
    BELOW_FLOOR = 1  # the clock was behind the time floor; the floor was used


@unique
class Quality(IntEnum):
    """How a read matched an entry."""

    EXACT = 1
    POSSIBLE = 2


@unique
class CameraState(IntEnum):
    """What a camera's stream was doing when the report was made."""

    LIVE = 1
    CONNECTING = 2
    STALLED = 3
    ENDED = 4


class Match(WireStruct, frozen=True, kw_only=True):
    """One hotlist entry that a read matched."""

    entry: Id = msgspec.field(name="0")
    quality: Quality = msgspec.field(name="1")
    reason: Word = msgspec.field(name="2")


class Hit(WireStruct, frozen=True, kw_only=True):
    """A read that matches at least one entry. Carries no picture and no hash of one."""

    camera: Id = msgspec.field(name="0")
    track: Count = msgspec.field(name="1")
    plate: Plate = msgspec.field(name="2")
    observed: Plate = msgspec.field(name="3")
    confidence: Permille = msgspec.field(name="4")
    matches: Annotated[tuple[Match, ...], msgspec.Meta(min_length=1, max_length=8)] = msgspec.field(name="5")
    hotlist_version: Count = msgspec.field(name="6")
    captured_ms: TimeMs = msgspec.field(name="7")
    box: Box = msgspec.field(name="8")
    frame_size: tuple[Count, Count] = msgspec.field(name="9")
    looks: Count = msgspec.field(name="10")
    format: Label = msgspec.field(name="11", default="")
    is_from_lookback: bool = msgspec.field(name="12", default=False)


class HitKey(WireStruct, frozen=True, kw_only=True):
    """Names a hit of the same device: its place in the order and its envelope's hash."""

    outbox: OutboxId = msgspec.field(name="0")
    epoch: Epoch = msgspec.field(name="1")
    sequence: Ordinal = msgspec.field(name="2")
    hash: Hash = msgspec.field(name="3")


class HitAmended(WireStruct, frozen=True, kw_only=True):
    """Later frames changed the vote. With no matches left the text stays on the box and the hit is withdrawn."""

    hit: HitKey = msgspec.field(name="0")
    matches: Annotated[tuple[Match, ...], msgspec.Meta(max_length=8)] = msgspec.field(name="1", default=())
    plate: Plate | None = msgspec.field(name="2", default=None)
    observed: Plate | None = msgspec.field(name="3", default=None)
    confidence: Permille = msgspec.field(name="4", default=0)
    captured_ms: TimeMs = msgspec.field(name="5", default=0)

    def __post_init__(self) -> None:
        """Hold the text of a read that matches nothing back."""
        if not self.matches and (self.plate is not None or self.observed is not None):
            raise ValueError("an amended read that matches no entry carries no text")


class Alarm(WireStruct, frozen=True, kw_only=True):
    """A camera's analytic event, or a panic button. `alarm` is a word such as `line_crossing`."""

    camera: Id | None = msgspec.field(name="0", default=None)
    alarm: Word = msgspec.field(name="1")
    started_ms: TimeMs = msgspec.field(name="2")
    is_active: bool = msgspec.field(name="3", default=True)
    note: Label = msgspec.field(name="4", default="")


class CameraMinute(WireStruct, frozen=True, kw_only=True):
    """One camera's counts over a report's interval. Model times are microseconds, mean of the interval."""

    camera: Id = msgspec.field(name="0")
    state: CameraState = msgspec.field(name="1")
    frames_in: Count = msgspec.field(name="2", default=0)
    frames_processed: Count = msgspec.field(name="3", default=0)
    sampled_out: Count = msgspec.field(name="4", default=0)
    dropped: Count = msgspec.field(name="5", default=0)
    reconnects: Count = msgspec.field(name="6", default=0)
    decode_errors: Count = msgspec.field(name="7", default=0)
    vehicles: Count = msgspec.field(name="8", default=0)
    reads: Count = msgspec.field(name="9", default=0)
    unreadable: Count = msgspec.field(name="10", default=0)
    hits: Count = msgspec.field(name="11", default=0)
    faces: Count = msgspec.field(name="12", default=0)
    frames_face_counted: Count = msgspec.field(name="13", default=0)
    detect_us: Count = msgspec.field(name="14", default=0)
    read_us: Count = msgspec.field(name="15", default=0)
    live_ms: Count = msgspec.field(name="16", default=0)
    stalls: Count = msgspec.field(name="17", default=0)


class Health(WireStruct, frozen=True, kw_only=True):
    """The box itself. Unknown figures are left out rather than sent as zero."""

    temperature_mc: Signed | None = msgspec.field(name="0", default=None)
    disk_free_mb: Count | None = msgspec.field(name="1", default=None)
    memory_mb: Count | None = msgspec.field(name="2", default=None)
    cpu_permille: Count | None = msgspec.field(name="3", default=None)
    clock_offset_ms: Signed | None = msgspec.field(name="4", default=None)
    outbox_rows: Count = msgspec.field(name="5", default=0)
    outbox_bytes: Count = msgspec.field(name="6", default=0)
    oldest_unreceipted_ms: TimeMs | None = msgspec.field(name="7", default=None)
    dead_letters: Count = msgspec.field(name="8", default=0)
    lookback_since_ms: TimeMs | None = msgspec.field(name="9", default=None)
    hotlist_version: Count | None = msgspec.field(name="10", default=None)
    hotlist_entries: Count | None = msgspec.field(name="11", default=None)
    hotlist_expires_ms: TimeMs | None = msgspec.field(name="12", default=None)
    refused_downlinks: Count = msgspec.field(name="13", default=0)
    uptime_s: Count = msgspec.field(name="14", default=0)


class Report(WireStruct, frozen=True, kw_only=True):
    """The minute message: counts of all cameras and the health of the box, `from_ms` up to `to_ms`."""

    from_ms: TimeMs = msgspec.field(name="0")
    to_ms: TimeMs = msgspec.field(name="1")
    cameras: Annotated[tuple[CameraMinute, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="2")
    health: Health = msgspec.field(name="3")
    versions: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="4", default=())


class Evidence(WireStruct, frozen=True, kw_only=True):
    """Names a hit and the hashes of its picture: redacted (JPEG), sealed (HPKE), and what the seal holds."""

    hit: HitKey = msgspec.field(name="0")
    camera: Id = msgspec.field(name="1")
    captured_ms: TimeMs = msgspec.field(name="2")
    redacted_sha256: Hash = msgspec.field(name="3")
    redacted_bytes: PictureBytes = msgspec.field(name="4")
    sealed_sha256: Hash = msgspec.field(name="5")
    sealed_bytes: PictureBytes = msgspec.field(name="6")
    original_sha256: Hash = msgspec.field(name="7")
    sealed_to: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)] = msgspec.field(name="8")
    faces_filled: Count = msgspec.field(name="9", default=0)
    plates_filled: Count = msgspec.field(name="10", default=0)
    versions: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="11", default=())


class Piece(WireStruct, frozen=True, kw_only=True):
    """Part of a picture's bytes, at an offset of the whole, which its SHA-256 names."""

    sha256: Hash = msgspec.field(name="0")
    total_bytes: PictureBytes = msgspec.field(name="1")
    offset: PictureBytes = msgspec.field(name="2")
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=PIECE_BYTES)] = msgspec.field(name="3")

    def __post_init__(self) -> None:
        """Hold the piece to its whole."""
        if self.offset + len(self.data) > self.total_bytes:
            raise ValueError("a piece that goes past the end of its picture")


class EvidenceUnavailable(WireStruct, frozen=True, kw_only=True):
    """There is no picture of this hit, and why: `redaction_failed`, `lost_in_restart`, `disk_full`, ..."""

    hit: HitKey = msgspec.field(name="0")
    reason: Word = msgspec.field(name="1")


class Tombstone(WireStruct, frozen=True, kw_only=True):
    """What is left of a message that the box gave up."""

    epoch: Epoch = msgspec.field(name="0")
    sequence: Ordinal = msgspec.field(name="1")
    kind: Kind = msgspec.field(name="2")
    hash: Hash = msgspec.field(name="3")


class Dropped(WireStruct, frozen=True, kw_only=True):
    """Messages the box gave up for want of room: their gaps are `dropped`, not `lost`."""

    reason: Word = msgspec.field(name="0")
    tombstones: Annotated[tuple[Tombstone, ...], msgspec.Meta(min_length=1, max_length=256)] = msgspec.field(name="1")


Body = (
    Hit
    | HitAmended
    | Alarm
    | Report
    | Evidence
    | Piece
    | EvidenceUnavailable
    | Dropped
    | CameraCondition
    | Acceptance
    | SettingsResult
)

BODIES: Final[dict[Kind, type[Body]]] = {
    Kind.HIT: Hit,
    Kind.HIT_AMENDED: HitAmended,
    Kind.ALARM: Alarm,
    Kind.REPORT: Report,
    Kind.EVIDENCE: Evidence,
    Kind.PIECE: Piece,
    Kind.EVIDENCE_UNAVAILABLE: EvidenceUnavailable,
    Kind.DROPPED: Dropped,
    Kind.CAMERA_CONDITION: CameraCondition,
    Kind.ACCEPTANCE: Acceptance,
    Kind.SETTINGS_RESULT: SettingsResult,
}
KINDS: Final[dict[type[Body], Kind]] = {body: kind for kind, body in BODIES.items()}


class Message(WireStruct, frozen=True, kw_only=True):
    """The signed payload: who, where, in which order, when, and a body of the kind."""

    version: Number = msgspec.field(name="0")
    kind: Number = msgspec.field(name="1")
    device: Id = msgspec.field(name="2")
    city: Id = msgspec.field(name="3")
    point: Id = msgspec.field(name="4")
    outbox: OutboxId = msgspec.field(name="5")
    epoch: Epoch = msgspec.field(name="6")
    sequence: Ordinal = msgspec.field(name="7")
    previous: Hash = msgspec.field(name="8")
    created_ms: TimeMs = msgspec.field(name="9")
    clock: Clock = msgspec.field(name="10", default=Clock.GOOD)
    # `Any`: the tree of a body this version may not know; `body_of` reads it.
    body: dict[str, Any] = msgspec.field(name="11")


def encode_message(message: Message) -> bytes:
    """The payload to be signed; raises `EncodeError` for what a receiver would refuse."""
    return to_bytes(message, max_bytes=MAX_PAYLOAD_BYTES)


def decode_message(payload: bytes) -> Message:
    """Read a verified payload; raises `DecodeError`, whose `refusal` goes in the receipt. The body stays a tree."""
    return from_versioned(payload, Message, max_bytes=MAX_PAYLOAD_BYTES)


def body_tree(body: Body) -> dict[str, Any]:
    """A body as `Message.body` holds it."""
    return dict(to_tree(body))


def body_of(message: Message) -> Body:
    """The typed body of a message of a known kind; raises `DecodeError` if it is not one."""
    try:
        kind = Kind(message.kind)
    except ValueError:
        raise DecodeError(f"unknown kind {message.kind}", Refusal.UNKNOWN_KIND) from None
    return from_tree(message.body, BODIES[kind])
