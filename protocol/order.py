"""Order: one sequence and one hash chain per outbox, over everything a device says.

A device keeps its messages in an outbox with a random 128-bit id. Each message takes the next sequence number,
counted from 1 and never restarted, the epoch (raised at each start of the agent), and the hash of the envelope
before it (32 zero bytes for the first). The key (device, outbox, epoch, sequence) names a message for good: a
re-imaged box has a new outbox, and a box whose disk lost its last rows in a power cut has a new epoch, so
neither can collide with its past. The same key with other bytes means two boxes with one key.
"""

from dataclasses import dataclass, replace
from typing import Final

from protocol.envelope import Context, envelope_hash, sign
from protocol.keys import Signer
from protocol.messages import KINDS, VERSION, Body, Clock, Message, body_tree, encode_message

NO_PREVIOUS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is and where it stands."""

    device: str
    city: str
    point: str


@dataclass(frozen=True, slots=True, order=True)
class OrderKey:
    """The name of a message, for good."""

    device: str
    outbox: bytes
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next message of an outbox goes."""

    outbox: bytes
    epoch: int
    sequence: int
    previous: bytes

    @classmethod
    def first(cls, outbox: bytes) -> "Position":
        """The start of a new outbox, before its first epoch."""
        return cls(outbox, epoch=0, sequence=1, previous=NO_PREVIOUS)

    def restarted(self) -> "Position":
        """The same place after a start of the agent."""
        return replace(self, epoch=self.epoch + 1)

    def after(self, raw: bytes) -> "Position":
        """The place after an envelope."""
        return replace(self, sequence=self.sequence + 1, previous=envelope_hash(raw))


def seal_message(
    body: Body, at: Position, who: Identity, signer: Signer, *, created_ms: int, clock: Clock = Clock.GOOD
) -> bytes:
    """Give a body its place in the order and sign it: the envelope's bytes."""
    message = Message(
        version=VERSION,
        kind=KINDS[type(body)],
        device=who.device,
        city=who.city,
        point=who.point,
        outbox=at.outbox,
        epoch=at.epoch,
        sequence=at.sequence,
        previous=at.previous,
        created_ms=created_ms,
        clock=clock,
        body=body_tree(body),
    )
    return sign(encode_message(message), signer, Context.MESSAGE)


def key_of(message: Message) -> OrderKey:
    """The key under which a message is known."""
    return OrderKey(message.device, message.outbox, message.epoch, message.sequence)
