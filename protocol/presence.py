"""Presence: who is on line, after Sparkplug B's birth and death certificates.

At each connection a device takes the next connection number, leaves the broker a signed death of that number as its
will, and publishes a signed birth of it. Both are outside the sequence: the broker may send a will at any time. A
death counts only against the birth of its own number, so a late will of an old connection kills nobody.

Numbers are counted in the outbox, so a re-imaged box starts again at 1: the outbox id says that it is a new
life. A birth of another outbox begins anew; a death of another outbox is the late will of the life before.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Annotated, Final

import msgspec

from protocol.envelope import Context, Envelope, sign
from protocol.fields import Id, Label, Number, Ordinal, OutboxId, TimeMs
from protocol.keys import Signer
from protocol.messages import VERSION, Clock
from protocol.order import Identity
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_PRESENCE_BYTES: Final = 32 * 1024
NO_OUTBOX: Final = bytes(16)  # not told; compares with none


@unique
class Life(IntEnum):
    """Which of the two certificates."""

    BIRTH = 1
    DEATH = 2


class Presence(WireStruct, frozen=True, kw_only=True):
    """A birth, or the death that was left with the broker at that birth."""

    version: Number = msgspec.field(name="0")
    life: Life = msgspec.field(name="1")
    device: Id = msgspec.field(name="2")
    city: Id = msgspec.field(name="3")
    point: Id = msgspec.field(name="4")
    connection: Ordinal = msgspec.field(name="5")
    time_ms: TimeMs = msgspec.field(name="6")
    clock: Clock = msgspec.field(name="7", default=Clock.GOOD)
    versions: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="8", default=())
    outbox: OutboxId = msgspec.field(name="9", default=NO_OUTBOX)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of a device's connection."""

    connection: int = 0
    is_online: bool = False
    outbox: bytes = NO_OUTBOX

    def after(self, presence: Presence) -> "Line":
        """The state after a verified birth or death; older numbers change nothing."""
        is_birth = presence.life is Life.BIRTH
        if self._is_of_another_life(presence):
            return self._told(presence) if is_birth else self
        # A birth that arrives behind the death of its own number is late, not a new life.
        is_late = is_birth and presence.connection == self.connection and not self.is_online
        return self if presence.connection < self.connection or is_late else self._told(presence)

    def _is_of_another_life(self, presence: Presence) -> bool:
        return NO_OUTBOX not in (self.outbox, presence.outbox) and self.outbox != presence.outbox

    @staticmethod
    def _told(presence: Presence) -> "Line":
        return Line(presence.connection, presence.life is Life.BIRTH, presence.outbox)


def sign_presence(
    life: Life,
    who: Identity,
    signer: Signer,
    *,
    connection: int,
    time_ms: int,
    clock: Clock = Clock.GOOD,
    versions: tuple[str, ...] = (),
    outbox: bytes = NO_OUTBOX,
) -> bytes:
    """A signed birth or death."""
    presence = Presence(
        version=VERSION,
        life=life,
        device=who.device,
        city=who.city,
        point=who.point,
        connection=connection,
        time_ms=time_ms,
        clock=clock,
        versions=versions,
        outbox=outbox,
    )
    return sign(to_bytes(presence, max_bytes=MAX_PRESENCE_BYTES), signer, Context.PRESENCE)


def decode_presence(envelope: Envelope) -> Presence:
    """Read a presence whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, Presence, max_bytes=MAX_PRESENCE_BYTES)
