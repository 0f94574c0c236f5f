"""Joining: how a city and its region come to hold each other's roots. As a box enrols, so a city joins.

1. The region's operator invites a city; its people get a token (`protocol.enrolment.Token`), whose `device` is the city
   and whose root hash is the region's.
2. The city makes a key for its link. Its request holds a PKCS#10 request under that key, the city's root and its trust
   bundle, in an envelope that the invitation's key signs. The token's secret is never sent. Who holds the token decides
   which root stands for the city: a region takes another root under a new invitation only.
3. The answer comes in the same parcel as a box's, with the region's root and trust bundle; `check_join_parcel` believes
   it by the token alone. It holds the link's certificate, where the region is, and the id of the log that it keeps for
   this city.

Asking again under the same key gets the same answer again; another key is refused for good.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from protocol.enrolment import (
    MAX_ANSWER_BYTES,
    AnswerRefusal,
    Der,
    Host,
    KeyName,
    Parcel,
    PortNumber,
    Token,
    open_parcel,
    verified_answer,
)
from protocol.envelope import OVERHEAD_BYTES, Context, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.federation import LogId
from protocol.fields import Id, Label, Number, TimeMs
from protocol.keys import KeyId, PublicKey, Signer
from protocol.refusals import Refusal
from protocol.roster import Name, Spki
from protocol.trust import MAX_TRUST_BYTES, TrustRefusal, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

JOIN_PATH: Final = "/joinings"
MAX_JOIN_BYTES: Final = MAX_TRUST_BYTES + 16 * 1024

Chain = Annotated[tuple[Der, ...], msgspec.Meta(min_length=1, max_length=4)]
Authorities = Annotated[tuple[Der, ...], msgspec.Meta(min_length=1, max_length=8)]


class JoinRequest(WireStruct, frozen=True, kw_only=True):
    """A city that asks to be linked. `csr` is DER, signed by the link's key, of common name `link.` and the city."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    name: Name = msgspec.field(name="2")
    time_zone: Label = msgspec.field(name="3")
    csr: Der = msgspec.field(name="4")
    root_spki: Spki = msgspec.field(name="5")
    trust: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_TRUST_BYTES)] = msgspec.field(name="6")
    created_ms: TimeMs = msgspec.field(name="7")


class JoinAnswer(WireStruct, frozen=True, kw_only=True):
    """All that a city needs for its link. Certificates are DER: `chain` is the link's with its issuer behind it."""

    version: Number = msgspec.field(name="0")
    invitation: KeyName = msgspec.field(name="1")
    key: KeyName = msgspec.field(name="2")
    city: Id = msgspec.field(name="3")
    region: Id = msgspec.field(name="4")
    region_name: Name = msgspec.field(name="5")
    created_ms: TimeMs = msgspec.field(name="6")
    broker_host: Host = msgspec.field(name="7")
    broker_port: PortNumber = msgspec.field(name="8")
    server_name: Host = msgspec.field(name="9")
    artefacts_url: Annotated[str, msgspec.Meta(max_length=300)] = msgspec.field(name="10")
    log: LogId = msgspec.field(name="11")
    chain: Chain = msgspec.field(name="12")
    authorities: Authorities = msgspec.field(name="13")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that an invitation stands behind, and what the city's root grants."""

    request: JoinRequest
    trust: TrustStore


@dataclass(frozen=True, slots=True)
class Joined:
    """An answer that holds, the parcel that it came in, and what the region's root grants."""

    answer: JoinAnswer
    parcel: Parcel
    trust: TrustStore


def sign_join(request: JoinRequest, invitation: Signer) -> bytes:
    """A city's request, under the key of its invitation."""
    return sign(to_bytes(request, max_bytes=MAX_JOIN_BYTES - OVERHEAD_BYTES), invitation, Context.JOIN)


def invitation_of(raw: bytes) -> KeyId | Refusal:
    """Which invitation a request says it goes by; nothing in it is believed yet."""
    try:
        return parse(raw, max_bytes=MAX_JOIN_BYTES).key_id
    except BadEnvelope as exc:
        return exc.refusal


def accept_join(raw: bytes, invitation: PublicKey, *, city: str) -> Asked | Refusal:
    """A request of the city that this invitation is for, with a bundle that its root signed, or why not."""
    try:
        envelope = parse(raw, max_bytes=MAX_JOIN_BYTES)
        refusal = envelope.check(invitation, Context.JOIN)
        if refusal is not None:
            return refusal
        request = from_versioned(envelope.payload, JoinRequest, max_bytes=MAX_JOIN_BYTES)
        trust = TrustStore(PublicKey.from_spki(request.root_spki)).accept(request.trust)
    except (BadEnvelope, DecodeError) as exc:
        return exc.refusal
    if isinstance(trust, TrustRefusal):
        return Refusal.BAD_SIGNATURE if trust is TrustRefusal.BAD_SIGNATURE else Refusal.BAD_FORM
    return Asked(request, trust) if request.city == city else Refusal.NOT_YOUR_PLACE


def sign_join_answer(answer: JoinAnswer, server: Signer) -> bytes:
    """An answer under the key of the region's server (granted RECEIPT)."""
    return sign(to_bytes(answer, max_bytes=MAX_ANSWER_BYTES - OVERHEAD_BYTES), server, Context.JOIN_ANSWER)


def check_join_parcel(raw: bytes, token: Token, key: PublicKey) -> Joined | AnswerRefusal:
    """The answer, if the region whose root the token names stands behind it and it is for this city and link key."""
    try:
        opened = open_parcel(raw, token.root_sha256)
        if isinstance(opened, AnswerRefusal):
            return opened
        parcel, trust = opened
        answer = verified_answer(parcel.answer, trust, Context.JOIN_ANSWER, _decode_answer)
    except (BadEnvelope, DecodeError):
        return AnswerRefusal.BAD_FORM
    if answer is None:
        return AnswerRefusal.BAD_SIGNATURE
    wanted = (token.pin.invitation, bytes(key.key_id), token.device)
    if (answer.invitation, answer.key, answer.city) != wanted:
        return AnswerRefusal.OTHER_REQUEST
    return Joined(answer, parcel, trust)


def _decode_answer(payload: bytes) -> JoinAnswer:
    return from_versioned(payload, JoinAnswer, max_bytes=MAX_ANSWER_BYTES)
