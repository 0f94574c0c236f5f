"""What the box keeps secret at rest: cameras' passwords, and the hotlist where that is allowed.

A vault seals bytes for a purpose and opens them again on this box only. Sealing is AES-256-GCM under one random key,
with the purpose as associated data, so that what was sealed as a camera's password cannot be put in a list's place.
What differs is where that key lies:

- in a file of `identity_dir` that only the service's user can read (`vault.key`). That keeps passwords out of
  settings, copies and support bundles; whoever takes the disk has it.
- or in the TPM's keeping (`vault.tpm`), where the box's own key is there too: then the disk alone is worth nothing
  (`is_hardware`).

The key is made at the first use and never replaced: what it sealed would be lost.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge_agent.adapters.tpm import PEM_BEGIN, Tpm, find_tpm, need_tpm
from edge_agent.errors import TpmFailed, VaultError

KEY_FILE: Final = "vault.key"
TPM_FILE: Final = "vault.tpm"
KEY_BYTES: Final = 32

_DEVICE_KEY: Final = "device.key.pem"
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
    in_file, in_tpm = identity_dir / KEY_FILE, identity_dir / TPM_FILE
    try:
        if not in_file.exists() and not in_tpm.exists():
            _make(identity_dir)
        if in_tpm.exists():
            with Tpm(need_tpm()) as tpm:
                return Vault(tpm.unseal(in_tpm.read_bytes()), is_hardware=True)
        key = in_file.read_bytes()
    except OSError as exc:
        raise VaultError(f"{identity_dir}: {exc.strerror}; run this as the user of the service") from exc
    except TpmFailed as exc:
        raise VaultError(f"{in_tpm}: {exc}") from exc
    if len(key) != KEY_BYTES:
        raise VaultError(f"{in_file}: not a vault's key; move it away, then enter the cameras' passwords again")
    return Vault(key, is_hardware=False)


def is_in_tpm(identity_dir: Path) -> bool:
    """Whether the vault's key is the TPM's to give, or would be at the first use."""
    if (identity_dir / TPM_FILE).exists():
        return True
    return not (identity_dir / KEY_FILE).exists() and _belongs_in_tpm(identity_dir / _DEVICE_KEY)


def _make(identity_dir: Path) -> None:
    identity_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    if _belongs_in_tpm(identity_dir / _DEVICE_KEY):
        with Tpm(need_tpm()) as tpm:
            _put_first(identity_dir / TPM_FILE, tpm.seal(key))
    else:
        _put_first(identity_dir / KEY_FILE, key)


def _belongs_in_tpm(device_key: Path) -> bool:
    """Where the device's key is; on a box that has none yet, in the TPM if there is one."""
    if device_key.exists():
        return device_key.read_bytes().startswith(PEM_BEGIN)
    return find_tpm() is not None


def _put_first(path: Path, data: bytes) -> None:
    """Put a file in place whole, unless somebody else did so first: theirs is as good."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
