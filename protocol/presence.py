"""Presence: who is on line, after Sparkplug B's birth and death certificates.

At each connection a device takes the next connection number, leaves the broker a signed death of that number as its
will, and publishes a signed birth of it. Both are outside the sequence: the broker may send a will at any time. A
death counts only against the birth of its own number, so a late will of an old connection kills nobody.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Annotated, Final

import msgspec

from protocol.envelope import Context, Envelope, sign
from protocol.keys import Signer
from protocol.messages import VERSION, Clock, Id, Label, TimeMs
from protocol.order import Identity
from protocol.wire import WireStruct, from_bytes, to_bytes

MAX_PRESENCE_BYTES: Final = 8 * 1024


@unique
class Life(IntEnum):
    """Which of the two certificates."""

    BIRTH = 1
    DEATH = 2


class Presence(WireStruct, frozen=True, kw_only=True):
    """A birth, or the death that was left with the broker at that birth."""

    version: int = msgspec.field(name="0")
    life: Life = msgspec.field(name="1")
    device: Id = msgspec.field(name="2")
    city: Id = msgspec.field(name="3")
    point: Id = msgspec.field(name="4")
    connection: Annotated[int, msgspec.Meta(ge=1)] = msgspec.field(name="5")
    time_ms: TimeMs = msgspec.field(name="6")
    clock: Clock = msgspec.field(name="7", default=Clock.GOOD)
    versions: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="8", default=())


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of a device's connection."""

    connection: int = 0
    is_online: bool = False

    def after(self, presence: Presence) -> "Line":
        """The state after a verified birth or death; older numbers change nothing."""
        if presence.connection < self.connection:
            return self
        if presence.life is Life.BIRTH:
            # A birth that arrives behind the death of its own number is late, not a new life.
            is_late = presence.connection == self.connection and not self.is_online
            return self if is_late else Line(presence.connection, is_online=True)
        return Line(presence.connection, is_online=False)


def sign_presence(
    life: Life,
    who: Identity,
    signer: Signer,
    *,
    connection: int,
    time_ms: int,
    clock: Clock = Clock.GOOD,
    versions: tuple[str, ...] = (),
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
    )
    return sign(to_bytes(presence), signer, Context.PRESENCE)


def decode_presence(envelope: Envelope) -> Presence:
    """Read a presence whose envelope was verified; raises `DecodeError`."""
    return from_bytes(envelope.payload, Presence, max_bytes=MAX_PRESENCE_BYTES)
