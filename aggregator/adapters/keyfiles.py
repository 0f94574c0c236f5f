"""Files that hold keys and passphrases: how they are written, and what is refused when they are read.

A private key is written once, mode 0600, and never over another file. A passphrase comes from a file that only its
owner can read, never from the command line, and must be long: the key files are encrypted with it alone. What replaces
a file does so whole (a new file, then a rename), so that a broker or box never reads half of one.
"""

import os
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from aggregator.errors import AlreadyThere, BadKey, NotThere
from protocol.keys import KeySigner

SigningKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
PrivateKey: TypeAlias = SigningKey | X25519PrivateKey

PASSPHRASE_LEAST: Final = 16
PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def read_passphrase(path: Path) -> bytes:
    """The first line of a passphrase file; raises `BadKey` if others can read it or it is short."""
    if read_file(path) and path.stat().st_mode & 0o077:
        raise BadKey(f"{path} can be read by others; run: chmod 600 {path}")
    passphrase = read_file(path).partition(b"\n")[0].strip()
    if len(passphrase) < PASSPHRASE_LEAST:
        raise BadKey(f"{path} must hold a passphrase of at least {PASSPHRASE_LEAST} characters in its first line")
    return passphrase


def read_file(path: Path) -> bytes:
    """A file's bytes; raises `NotThere`."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotThere(f"{path} cannot be read: {exc.strerror}") from exc


def write_new(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """A new file of a mode; raises `AlreadyThere` rather than write over one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as exc:
        raise AlreadyThere(f"{path} is already there and is not written over") from exc
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)


def replace(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Put a whole file in the place of another, or of none, and on the disk."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    write_new(fresh, data, mode)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)


def write_private(path: Path, key: PrivateKey, passphrase: bytes | None = None) -> None:
    """A private key as PKCS#8, under a passphrase if one is given."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    write_new(path, pem, PRIVATE)


def write_certificates(path: Path, *certificates: x509.Certificate) -> None:
    """Certificates, one after the other."""
    write_new(path, b"".join(pem_of(certificate) for certificate in certificates))


def pem_of(certificate: x509.Certificate) -> bytes:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def read_signer(path: Path, passphrase: bytes | None = None) -> KeySigner:
    """A key that signs; raises `NotThere` or `BadKey`."""
    key = _read_private(path, passphrase)
    if not isinstance(key, SigningKey):
        raise BadKey(f"{path} holds no Ed25519 or P-256 key")
    return KeySigner(key)


def read_evidence_key(path: Path, passphrase: bytes) -> X25519PrivateKey:
    """The evidence authority's private key; raises `NotThere` or `BadKey`."""
    key = _read_private(path, passphrase)
    if not isinstance(key, X25519PrivateKey):
        raise BadKey(f"{path} holds no X25519 key")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a file; raises `NotThere` or `BadKey`."""
    try:
        return x509.load_pem_x509_certificate(read_file(path))
    except ValueError as exc:
        raise BadKey(f"{path} holds no certificate") from exc


def _read_private(path: Path, passphrase: bytes | None) -> object:
    pem = read_file(path)
    try:
        return serialization.load_pem_private_key(pem, passphrase)
    except TypeError as exc:
        raise BadKey(f"{path} {'has no' if passphrase else 'needs a'} passphrase") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey(f"{path} is no PKCS#8 key, or the passphrase is wrong") from exc
