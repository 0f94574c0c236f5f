"""The envelope: COSE_Sign1 (RFC 9052, section 4.2) around a payload, and nothing optional.

    18([ << {1: algorithm, 4: key id} >>, {}, payload, signature ])

`parse` reads no more than the array and the protected header, within bounds, before anything is verified, and
takes one encoding of them only. The payload stays bytes until its signature has been checked. What was received
is kept: a region or a court verifies the device's own bytes, never a re-encoding of ours.

Each use signs under a context of its own (the external_aad of section 4.3), so that a receipt can never pass
for a withdrawal even where one key may make both.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum, unique
from functools import lru_cache
from typing import Final

from protocol import cbor
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import KEY_ID_BYTES, SIGNATURE_BYTES, Algorithm, KeyId, PublicKey, Signer
from protocol.refusals import Refusal

MAX_ENVELOPE_BYTES: Final = 128 * 1024
OVERHEAD_BYTES: Final = 96  # what an envelope adds to its payload, at most
_TAGGED_ARRAY: Final = b"\xd2\x84"  # tag 18, array of 4
_EMPTY_MAP: Final = b"\xa0"
_SIGNATURE1: Final = b"\x84\x6aSignature1"  # array of 4, the first of it the context text
_MAX_HEADER_BYTES: Final = 64
# Heads of byte strings: lengths below 24 sit in the first byte; else how many bytes follow, and the least such length.
_SMALL: Final = 24
_HEAD_BYTES: Final = {24: 1, 25: 2, 26: 4}
_LEAST: Final = {1: 24, 2: 0x100, 4: 0x10000}


@unique
class Context(Enum):
    """What a signature is for. The value is the external_aad."""

    MESSAGE = b"atalaya/v1/message"
    PRESENCE = b"atalaya/v1/presence"
    RECEIPT = b"atalaya/v1/receipt"
    RESEND = b"atalaya/v1/resend"
    TRUST = b"atalaya/v1/trust"
    MANIFEST = b"atalaya/v1/hotlist-manifest"
    BATCH = b"atalaya/v1/hotlist-batch"
    WITHDRAWAL = b"atalaya/v1/hotlist-withdrawal"
    CHECKPOINT = b"atalaya/v1/audit-checkpoint"
    EXPORT = b"atalaya/v1/evidence-export"
    SETTINGS = b"atalaya/v1/settings"
    ENROLMENT = b"atalaya/v1/enrolment"
    ENROLMENT_ANSWER = b"atalaya/v1/enrolment-answer"
    RENEWAL = b"atalaya/v1/renewal"
    REVOCATIONS = b"atalaya/v1/revocations"
    TERMS = b"atalaya/v1/terms"
    TRANSIT = b"atalaya/v1/transit"
    LINK_RECEIPT = b"atalaya/v1/link-receipt"
    ROSTER = b"atalaya/v1/roster"
    LOG_HEAD = b"atalaya/v1/log-head"
    NOTICE = b"atalaya/v1/notice"
    JOIN = b"atalaya/v1/join"
    JOIN_ANSWER = b"atalaya/v1/join-answer"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope, not yet verified. `raw` is what was received, byte for byte."""

    raw: bytes
    protected: bytes
    algorithm: int
    key_id: KeyId
    payload: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the whole envelope: its name in receipts, chains and the ledger."""
        return envelope_hash(self.raw)

    def to_be_signed(self, context: Context) -> bytes:
        """The Sig_structure that the signature covers."""
        return sig_structure(self.protected, self.payload, context)

    def check(self, key: PublicKey, context: Context) -> Refusal | None:
        """None if this key signed this envelope in this context, else why not."""
        if self.algorithm != key.algorithm:
            return Refusal.WRONG_ALGORITHM
        if self.key_id != key.key_id:
            return Refusal.UNKNOWN_KEY
        if not key.verifies(self.signature, self.to_be_signed(context)):
            return Refusal.BAD_SIGNATURE
        return None


def envelope_hash(raw: bytes) -> bytes:
    """SHA-256 of received bytes."""
    return hashlib.sha256(raw).digest()


@lru_cache(maxsize=256)
def seal_header(key: PublicKey) -> bytes:
    """The protected header of a key's envelopes, encoded."""
    return cbor.encode({1: int(key.algorithm), 4: bytes(key.key_id)})


