"""Signing keys: two algorithms, named as RFC 9864 names them, and the key ids that envelopes carry.

A public key is its SubjectPublicKeyInfo (DER, RFC 5280), and its id is the first 16 bytes of that's SHA-256. The
algorithm belongs to the registered key; a header that says otherwise is refused, never believed.

ECDSA signatures have a twin (r, n - s) that verifies too. Only the one with the low s is taken, so that nobody
can alter a message's bytes, and with them its hash, without breaking it.

A key has one SubjectPublicKeyInfo, hence one id: other encodings of it (a compressed point, long DER lengths) are
refused, or one officer could pass for two. So are the Ed25519 points of small order (RFC 8032 takes them),
under which one signature holds for any data: an officer with such a key would have signed every batch.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, unique
from functools import lru_cache, partial
from typing import Final, NewType, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocol.errors import DecodeError

KeyId = NewType("KeyId", bytes)

KEY_ID_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64
# Order n of P-256 (SEC 2, section 2.4.2).
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_ED25519_PRIME: Final = 2**255 - 19
# y of the eight points whose order divides 8; of each the point with either sign of x.
_ORDER_8_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
_SMALL_ORDER_YS: Final = frozenset({0, 1, _ED25519_PRIME - 1, _ORDER_8_Y, _ED25519_PRIME - _ORDER_8_Y})


@unique
class Algorithm(IntEnum):
    """COSE algorithm identifiers (RFC 9864, section 2)."""

    ED25519 = -19
    ESP256 = -9


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies: its algorithm and its SubjectPublicKeyInfo. Raises `DecodeError` unless they fit."""

    algorithm: Algorithm
    spki: bytes

    def __post_init__(self) -> None:
        if _load(self.spki)[0] != self.algorithm:
            raise DecodeError("a key of another algorithm than was said")

    @classmethod
    def from_spki(cls, spki: bytes) -> "PublicKey":
        """Take a DER SubjectPublicKeyInfo; raises `DecodeError` unless it is Ed25519 or P-256, in its one form."""
        return cls(_load(spki)[0], spki)

    @property
    def key_id(self) -> KeyId:
        """The id that envelopes carry."""
        return key_id(self.spki)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made this signature (64 bytes: Ed25519, or r then s) over this data."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            return _check_of(self.spki)(signature, data)
        except InvalidSignature:
            return False


class Signer(Protocol):
    """Something that signs: a key in memory, a TPM, an ssh-agent."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        ...

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data."""
        ...


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A private key in memory."""

    private_key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls) -> "KeySigner":
        """A new Ed25519 key."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        return PublicKey.from_spki(spki_of(self.private_key.public_key()))

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data."""
        if isinstance(self.private_key, ed25519.Ed25519PrivateKey):
            return self.private_key.sign(data)
        return p256_raw(self.private_key.sign(data, ec.ECDSA(hashes.SHA256())))


@lru_cache(maxsize=8192)
def key_id(spki: bytes) -> KeyId:
    """The id of a key, from its SubjectPublicKeyInfo."""
    return KeyId(hashlib.sha256(spki).digest()[:KEY_ID_BYTES])


def spki_of(public_key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo, DER, of a key object."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def p256_raw(der: bytes) -> bytes:
    """A DER ECDSA signature over P-256, as OpenSSL and TPMs give it, in COSE's form: r then s, s low."""
    r, s = decode_dss_signature(der)
    if s > _P256_ORDER // 2:
        s = _P256_ORDER - s
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


_Check: TypeAlias = Callable[[bytes, bytes], bool]


@lru_cache(maxsize=8192)
def _check_of(spki: bytes) -> _Check:
    """What checks a signature under a key, chosen once: asking a key for its class costs as much as a hash."""
    _, key = _load(spki)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return partial(_verify_ed25519, key)
    return partial(_verify_p256, key)


def _verify_ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    key.verify(signature, data)
    return True


def _verify_p256(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > _P256_ORDER // 2:
        return False
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    return True


_VerifyingKey: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


@lru_cache(maxsize=8192)
def _load(spki: bytes) -> tuple[Algorithm, _VerifyingKey]:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise DecodeError("not a SubjectPublicKeyInfo") from exc
    match key:
        case ed25519.Ed25519PublicKey():
            algorithm = Algorithm.ED25519
            _check_point(key.public_bytes_raw())
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            algorithm = Algorithm.ESP256
        case _:
            raise DecodeError("a signing key must be Ed25519 or P-256")
    if spki_of(key) != spki:
        raise DecodeError("not the one form of this key's SubjectPublicKeyInfo")
    return algorithm, key


def _check_point(encoded: bytes) -> None:
    """Refuse an Ed25519 point of small order, or with a coordinate that is not reduced (RFC 8032, section 5.1.3)."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y in _SMALL_ORDER_YS:
        raise DecodeError("an Ed25519 key that no private key has")
