"""Renewal: a box's certificate for another term, asked for under the key that it is for.

The request is an envelope of the device's own key, in a context of its own, and goes over TLS that asks the box for no
certificate: one that expired while the box was switched off is no obstacle. What proves the box is its registered
key; a revoked one gets nothing.

A request holds once. Its time must lie within `MAX_OFF` of the receiver's, and past that of the last request that the
same key was granted: what was seen on the way cannot be told again, and nobody has to remember nonces. A box whose
clock is off learns the receiver's time from the refusal and asks again under that; it need not believe it for more.

The answer is not signed. The leaf names the box and is for its key, and the chain ends at the root that the box has
pinned: it verifies that, whoever handed it the bytes.
"""

from datetime import timedelta
from typing import Annotated, Final, TypeAlias

import msgspec

from protocol.envelope import Context, Envelope, sign
from protocol.fields import Id, Number, TimeMs
from protocol.keys import Signer
from protocol.messages import VERSION
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_OFF: Final = timedelta(minutes=5)
MAX_REQUEST_BYTES: Final = 4 * 1024
MAX_ANSWER_BYTES: Final = 64 * 1024
PATH: Final = "/renewals"

Certificate: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=1, max_length=8 * 1024)]
Chain: TypeAlias = Annotated[tuple[Certificate, ...], msgspec.Meta(min_length=1, max_length=4)]
Authorities: TypeAlias = Annotated[tuple[Certificate, ...], msgspec.Meta(min_length=1, max_length=8)]


class RenewalRequest(WireStruct, frozen=True, kw_only=True):
    """Who asks, and when by its own clock or by the receiver's last word."""

    version: Number = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    time_ms: TimeMs = msgspec.field(name="2")


class RenewalAnswer(WireStruct, frozen=True, kw_only=True):
    """DER certificates: the new one with its issuer behind it, and every authority to trust from now on. The place is
    where the registry has the box stand."""

    version: Number = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    point: Id = msgspec.field(name="3")
    chain: Chain = msgspec.field(name="4")
    authorities: Authorities = msgspec.field(name="5")


def sign_request(device: str, signer: Signer, *, time_ms: int) -> bytes:
    """A box's request, sealed."""
    request = RenewalRequest(version=VERSION, device=device, time_ms=time_ms)
    return sign(to_bytes(request), signer, Context.RENEWAL)


def decode_request(envelope: Envelope) -> RenewalRequest:
    """Read a request whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, RenewalRequest, max_bytes=MAX_REQUEST_BYTES)


def decode_answer(raw: bytes) -> RenewalAnswer:
    """Read an answer; raises `DecodeError`. Nothing in it is believed before the chain has been verified."""
    return from_versioned(raw, RenewalAnswer, max_bytes=MAX_ANSWER_BYTES)
