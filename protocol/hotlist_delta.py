"""Deltas: the few bytes by which the next snapshot of a hotlist differs from the one that a box holds.

1. A delta names the snapshot it starts from and the one it ends in, both by SHA-256. It is a row of parts: bytes, or
   a piece of the base to be copied. Put together they are the target, byte for byte, or nothing.
2. Nothing of it is believed. It needs no signature of its own: what comes out must have the hash and the size that the
   signed manifest names, and is then judged as if it had come whole (`protocol.hotlist`). How much it may unfold
   into is bounded before anything is copied.
3. It is made without the base's bytes: a snapshot's contents, which byte strings it holds and where, are enough. Byte
   strings (batches and withdrawals, as signed) are copied whole or not at all, neighbours in one piece.

Nothing here knows the fields of a snapshot: any artefact in our CBOR has contents, and deltas.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Annotated, Final, NamedTuple

import msgspec

from protocol.errors import DecodeError
from protocol.fields import Count, Hash, Number
from protocol.hotlist import MAX_SNAPSHOT_BYTES
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_PARTS: Final = 65_536
# CBOR heads (RFC 8949, section 3): the types that carry bytes, and how many bytes of length follow the first.
_BYTES, _TEXT = 2, 3
_LENGTH_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}


class DeltaPart(WireStruct, frozen=True, kw_only=True):
    """Some bytes of the target: these, or `size` bytes of the base from `at` on."""

    data: bytes = msgspec.field(name="0", default=b"")
    at: Count = msgspec.field(name="1", default=0)
    size: Count = msgspec.field(name="2", default=0)

    @property
    def length(self) -> int:
        """How many bytes of the target it is."""
        return len(self.data) or self.size


class Delta(WireStruct, frozen=True, kw_only=True):
    """How one artefact becomes another."""

    version: Number = msgspec.field(name="0")
    base: Hash = msgspec.field(name="1")
    target: Hash = msgspec.field(name="2")
    parts: Annotated[tuple[DeltaPart, ...], msgspec.Meta(max_length=MAX_PARTS)] = msgspec.field(name="3")


@unique
class DeltaRefusal(Enum):
    """Why a delta did not give the manifest's snapshot; the whole one is fetched instead. Counted by these words."""

    BAD_FORM = "bad_form"
    UNKNOWN_VERSION = "unknown_version"
    OTHER_BASE = "other_base"
    OTHER_TARGET = "other_target"
    WRONG_SIZE = "wrong_size"
    WRONG_HASH = "wrong_hash"


class Span(NamedTuple):
    """A byte string of an artefact: the SHA-256 of its bytes, where they begin, and how many there are."""

    sha256: bytes
    at: int
    size: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.at + self.size


@dataclass(frozen=True, slots=True)
class Contents:
    """What an artefact holds, without the bytes: its SHA-256, and its byte strings in their order."""

    sha256: bytes
    spans: tuple[Span, ...] = field(repr=False)


def contents_of(artefact: bytes) -> Contents:
    """The contents of an artefact in our CBOR; raises `DecodeError` for a byte string that goes past its end."""
    view = memoryview(artefact)
    spans = (Span(hashlib.sha256(view[at : at + size]).digest(), at, size) for at, size in _byte_strings(artefact))
    return Contents(hashlib.sha256(artefact).digest(), tuple(spans))


def make_delta(base: Contents, artefact: bytes, contents: Contents) -> bytes | None:
    """The delta from a base, known by its contents, to an artefact; None if it would have more parts than are taken."""
    parts = tuple(_parts({span.sha256: span for span in base.spans}, artefact, contents.spans))
    if len(parts) > MAX_PARTS:
        return None
    return to_bytes(Delta(version=VERSION, base=base.sha256, target=contents.sha256, parts=parts))


def apply_delta(raw: bytes, base: bytes, *, base_sha256: bytes, sha256: bytes, size_bytes: int) -> bytes | DeltaRefusal:
    """The artefact of this hash and size, made of a base whose hash is known, or why the delta does not give it."""
    try:
        delta = from_versioned(raw, Delta, max_bytes=MAX_SNAPSHOT_BYTES)
    except DecodeError as exc:
        is_version = exc.refusal is Refusal.UNKNOWN_VERSION
        return DeltaRefusal.UNKNOWN_VERSION if is_version else DeltaRefusal.BAD_FORM
    if delta.base != base_sha256:
        return DeltaRefusal.OTHER_BASE
    if delta.target != sha256:
        return DeltaRefusal.OTHER_TARGET
    if any(part.at + part.size > len(base) for part in delta.parts):
        return DeltaRefusal.BAD_FORM
    if sum(part.length for part in delta.parts) != size_bytes:
        return DeltaRefusal.WRONG_SIZE
    view = memoryview(base)
    artefact = b"".join(part.data or view[part.at : part.at + part.size] for part in delta.parts)
    return artefact if hashlib.sha256(artefact).digest() == sha256 else DeltaRefusal.WRONG_HASH


def _parts(base: dict[bytes, Span], artefact: bytes, contents: Iterable[Span]) -> Iterator[DeltaPart]:
    """The target from its first byte to its last: copies of what the base has, and the bytes between them."""
    covered = 0
    piece: tuple[int, int] | None = None  # where the copy that is being drawn out begins and ends in the base
    for span in contents:
        held = base.get(span.sha256)
        if held is None:
            continue
        gap = span.at - covered
        # A gap of one head only, here and there: the same head, for it says the length and nothing else.
        if piece and gap == held.at - piece[1] == _head_bytes(span.size):
            piece = piece[0], held.end
        else:
            yield from _copied(piece)
            yield DeltaPart(data=artefact[covered : span.at])
            piece = held.at, held.end
        covered = span.end
    yield from _copied(piece)
    if covered < len(artefact):
        yield DeltaPart(data=artefact[covered:])


def _copied(piece: tuple[int, int] | None) -> Iterator[DeltaPart]:
    if piece is not None:
        yield DeltaPart(at=piece[0], size=piece[1] - piece[0])


def _byte_strings(artefact: bytes) -> Iterator[tuple[int, int]]:
    """Where byte strings begin and how long they are. Items that hold others are simply walked into."""
    at = 0
    while at < len(artefact):
        major, length, at = _head(artefact, at)
        if major not in (_BYTES, _TEXT):
            continue
        if at + length > len(artefact):
            raise DecodeError("a length that goes past the end")
        if major == _BYTES and length:
            yield at, length
        at += length


def _head(artefact: bytes, at: int) -> tuple[int, int, int]:
    """Type and argument of the item at a place, and the place after its head."""
    major, information = artefact[at] >> 5, artefact[at] & 31
    width = _LENGTH_BYTES.get(information, 0)
    argument = int.from_bytes(artefact[at + 1 : at + 1 + width], "big") if width else information
    return major, argument, at + 1 + width


def _head_bytes(length: int) -> int:
    """How long the head of a byte string is, in its one encoding."""
    return 1 if length < 24 else 2 if length < 0x100 else 3 if length < 0x10000 else 5
