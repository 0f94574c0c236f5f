"""Enrolment: how a box that nobody knows yet gets its identity, on line or by files carried back and forth.

1. An invitation is a secret of 16 bytes. A key is made from it, the invitation's key; the command centre keeps that
   key's public half and forgets the secret. The invitation's name is the id of its key.
2. The token is what the technician is given, as text or QR: the secret, where to ask, which device it is for, until
   when it holds, and the hash of the root's key. That hash is all that a new box believes.
3. The box makes its own key. Its request holds a PKCS#10 request, which that key signs, in an envelope that the
   invitation's key signs: so it is bound to the token, and the secret itself is never sent.
4. The answer comes in a parcel with the root's key and the trust bundle. `check_parcel` believes it by the token alone:
   the root's key has the token's hash, the bundle is signed by that root, the answer by a key that the bundle grants
   RECEIPT, and it names the invitation and the box's own key. Who carried it, over which TLS, does not matter.

Asking again under the same key gets the same certificate again; another key is refused for good.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Annotated, Final, Protocol, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from protocol.envelope import OVERHEAD_BYTES, Context, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Id, Number, TimeMs
from protocol.keys import KeySigner, PublicKey, Signer
from protocol.messages import VERSION
from protocol.settings import MAX_SETTINGS_BYTES
from protocol.trust import MAX_TRUST_BYTES, Role, TrustRefusal, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

SECRET_BYTES: Final = 16
MAX_TOKEN_CHARACTERS: Final = 2_000
MAX_REQUEST_BYTES: Final = 4 * 1024
MAX_ANSWER_BYTES: Final = 192 * 1024
MAX_PARCEL_BYTES: Final = 384 * 1024
AUTHORITY_PATH: Final = "/authority"
REQUEST_PATH: Final = "/enrolments"
REQUEST: Final = "ENROLMENT REQUEST"
ANSWER: Final = "ENROLMENT ANSWER"
"""What files are called that are carried back and forth (`protocol.armour`)."""

_HEAD: Final = "ATALAYA:"
_CHECK_BYTES: Final = 4
_SECRET_DOMAIN: Final = b"atalaya/v1/invitation\x00"

Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}\Z")]
PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Der = Annotated[bytes, msgspec.Meta(min_length=1, max_length=8 * 1024)]
KeyName = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class Token(WireStruct, frozen=True, kw_only=True):
    """What a technician is given. `server_name` is the name in the servers' certificates, whatever is dialled."""

    version: Number = msgspec.field(name="0")
    host: Host = msgspec.field(name="1")
    port: PortNumber = msgspec.field(name="2")
    server_name: Host = msgspec.field(name="3")
    device: Id = msgspec.field(name="4")
    expires_ms: TimeMs = msgspec.field(name="5")
    root_sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)] = msgspec.field(name="6")
    secret: Annotated[bytes, msgspec.Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)] = msgspec.field(name="7")

    @override
    def __repr__(self) -> str:
        """Without the secret: a token must not get into a log."""
        return f"Token(device={self.device!r}, host={self.host!r}, port={self.port})"

    @property
    def signer(self) -> KeySigner:
        """The invitation's key."""
        return invitation_signer(self.secret)

    @property
    def pin(self) -> "Pin":
        """What is left to remember once the request is made."""
        return Pin(
            version=VERSION,
            device=self.device,
            invitation=bytes(self.signer.public_key.key_id),
            root_sha256=self.root_sha256,
        )


class Pin(WireStruct, frozen=True, kw_only=True):
    """A token without its secret: enough to judge an answer by."""

    version: Number = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    invitation: KeyName = msgspec.field(name="2")
    root_sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)] = msgspec.field(name="3")


class EnrolmentRequest(WireStruct, frozen=True, kw_only=True):
    """A PKCS#10 request (DER), signed by the box's own key, whose common name is the device."""

    version: Number = msgspec.field(name="0")
    csr: Der = msgspec.field(name="1")


class Place(WireStruct, frozen=True, kw_only=True):
    """Where a box finds its command centre."""

    broker_host: Host = msgspec.field(name="0")
    broker_port: PortNumber = msgspec.field(name="1")
    server_name: Host = msgspec.field(name="2")
    artefacts_url: Annotated[str, msgspec.Meta(max_length=300)] = msgspec.field(name="3")
    enrolment_url: Annotated[str, msgspec.Meta(max_length=300)] = msgspec.field(name="4")


class EnrolmentAnswer(WireStruct, frozen=True, kw_only=True):
    """All that a box needs. Certificates are DER: `chain` is the box's with its issuer behind it."""

    version: Number = msgspec.field(name="0")
    invitation: KeyName = msgspec.field(name="1")
    key: KeyName = msgspec.field(name="2")
    device: Id = msgspec.field(name="3")
    city: Id = msgspec.field(name="4")
    point: Id = msgspec.field(name="5")
    created_ms: TimeMs = msgspec.field(name="6")
    place: Place = msgspec.field(name="7")
    chain: Annotated[tuple[Der, ...], msgspec.Meta(min_length=1, max_length=4)] = msgspec.field(name="8")
    authorities: Annotated[tuple[Der, ...], msgspec.Meta(min_length=1, max_length=8)] = msgspec.field(name="9")
    settings: Annotated[bytes, msgspec.Meta(max_length=MAX_SETTINGS_BYTES)] = msgspec.field(name="10", default=b"")
    partner: Id | None = msgspec.field(name="11", default=None)  # the company whose box it is (`protocol.terms`)


