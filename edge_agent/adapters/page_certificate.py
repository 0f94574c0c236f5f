"""A certificate for a page that a box serves for some minutes: self-signed, made for the address, and forgotten.

No authority that a phone knows could vouch for 192.168.1.20, so the phone's browser warns once; the terminal shows
the certificate's fingerprint to compare. What it gives is that nobody on the network reads code, cookie or pictures.
"""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

EARLY: Final = timedelta(days=400)  # the phone's clock is right, the box's may not be
VALID: Final = timedelta(days=800)


def page_context(address: str) -> tuple[ssl.SSLContext, str]:
    """A server context for an address, and its certificate's SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The only way into Python's ssl is a file: it is ours alone, and gone before the first connection.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _certificate(key: ec.EllipticCurvePrivateKey, address: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Atalaya aim")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(alternative, critical=False)
    builder = builder.not_valid_before(now - EARLY).not_valid_after(now + VALID - EARLY)
    return builder.sign(key, hashes.SHA256())
