"""Sealing: HPKE (RFC 9180), base mode, to the evidence authority's X25519 key.

Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. The sealed bytes are the encapsulated key (32
bytes) and the ciphertext with its tag, as the library writes them. `info` binds a seal to its use and its owner:

    "atalaya/v1/sealed-original" 0x00 device 0x00 sha256(original)
    "atalaya/v1/refused-bytes"   0x00 device 0x00 sha256(bytes)

so that a sealed picture cannot be passed off as another box's, nor as what was refused at the door.
"""

import hashlib
from enum import Enum, unique
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from protocol.errors import SealError
from protocol.names import is_id

OVERHEAD_BYTES: Final = 48  # encapsulated key and tag
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@unique
class Purpose(Enum):
    """What a seal holds."""

    ORIGINAL = b"atalaya/v1/sealed-original"
    REFUSED = b"atalaya/v1/refused-bytes"


def seal(plain: bytes, spki: bytes, purpose: Purpose, *, device: str, sha256: bytes) -> bytes:
    """Seal bytes to a granted evidence key (DER SubjectPublicKeyInfo of X25519); raises `SealError`."""
    key = check_evidence_key(spki)
    try:
        return _SUITE.encrypt(plain, key, _info(purpose, device, sha256))
    except ValueError as exc:  # a point of small order gives no secret (RFC 9180, section 7.1.4)
        raise SealError("the evidence key cannot be sealed to") from exc


def check_evidence_key(spki: bytes) -> X25519PublicKey:
    """The X25519 key of a DER SubjectPublicKeyInfo in its one form; raises `SealError`."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise SealError("the evidence key is not a SubjectPublicKeyInfo") from exc
    if not isinstance(key, X25519PublicKey):
        raise SealError("the evidence key must be X25519")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        raise SealError("not the one form of the evidence key's SubjectPublicKeyInfo")
    return key


def unseal(sealed: bytes, key: X25519PrivateKey, purpose: Purpose, *, device: str, sha256: bytes) -> bytes:
    """Open sealed bytes with the evidence authority's key; raises `SealError`."""
    try:
        return _SUITE.decrypt(sealed, key, _info(purpose, device, sha256))
    except (InvalidTag, ValueError) as exc:
        raise SealError("not sealed to this key, or altered, or of another device, use or original") from exc


def _info(purpose: Purpose, device: str, sha256: bytes) -> bytes:
    if not is_id(device) or len(sha256) != hashlib.sha256().digest_size:
        raise SealError("`info` takes a device's id and a SHA-256")
    return b"\x00".join((purpose.value, device.encode(), sha256))
