"""The box's certificate, from the root down: who has this key is the root's word, not the exporting server's.

Three certificates: the box's, the issuing CA's, the root's own. Each is signed by the next, the last by itself with the
pinned key; the CAs are CAs; the box's names the device and holds the key that signs its envelopes. Dates bound TLS
sessions, not signatures of the past, and are not judged here.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID


def problem_with_chain(pems: Sequence[bytes], *, device: str, device_spki: bytes, root_spki: bytes) -> str | None:
    """Why these certificates (box, issuing, root) do not give the device this key, if they do not."""
    try:
        leaf, issuing, root = (x509.load_pem_x509_certificate(pem) for pem in pems)
    except ValueError:
        return "a certificate cannot be read"
    if _spki(root) != root_spki:
        return "the root's certificate is not of the root's key"
    for name, certificate, issuer in (("root", root, root), ("issuing CA", issuing, root), ("box", leaf, issuing)):
        if not _is_issued_by(certificate, issuer):
            return f"the certificate of the {name} is not signed by the one above it"
    if not (_is_ca(root) and _is_ca(issuing)):
        return "a certificate in the chain is not a CA's"
    if _common_names(leaf) != [device]:
        return f"the box's certificate does not name {device}"
    return None if _spki(leaf) == device_spki else "the box's certificate is of another key"


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.value.ca


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _spki(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""
