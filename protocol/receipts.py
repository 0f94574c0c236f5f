"""Receipts down, and requests to send again.

The aggregator answers each envelope hash after its commit, signed: `stored`, or `refused` with a reason. Only that
moves a row of the box's outbox; MQTT's own acknowledgement proves nothing (a broker may lose what it took). One
receipt answers many envelopes of one device. A redelivery of the same bytes is receipted again.

A resend asks for ranges of sequence numbers that the chain auditor misses; the box sends what it still has, and
names what it gave up in a `Dropped` message.
"""

from enum import IntEnum, unique
from typing import Annotated, Final

import msgspec

from protocol.envelope import OVERHEAD_BYTES, Context, Envelope, sign
from protocol.fields import Hash, Id, Number, Ordinal, OutboxId, TimeMs
from protocol.keys import Signer
from protocol.messages import VERSION
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_RECEIPT_BYTES: Final = 64 * 1024
MAX_ITEMS: Final = 500


@unique
class Status(IntEnum):
    """What became of an envelope."""

    STORED = 1
    REFUSED = 2


class ReceiptItem(WireStruct, frozen=True, kw_only=True):
    """The answer to one envelope. `reason` is a `Refusal`, kept as a number: a newer one must not break an old box."""

    hash: Hash = msgspec.field(name="0")
    status: Status = msgspec.field(name="1")
    reason: Number = msgspec.field(name="2", default=0)
    is_final: bool = msgspec.field(name="3", default=False)


class Receipt(WireStruct, frozen=True, kw_only=True):
    """Answers to envelopes of one device, at the aggregator's time."""

    version: Number = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    time_ms: TimeMs = msgspec.field(name="2")
    items: Annotated[tuple[ReceiptItem, ...], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(name="3")


class Range(WireStruct, frozen=True, kw_only=True):
    """Sequence numbers, first to last, both included."""

    first: Ordinal = msgspec.field(name="0")
    last: Ordinal = msgspec.field(name="1")

    def __post_init__(self) -> None:
        """Hold the range to its direction."""
        if self.last < self.first:
            raise ValueError("a range that ends before it begins")


class Resend(WireStruct, frozen=True, kw_only=True):
    """Please send these again, or say that they were dropped."""

    version: Number = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    time_ms: TimeMs = msgspec.field(name="2")
    outbox: OutboxId = msgspec.field(name="3")
    ranges: Annotated[tuple[Range, ...], msgspec.Meta(min_length=1, max_length=64)] = msgspec.field(name="4")


def sign_receipt(device: str, items: tuple[ReceiptItem, ...], signer: Signer, *, time_ms: int) -> bytes:
    """A signed receipt for a device."""
    receipt = Receipt(version=VERSION, device=device, time_ms=time_ms, items=items)
    return sign(to_bytes(receipt, max_bytes=MAX_RECEIPT_BYTES - OVERHEAD_BYTES), signer, Context.RECEIPT)


def sign_resend(device: str, outbox: bytes, ranges: tuple[Range, ...], signer: Signer, *, time_ms: int) -> bytes:
    """A signed request to send ranges again."""
    resend = Resend(version=VERSION, device=device, time_ms=time_ms, outbox=outbox, ranges=ranges)
    return sign(to_bytes(resend, max_bytes=MAX_RECEIPT_BYTES - OVERHEAD_BYTES), signer, Context.RESEND)


def decode_receipt(envelope: Envelope) -> Receipt:
    """Read a receipt whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, Receipt, max_bytes=MAX_RECEIPT_BYTES)


def decode_resend(envelope: Envelope) -> Resend:
    """Read a resend whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, Resend, max_bytes=MAX_RECEIPT_BYTES)