def sig_structure(protected: bytes, payload: bytes, context: Context) -> bytes:
    """Sig_structure of RFC 9052, section 4.4, for one signer."""
    return b"".join((_SIGNATURE1, _bstr(protected), _bstr(context.value), _bstr(payload)))


def sign(payload: bytes, signer: Signer, context: Context) -> bytes:
    """Put a payload in a signed envelope."""
    protected = seal_header(signer.public_key)
    signature = signer.sign(sig_structure(protected, payload, context))
    return _TAGGED_ARRAY + b"".join((_bstr(protected), _EMPTY_MAP, _bstr(payload), _bstr(signature)))


def parse(raw: bytes, *, max_bytes: int = MAX_ENVELOPE_BYTES) -> Envelope:
    """Take an envelope apart without believing it; raises `BadEnvelope`."""
    if len(raw) > max_bytes:
        raise BadEnvelope(f"{len(raw)} bytes, at most {max_bytes} are taken", Refusal.TOO_LARGE)
    if raw[:2] != _TAGGED_ARRAY:
        raise BadEnvelope("not a tagged COSE_Sign1 array of four")
    protected, at = _read_bstr(raw, 2, _MAX_HEADER_BYTES)
    if raw[at : at + 1] != _EMPTY_MAP:
        raise BadEnvelope("the unprotected header must be empty")
    payload, at = _read_bstr(raw, at + 1, max_bytes)
    signature, at = _read_bstr(raw, at, SIGNATURE_BYTES)
    if at != len(raw) or len(signature) != SIGNATURE_BYTES:
        raise BadEnvelope(f"want a signature of {SIGNATURE_BYTES} bytes at the end, and nothing after it")
    algorithm, key_id = parse_header(protected)
    return Envelope(raw, protected, algorithm, key_id, payload, signature)


@lru_cache(maxsize=8192)  # a device's header never changes
def parse_header(protected: bytes) -> tuple[int, KeyId]:
    """Algorithm and key id of an encoded protected header; raises `BadEnvelope`."""
    try:
        header = cbor.decode(protected, max_bytes=_MAX_HEADER_BYTES)
    except DecodeError as exc:
        raise BadEnvelope("the protected header is not deterministic CBOR") from exc
    match header:
        case {1: int(algorithm), 4: bytes(kid), **rest} if not rest and len(kid) == KEY_ID_BYTES:
            if isinstance(algorithm, bool):
                raise BadEnvelope("an algorithm must be an integer")
            return algorithm, KeyId(kid)
        case _:
            raise BadEnvelope("the protected header must hold an algorithm and a key id of 16 bytes, alone")


def is_known_algorithm(algorithm: int) -> bool:
    """Whether a header's algorithm is one we have."""
    return algorithm in Algorithm.__members__.values()


def _bstr(data: bytes) -> bytes:
    """A byte string with its head in the shortest form (RFC 8949, section 3)."""
    count = len(data)
    if count < _SMALL:
        return bytes((0x40 | count,)) + data
    information, width = (24, 1) if count < 0x100 else (25, 2) if count < 0x10000 else (26, 4)
    return bytes((0x40 | information,)) + count.to_bytes(width, "big") + data


def _read_bstr(raw: bytes, at: int, limit: int) -> tuple[bytes, int]:
    """A byte string in its shortest form at a place, and the place after it."""
    if at >= len(raw) or raw[at] >> 5 != 2:
        raise BadEnvelope(f"a byte string was expected at byte {at}")
    length, width = raw[at] & 31, 0
    if length >= _SMALL:
        width = _HEAD_BYTES.get(length, 0)
        length = int.from_bytes(raw[at + 1 : at + 1 + width], "big")
        if width == 0 or length < _LEAST[width]:
            raise BadEnvelope(f"a length not in its shortest form at byte {at}")
    start = at + 1 + width
    if length > limit or start + length > len(raw):
        raise BadEnvelope(f"a byte string of {length} bytes at byte {at} goes past its bound")
    return raw[start : start + length], start + length
