"""The root's ceremony: a new bundle signed, and put in force on the server.

The root's key may be brought to the server on a stick, or stay off line: then the server writes a draft (the bundle
without its signature), the root's machine signs it, and the server installs what came back. Either way the server
believes a bundle only as a box does: under the pinned root, with a higher number. Every bundle is kept: who held which
grant on the day of a hotlist's signature is asked years later.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from aggregator.adapters import keyfiles
from aggregator.adapters.officer_keys import read_public
from aggregator.adapters.trust_file import read_trust
from aggregator.core import trust_ledger
from aggregator.errors import BadInput, BadKey
from aggregator.settings import Keys
from protocol.errors import DecodeError
from protocol.keys import KeySigner
from protocol.trust import MAX_TRUST_BYTES, Grant, Role, TrustBundle, TrustRefusal, TrustStore
from protocol.wire import from_bytes, to_bytes


def open_root(key_file: Path, passphrase_file: Path) -> KeySigner:
    """The root's key; raises `BadKey` or `NotThere`."""
    return keyfiles.read_signer(key_file, keyfiles.read_passphrase(passphrase_file))


def grant(keys: Keys, root: KeySigner, grants: Iterable[Grant], *, now: datetime) -> TrustStore:
    """Put new grants in force; what holds now."""
    store = read_trust(keys)
    bundle = trust_ledger.next_bundle(store, trust_ledger.granted(store, grants, now=now), now=now)
    return install(keys, trust_ledger.signed(bundle, root))


def install(keys: Keys, raw: bytes) -> TrustStore:
    """Put a signed bundle in force; raises `BadKey` if it is not the root's, `BadInput` if it is not newer."""
    current = read_trust(keys)
    store = current.accept(raw)
    if isinstance(store, TrustRefusal):
        raise BadKey(f"the bundle is refused ({store.name.lower().replace('_', ' ')}), as every box would refuse it")
    if store.number == current.number:
        raise BadInput(f"bundle number {store.number} is in force already")
    keyfiles.replace(kept_bundle(keys, store.number), raw)
    keyfiles.replace(keys.trust_bundle, raw)
    return store


def kept_bundle(keys: Keys, number: int) -> Path:
    """Where a bundle is kept for good."""
    return keys.trust_bundle.with_name("bundles") / f"{number:06}.cbor"


def write_draft(bundle: TrustBundle, path: Path) -> None:
    """A bundle without its signature, for the root's machine."""
    keyfiles.write_new(path, to_bytes(bundle))


def read_draft(path: Path) -> TrustBundle:
    """A draft; raises `BadInput`."""
    try:
        return from_bytes(keyfiles.read_file(path), TrustBundle, max_bytes=MAX_TRUST_BYTES)
    except DecodeError as exc:
        raise BadInput(f"{path} is no draft of a trust bundle") from exc


def public_key(path: Path, role: Role) -> bytes:
    """The public key of a file (PEM, DER, OpenSSH) as DER SubjectPublicKeyInfo, fit for a role; raises `BadKey`."""
    if role is not Role.EVIDENCE:
        return read_public(path).spki
    data = keyfiles.read_file(path)
    try:
        key = load_pem_public_key(data) if data.startswith(b"-----BEGIN") else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey(f"{path} holds no public key (PEM or DER)") from exc
    if not isinstance(key, X25519PublicKey):
        raise BadKey(f"{path}: the evidence authority's key must be X25519")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
