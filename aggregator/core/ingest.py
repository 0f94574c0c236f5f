"""Ingest: what is taken, what is refused, and what a taken message is marked with.

A delivery is judged in this order, and the first that fails decides:

    topic       one that our schema builds                                      NOT_YOUR_TOPIC
    size        at most MAX_ENVELOPE_BYTES                                      TOO_LARGE
    form        one of our COSE structures                                      BAD_FORM
    key         registered                                                      UNKNOWN_KEY (retry)
                of a device and a key that are not revoked                      REVOKED_KEY
    signature   the algorithm that was registered with the key                  WRONG_ALGORITHM
                this key's, in the context that the topic's word asks for       BAD_SIGNATURE
    payload     a version we know                                               UNKNOWN_VERSION
                a message, or a presence                                        BAD_FORM
    owner       the key's device in the payload and in the topic                NOT_YOUR_TOPIC
                its registered city and point, or one where it stood then       NOT_YOUR_PLACE
    kind        one we know, and the topic's                                    UNKNOWN_KIND, NOT_YOUR_TOPIC
                a body of that kind                                             BAD_FORM
    terms       of a company's point: within the terms that it works under      OUTSIDE_TERMS

A box that was moved still has messages of its old place to send, under the new topic or the old: they are taken if they
were written before it was moved. One that speaks of its old place afterwards has not heard of it, and is refused: a hit
must not be told of the wrong street.

Terms are judged beside this module (`core.partners`), once all the others hold.

Nothing else refuses but the ledger (one key with two envelopes: EQUIVOCATION). Sequence, chain and age never do: shared
subscriptions reorder, and boxes come back after a day. Age marks `is_historical`, a wrong clock `is_clock_suspect`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, unique
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import msgspec

from protocol.clock import from_ms
from protocol.envelope import MAX_ENVELOPE_BYTES, Context, Envelope, parse
from protocol.errors import BadEnvelope, BadTopic, DecodeError
from protocol.keys import PublicKey
from protocol.messages import MAX_PAYLOAD_BYTES, VERSION, Body, Clock, Kind, Message, body_of, decode_message
from protocol.presence import Presence, decode_presence
from protocol.refusals import Refusal
from protocol.topics import PRESENCE, Direction, Topic, parse_topic
from protocol.wire import WireStruct, from_bytes


class PastPlace(NamedTuple):
    """Where a device stood before it was moved, and until when."""

    city: str
    point: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A key of the registry, whose it is, and where that device stands and has stood."""

    key: PublicKey
    device: str
    city: str
    point: str
    is_revoked: bool = False
    past: tuple[PastPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """What can be told of a delivery before anything is believed."""

    topic: Topic
    envelope: Envelope

    @property
    def context(self) -> Context:
        """What the signature must have been made for."""
        return Context.PRESENCE if self.topic.word == PRESENCE else Context.MESSAGE


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message, and its body read."""

    message: Message
    body: Body


Payload: TypeAlias = Spoken | Presence
# Clocks of boxes are off, and an operator types the move a little before or after the technician pulls the plug.
MOVING_MS: Final = 5 * 60 * 1000
# The topics of a region's devices fit, so that each is parsed once.
_topic_of = lru_cache(maxsize=65_536)(parse_topic)


class _Versioned(WireStruct, frozen=True, kw_only=True):
    """The one field that every version of every payload has."""

    version: int = msgspec.field(name="0")


def read_header(topic: str, raw: bytes) -> Header | Refusal:
    """The unverified header of a delivery, or why it is refused unread."""
    try:
        parsed = _topic_of(topic)
    except BadTopic:
        return Refusal.NOT_YOUR_TOPIC
    if parsed.direction is not Direction.UP:
        return Refusal.NOT_YOUR_TOPIC
    if len(raw) > MAX_ENVELOPE_BYTES:
        return Refusal.TOO_LARGE
    try:
        return Header(parsed, parse(raw))
    except BadEnvelope:
        return Refusal.BAD_FORM


def usable(key: RegisteredKey | None) -> RegisteredKey | Refusal:
    """The key, if it may speak."""
    if key is None:
        return Refusal.UNKNOWN_KEY
    return Refusal.REVOKED_KEY if key.is_revoked else key


def verify(header: Header, key: RegisteredKey) -> Payload | Refusal:
    """The payload, once its signature, its form and its place hold. This is where the time goes."""
    refusal = header.envelope.check(key.key, header.context)
    if refusal is not None:
        return refusal
    try:
        claims = decode_presence(header.envelope) if header.topic.word == PRESENCE else _message(header)
    except DecodeError:
        return Refusal.UNKNOWN_VERSION if _is_of_other_version(header.envelope.payload) else Refusal.BAD_FORM
    if claims.version != VERSION:
        return Refusal.UNKNOWN_VERSION
    refusal = judge_place(header.topic, claims, key)
    if refusal is not None:
        return refusal
    return _spoken(header.topic, claims) if isinstance(claims, Message) else claims


def judge_place(topic: Topic, claims: Message | Presence, key: RegisteredKey) -> Refusal | None:
    """Whether device, city and point are the key's own, in the payload and in the topic."""
    if not key.device == claims.device == topic.device:
        return Refusal.NOT_YOUR_TOPIC
    here, said, spoken = (key.city, key.point), (claims.city, claims.point), (topic.city, topic.point)
    if here == said == spoken:
        return None
    is_own_topic = spoken == here or any(spoken == place[:2] for place in key.past)
    written_ms = claims.time_ms if isinstance(claims, Presence) else claims.created_ms
    stood_there = said == here or any(
        said == place[:2] and written_ms <= place.until_ms + MOVING_MS for place in key.past
    )
    return None if is_own_topic and stood_there else Refusal.NOT_YOUR_PLACE


def _message(header: Header) -> Message:
    return decode_message(header.envelope.payload)


def _spoken(topic: Topic, message: Message) -> Spoken | Refusal:
    """The message with its body, if its kind is known, is the topic's, and the body is one of that kind."""
    if message.kind not in _KINDS:
        return Refusal.UNKNOWN_KIND
    if message.kind != topic.kind:
        return Refusal.NOT_YOUR_TOPIC
    try:
        return Spoken(message, body_of(message))
    except DecodeError:
        return Refusal.BAD_FORM


def _is_of_other_version(payload: bytes) -> bool:
    try:
        return from_bytes(payload, _Versioned, max_bytes=MAX_PAYLOAD_BYTES).version != VERSION
    except DecodeError:
        return False


_KINDS: Final = frozenset(int(kind) for kind in Kind)


@dataclass(frozen=True, slots=True)
class TimeRules:
    """When a message is old, how far a clock may run ahead of ours, how far back a message may tell of something."""

    historical_after: timedelta = timedelta(minutes=10)
    suspect_ahead: timedelta = timedelta(minutes=5)
    told_within: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Times:
    """A message's times: the device's, ours, and the one to count by."""

    created_at: datetime
    received_at: datetime
    counted_at: datetime
    is_historical: bool
    is_clock_suspect: bool


def judge_times(created_ms: int, event_ms: int, clock: Clock, received_at: datetime, rules: TimeRules) -> Times:
    """Mark a message by its clock and age. `event_ms` is when what it tells of happened."""
    created_at, event_at = from_ms(created_ms), from_ms(event_ms)
    if event_at < created_at - rules.told_within:
        event_at = created_at  # a box tells of things within minutes; this one was never set
    latest = max(created_at, event_at)
    is_suspect = clock is not Clock.GOOD or latest > received_at + rules.suspect_ahead
    return Times(
        created_at=created_at,
        received_at=received_at,
        counted_at=received_at if is_suspect else event_at,
        is_historical=not is_suspect and created_at < received_at - rules.historical_after,
        is_clock_suspect=is_suspect,
    )


@unique
class Fate(IntEnum):
    """What the ledger found about a message."""

    NEW = 1
    REDELIVERED = 2
    EQUIVOCATION = 3
