"""One payload, several signers: COSE_Sign (RFC 9052, section 4.1).

    98([ h'', {}, payload, [ [ << {1: algorithm, 4: key id} >>, {}, signature ], ... ] ])

Hotlist batches travel so: each officer signs the same bytes under a header of his own, whenever he gets to it, and
`CoSigned.with_signature` puts the halves together. As with envelopes only one encoding is taken, and the signatures
stand in the order of their key ids, so that nobody can make other bytes of the same halves.

What was signed is the payload: its SHA-256, not that of the whole, names it for good.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from protocol import cbor
from protocol.envelope import Context, parse_header, seal_header
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import SIGNATURE_BYTES, KeyId, PublicKey, Signer
from protocol.refusals import Refusal

MAX_SIGNATURES: Final = 8
_TAG: Final = b"\xd8\x62"  # tag 98
_NO_HEADER: Final = b""


@dataclass(frozen=True, slots=True)
class CoSignature:
    """One signer's header and signature."""

    protected: bytes
    signature: bytes

    @property
    def key_id(self) -> KeyId:
        """Whose it claims to be."""
        return parse_header(self.protected)[1]

    @property
    def algorithm(self) -> int:
        """The algorithm the header names; checked against the key's own."""
        return parse_header(self.protected)[0]


@dataclass(frozen=True, slots=True)
class CoSigned:
    """A payload and what was signed over it; nothing of it is verified yet."""

    payload: bytes
    signatures: tuple[CoSignature, ...] = ()

    def to_bytes(self) -> bytes:
        """The COSE_Sign structure."""
        ordered = sorted(self.signatures, key=lambda signature: signature.key_id)
        signatures: list[cbor.Value] = [[s.protected, {}, s.signature] for s in ordered]
        return _TAG + cbor.encode([_NO_HEADER, {}, self.payload, signatures])

    def with_signature(self, signature: CoSignature) -> "CoSigned":
        """The same with one signature more."""
        return replace(self, signatures=(*self.signatures, signature))

    def is_signed_by(self, signature: CoSignature, key: PublicKey, context: Context) -> bool:
        """Whether a key made one of the signatures, in a context."""
        if signature.algorithm != key.algorithm or signature.key_id != key.key_id:
            return False
        return key.verifies(signature.signature, cosign_structure(signature.protected, self.payload, context))


def cosign_structure(protected: bytes, payload: bytes, context: Context) -> bytes:
    """Sig_structure of RFC 9052, section 4.4, for one of several signers."""
    return cbor.encode(["Signature", _NO_HEADER, protected, context.value, payload])


def cosign(payload: bytes, signer: Signer, context: Context) -> CoSignature:
    """One signer's half."""
    protected = seal_header(signer.public_key)
    return CoSignature(protected, signer.sign(cosign_structure(protected, payload, context)))


def parse_cosigned(raw: bytes, *, max_bytes: int) -> CoSigned:
    """Take a COSE_Sign apart without believing it; raises `BadEnvelope`."""
    if len(raw) > max_bytes:
        raise BadEnvelope(f"{len(raw)} bytes, at most {max_bytes} are taken", Refusal.TOO_LARGE)
    if not raw.startswith(_TAG):
        raise BadEnvelope("not a tagged COSE_Sign")
    try:
        value = cbor.decode(raw[len(_TAG) :], max_bytes=max_bytes)
    except DecodeError as exc:
        raise BadEnvelope("not deterministic CBOR") from exc
    match value:
        case [b"", dict(empty), bytes(payload), list(signatures)] if not empty and len(signatures) <= MAX_SIGNATURES:
            return CoSigned(payload, _in_order(_parse_signature(s) for s in signatures))
        case _:
            raise BadEnvelope(f"not a COSE_Sign of four with empty headers and at most {MAX_SIGNATURES} signatures")


def _in_order(parsed: Iterable[CoSignature]) -> tuple[CoSignature, ...]:
    """The signatures, if they stand in the order of their key ids. One key twice is a matter for the judge."""
    signatures = tuple(parsed)
    ids = [signature.key_id for signature in signatures]
    if ids != sorted(ids):
        raise BadEnvelope("signatures not in the order of their key ids")
    return signatures


def _parse_signature(value: object) -> CoSignature:
    match value:
        case [bytes(protected), dict(empty), bytes(signature)] if not empty and len(signature) == SIGNATURE_BYTES:
            parse_header(protected)
            return CoSignature(protected, signature)
        case _:
            raise BadEnvelope("a signature that is not header, empty map and 64 bytes")
