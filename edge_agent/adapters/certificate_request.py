"""A certificate request (PKCS #10, RFC 2986) signed by any `Signer`: the TPM's too, whose key `cryptography` has not.

Only what the request of a box needs: one common name, one key, no attributes.
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.keys import Algorithm, Signer

# AlgorithmIdentifier, DER: ecdsa-with-SHA256 (RFC 5758, section 3.2) and Ed25519 (RFC 8410, section 3).
_ALGORITHMS = {
    Algorithm.ESP256: bytes.fromhex("300a06082a8648ce3d040302"),
    Algorithm.ED25519: bytes.fromhex("300506032b6570"),
}
_SEQUENCE, _INTEGER, _BIT_STRING, _ATTRIBUTES = 0x30, 0x02, 0x03, 0xA0


def certificate_request(device: str, signer: Signer) -> bytes:
    """The request, PEM, of a device for a certificate of the signer's key."""
    key = signer.public_key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)]).public_bytes()
    asked = _der(_SEQUENCE, _der(_INTEGER, b"\0"), subject, key.spki, _der(_ATTRIBUTES))
    signature = signer.sign(asked)
    if key.algorithm is Algorithm.ESP256:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        signature = encode_dss_signature(r, s)
    whole = _der(_SEQUENCE, asked, _ALGORITHMS[key.algorithm], _der(_BIT_STRING, b"\0", signature))
    return x509.load_der_x509_csr(whole).public_bytes(Encoding.PEM)


def _der(tag: int, *parts: bytes) -> bytes:
    """Tag, length and value (X.690, section 8.1)."""
    value = b"".join(parts)
    if len(value) < 0x80:
        return bytes((tag, len(value))) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + value
