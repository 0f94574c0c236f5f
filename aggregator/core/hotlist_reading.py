"""What was read of a signed batch, kept beside it so that composing a list does not read 200,000 entries each time.

A reading is made of a batch whose signatures held, and names nothing but ids, expiries and scopes: no plate. Whoever
composes with it still verifies the signatures over the batch's bytes, under the trust of the moment; what is spared
is taking the payload apart. A reading that was tampered with can make the server's count wrong and no box's: boxes read
the batches themselves.
"""

from typing import Final

import msgspec

from protocol.cosign import parse_cosigned
from protocol.errors import BadEnvelope
from protocol.hotlist import MAX_SNAPSHOT_BYTES, Batch, ListRefusal, check_batch, check_officers
from protocol.trust import TrustStore


class ReadEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entry without its plate. No city in `scope` means the whole region."""

    entry: str
    expires_ms: int
    scope: tuple[str, ...]


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """The entries of a batch."""

    entries: tuple[ReadEntry, ...]


_DECODER: Final = msgspec.msgpack.Decoder(Reading)


def reading_of(batch: Batch) -> Reading:
    """What there is to keep of a batch."""
    return Reading(tuple(ReadEntry(each.entry, each.expires_ms, each.scope) for each in batch.entries))


def to_kept(reading: Reading) -> bytes:
    """A reading's bytes; they never leave this installation's database."""
    return msgspec.msgpack.encode(reading)


def from_kept(kept: bytes) -> Reading | None:
    """A reading; None if another version of this program kept it."""
    try:
        return _DECODER.decode(kept)
    except msgspec.DecodeError:
        return None


def judged(raw: bytes, reading: Reading | None, trust: TrustStore, *, now_ms: int) -> Reading | ListRefusal:
    """The reading of a batch that two officers vouch for now, or why not; the kept one, if there is one."""
    if reading is None:
        batch = check_batch(raw, trust, now_ms=now_ms)
        return batch if isinstance(batch, ListRefusal) else reading_of(batch)
    try:
        signed = parse_cosigned(raw, max_bytes=MAX_SNAPSHOT_BYTES)
    except BadEnvelope:
        return ListRefusal.BAD_FORM
    scopes = {each.scope for each in reading.entries}
    return check_officers(signed, scopes, trust, now_ms=now_ms) or reading