class Parcel(WireStruct, frozen=True, kw_only=True):
    """The answer, sealed, and what it takes to believe it: the root's key, the trust bundle that the root signed."""

    version: Number = msgspec.field(name="0")
    root_spki: Annotated[bytes, msgspec.Meta(max_length=512)] = msgspec.field(name="1")
    trust: Annotated[bytes, msgspec.Meta(max_length=MAX_TRUST_BYTES)] = msgspec.field(name="2")
    answer: Annotated[bytes, msgspec.Meta(max_length=MAX_ANSWER_BYTES)] = msgspec.field(name="3")


@unique
class AnswerRefusal(Enum):
    """Why an answer was not believed."""

    BAD_FORM = "bad_form"
    OTHER_ROOT = "other_root"
    BAD_TRUST = "bad_trust"
    BAD_SIGNATURE = "bad_signature"
    OTHER_REQUEST = "other_request"


@dataclass(frozen=True, slots=True)
class Believed:
    """An answer that holds, and the parcel that it came in."""

    answer: EnrolmentAnswer
    parcel: Parcel
    trust: TrustStore


def invitation_signer(secret: bytes) -> KeySigner:
    """The key that an invitation's secret stands for."""
    return KeySigner(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(_SECRET_DOMAIN + secret).digest()))


def token_text(token: Token) -> str:
    """A token as it is printed and scanned: capitals, digits and `:` only, so that a QR code stays small."""
    raw = to_bytes(token)
    check = hashlib.sha256(raw).digest()[:_CHECK_BYTES]
    return _HEAD + base64.b32encode(raw + check).decode().rstrip("=")


def read_token(text: str) -> Token:
    """A token as somebody typed or pasted it: spaces, line breaks, small letters do no harm. Raises `DecodeError`."""
    letters = "".join(text.upper().split())
    if len(letters) > MAX_TOKEN_CHARACTERS or not letters.startswith(_HEAD):
        raise DecodeError(f"a token begins with {_HEAD}")
    letters = letters.removeprefix(_HEAD)
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:
        raise DecodeError("a token has letters and the digits 2 to 7 only") from None
    raw, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if hashlib.sha256(raw).digest()[:_CHECK_BYTES] != check:
        raise DecodeError("a letter of the token is wrong, or some are missing")
    return from_versioned(raw, Token, max_bytes=MAX_TOKEN_CHARACTERS)


def sign_request(csr: bytes, invitation: Signer) -> bytes:
    """A box's request, under the key of its invitation."""
    request = EnrolmentRequest(version=VERSION, csr=csr)
    return sign(to_bytes(request, max_bytes=MAX_REQUEST_BYTES - OVERHEAD_BYTES), invitation, Context.ENROLMENT)


def decode_request(payload: bytes) -> EnrolmentRequest:
    """A request whose envelope was verified; raises `DecodeError`."""
    return from_versioned(payload, EnrolmentRequest, max_bytes=MAX_REQUEST_BYTES)


def sign_answer(answer: EnrolmentAnswer, server: Signer) -> bytes:
    """An answer under the key of a server."""
    return sign(to_bytes(answer, max_bytes=MAX_ANSWER_BYTES - OVERHEAD_BYTES), server, Context.ENROLMENT_ANSWER)


def check_parcel(raw: bytes, pin: Pin, key: PublicKey) -> Believed | AnswerRefusal:
    """The answer, if the pinned root stands behind it and it is for this key. No clock is asked: what was signed counts
    at the time written in it, within the dates of the grant."""
    try:
        opened = open_parcel(raw, pin.root_sha256)
        if isinstance(opened, AnswerRefusal):
            return opened
        parcel, trust = opened
        answer = verified_answer(parcel.answer, trust, Context.ENROLMENT_ANSWER, _decode_answer)
    except (BadEnvelope, DecodeError):
        return AnswerRefusal.BAD_FORM
    if answer is None:
        return AnswerRefusal.BAD_SIGNATURE
    wanted = (pin.invitation, bytes(key.key_id), pin.device)
    if (answer.invitation, answer.key, answer.device) != wanted:
        return AnswerRefusal.OTHER_REQUEST
    return Believed(answer, parcel, trust)


def open_parcel(raw: bytes, root_sha256: bytes) -> tuple[Parcel, TrustStore] | AnswerRefusal:
    """A parcel and what it grants, if its root is the one of this hash; raises `DecodeError`."""
    parcel = from_versioned(raw, Parcel, max_bytes=MAX_PARCEL_BYTES)
    if hashlib.sha256(parcel.root_spki).digest() != root_sha256:
        return AnswerRefusal.OTHER_ROOT
    trust = TrustStore(PublicKey.from_spki(parcel.root_spki)).accept(parcel.trust)
    return AnswerRefusal.BAD_TRUST if isinstance(trust, TrustRefusal) else (parcel, trust)


class _Answer(Protocol):
    """What is asked of an answer before it is believed."""

    @property
    def city(self) -> str: ...

    @property
    def created_ms(self) -> int: ...


A = TypeVar("A", bound=_Answer)


def verified_answer(raw: bytes, trust: TrustStore, context: Context, decode: Callable[[bytes], A]) -> A | None:
    """An answer that a server of its city signed when it might; the signature comes first, then the payload is read.
    Raises `BadEnvelope` or `DecodeError`."""
    envelope = parse(raw, max_bytes=MAX_ANSWER_BYTES)
    grants = [g for g in trust.grants if g.role is Role.RECEIPT and g.key_id == envelope.key_id]
    if not any(envelope.check(PublicKey.from_spki(g.spki), context) is None for g in grants):
        return None
    answer = decode(envelope.payload)
    is_granted = any(g.covers(answer.city) and g.is_current(answer.created_ms) for g in grants)
    return answer if is_granted else None


def _decode_answer(payload: bytes) -> EnrolmentAnswer:
    return from_versioned(payload, EnrolmentAnswer, max_bytes=MAX_ANSWER_BYTES)
