"""What the box keeps secret at rest: cameras' passwords, and the hotlist where that is allowed.

A vault seals bytes for a purpose and opens them again on this box only. Sealing is AES-256-GCM under one random key,
with the purpose as associated data, so that what was sealed as a camera's password cannot be put in a list's place.
What differs is where that key lies:

- in a file of `identity_dir` that only the service's user can read (`vault.key`). That keeps passwords out of
  settings, copies and support bundles; whoever takes the disk has it.
- or in the TPM's keeping, where there is one: then the disk alone is worth nothing (`is_hardware`).

The key is made at the first use and never replaced: what it sealed would be lost.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge_agent.errors import VaultError

KEY_FILE: Final = "vault.key"
KEY_BYTES: Final = 32

_FORM: Final = b"\x01"
_NONCE_BYTES: Final = 12
_CONTEXT: Final = b"atalaya/vault/1\0"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens under one key. `is_hardware`: the key is the TPM's to give, not the disk's."""

    key: bytes = field(repr=False)
    is_hardware: bool

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Bytes that only this box opens, and only for this purpose."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORM + nonce + AESGCM(self.key).encrypt(nonce, data, _CONTEXT + purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed; raises `VaultError`."""
        form, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if form != _FORM:
            raise VaultError(f"{purpose}: not sealed by a vault of this version; enter it again")
        try:
            return AESGCM(self.key).decrypt(nonce, body, _CONTEXT + purpose.encode())
        except (InvalidTag, ValueError) as exc:
            raise VaultError(
                f"{purpose}: sealed by another box, for another purpose, or damaged; enter it again"
            ) from exc


def open_vault(identity_dir: Path) -> Vault:
    """The box's vault, made at the first use; raises `VaultError`."""
    path = identity_dir / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as exc:
        raise VaultError(f"{path}: {exc.strerror}; run this as the user of the service") from exc
    if len(key) != KEY_BYTES:
        raise VaultError(f"{path}: not a vault's key; move it away, then enter the cameras' passwords again")
    return Vault(key, is_hardware=False)


def _make(path: Path) -> None:
    """Put a new key in place, unless somebody else does so first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # theirs is as good
    finally:
        fresh.unlink()
