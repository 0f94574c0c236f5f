"""Checkpoints of the audit: how many rows there were, and the hash of the last one, under the aggregator's key.

Whoever keeps a checkpoint where the aggregator's owners cannot reach it can tell later whether what it covers is still
there: fewer rows are a tail that was cut, another hash at its row is a record that was written anew. The key that signs
one must be granted AUDIT for the city at the checkpoint's own time, by a bundle of the root's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregator.core.audit import AuditRow, Finding
from protocol.clock import from_ms
from protocol.envelope import OVERHEAD_BYTES, Context, Envelope, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Count, Hash, Id, Number, TimeMs
from protocol.keys import Signer
from protocol.messages import VERSION
from protocol.trust import Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_BYTES: Final = 1024


class Checkpoint(WireStruct, frozen=True, kw_only=True):
    """The audit of a city at an instant. With no row yet the hash is 32 zero bytes."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    rows: Count = msgspec.field(name="2")
    last_hash: Hash = msgspec.field(name="3")
    time_ms: TimeMs = msgspec.field(name="4")


@dataclass(frozen=True, slots=True)
class Believed:
    """A checkpoint whose signature held, and the name of the file it came in."""

    name: str
    checkpoint: Checkpoint


def sign_checkpoint(city: str, rows: int, last_hash: bytes, signer: Signer, *, time_ms: int) -> bytes:
    """A checkpoint under the aggregator's key."""
    checkpoint = Checkpoint(version=VERSION, city=city, rows=rows, last_hash=last_hash, time_ms=time_ms)
    return sign(to_bytes(checkpoint, max_bytes=MAX_BYTES - OVERHEAD_BYTES), signer, Context.CHECKPOINT)


def read_checkpoint(raw: bytes, bundles: Iterable[TrustStore], *, city: str | None = None) -> Checkpoint | str:
    """A checkpoint that one of the bundles vouches for, or what is wrong with it."""
    try:
        envelope = parse(raw, max_bytes=MAX_BYTES)
        checkpoint = from_versioned(envelope.payload, Checkpoint, max_bytes=MAX_BYTES)
    except (BadEnvelope, DecodeError):
        return "it is no checkpoint"
    if city is not None and checkpoint.city != city:
        return f"it is of {checkpoint.city}"
    if not any(_is_vouched(envelope, checkpoint, trust) for trust in bundles):
        return "no key that the root grants AUDIT signed it"
    return checkpoint


def _is_vouched(envelope: Envelope, checkpoint: Checkpoint, trust: TrustStore) -> bool:
    city, at_ms = checkpoint.city, checkpoint.time_ms
    return trust.check(envelope, Context.CHECKPOINT, Role.AUDIT, city=city, at_ms=at_ms) is None


def disagreements(checkpoints: Sequence[Believed], rows: int, hashes: Mapping[int, bytes]) -> Iterator[Finding]:
    """What a record of so many rows, with these hashes at the checkpoints' rows, does not have of what was signed."""
    for each in checkpoints:
        checkpoint = each.checkpoint
        seen = f"checkpoint {each.name} of {from_ms(checkpoint.time_ms):%Y-%m-%d %H:%M:%S} UTC"
        if checkpoint.rows > rows:
            yield Finding(rows + 1, f"the end was cut off: {seen} has {checkpoint.rows} rows, here are {rows}")
        elif checkpoint.rows and hashes.get(checkpoint.rows) != checkpoint.last_hash:
            yield Finding(checkpoint.rows, f"the record was written anew up to here: {seen} has another hash")


def wanted_rows(checkpoints: Sequence[Believed]) -> frozenset[int]:
    """The rows whose hashes `disagreements` asks for."""
    return frozenset(each.checkpoint.rows for each in checkpoints)


def head(last: AuditRow | None) -> tuple[int, bytes]:
    """How many rows there are and the last one's hash."""
    return (0, bytes(32)) if last is None else (last.number, last.hash)
