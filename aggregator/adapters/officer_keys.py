"""Officers' keys: made, read and recognised. A key is one person's; who he is stands in the root's trust bundle.

A key lives in a PKCS#8 file under a passphrase (`NAME.officer.key.pem`), or in an ssh-agent. What is handed to the
root for a grant is the public half: PEM, DER, or the line of an OpenSSH `.pub` file.
"""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from aggregator.adapters import keyfiles, ssh_agent
from aggregator.errors import BadKey
from protocol.errors import DecodeError
from protocol.keys import Algorithm, PublicKey, Signer
from protocol.names import check_id

_PEM: Final = b"-----BEGIN PUBLIC KEY-----"


@dataclass(frozen=True, slots=True)
class NewKey:
    """Where a new officer's key was written."""

    private: Path
    public: Path
    key_id: bytes


def make_key(name: str, folder: Path, passphrase: bytes) -> NewKey:
    """A new officer's key under his passphrase, and its public half beside it; raises `AlreadyThere`."""
    check_id(name, "officer")
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.officer.key.pem", folder / f"{name}.officer.pub.pem"
    keyfiles.write_private(private, key, passphrase)
    keyfiles.write_new(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return NewKey(private, public, read_public(public).key_id)


def file_signer(private: Path, passphrase: bytes) -> Signer:
    """An officer's key from its file; raises `NotThere` or `BadKey`."""
    return keyfiles.read_signer(private, passphrase)


def agent_signer(socket_path: Path, fingerprint: str | None) -> Signer:
    """An officer's key in an ssh-agent; raises `BadKey`."""
    return ssh_agent.find_key(socket_path, fingerprint)


def read_public(path: Path) -> PublicKey:
    """An officer's public key from a file; raises `NotThere` or `BadKey`."""
    data = keyfiles.read_file(path)
    try:
        key = _public_of(data)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey(f"{path} holds no public key that we know: want PEM, DER or an ssh-ed25519 .pub file") from exc
    if key.algorithm is not Algorithm.ED25519:
        raise BadKey(f"{path}: an officer's key must be Ed25519")
    return key


def _public_of(data: bytes) -> PublicKey:
    if data.startswith(_PEM):
        loaded = load_pem_public_key(data)
        return PublicKey.from_spki(loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    words = data.split()
    if words and words[0].startswith((b"ssh-", b"sk-", b"ecdsa-")):
        return ssh_agent.public_key_of(_blob(words))
    return PublicKey.from_spki(data)


def _blob(words: list[bytes]) -> bytes:
    try:
        return base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error) as exc:
        raise DecodeError("an OpenSSH public key without its second word") from exc
