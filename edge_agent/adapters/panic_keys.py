"""The keys of panic buttons: one for each button, sealed by the box's vault, in a file beside its identity.

A key is shown once, when it is made, to be put into the button; after that nobody can read it but the agent.
"""

import base64
import secrets
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.owned_file import write_owned
from edge_agent.adapters.vault import Vault, open_vault
from edge_agent.core.panic import KEY_BYTES
from edge_agent.errors import BadSettings, VaultError
from protocol.fields import Id

FILE: Final = "panic-buttons.toml"


class _Button(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    button: Id
    sealed_key: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    buttons: tuple[_Button, ...] = ()


def button_names(identity_dir: Path) -> tuple[str, ...]:
    """The buttons that have a key, by name."""
    return tuple(sorted(each.button for each in _read(identity_dir).buttons))


def load_keys(identity_dir: Path) -> dict[str, bytes]:
    """Every button's key; raises `VaultError` for one that this box cannot open."""
    found = _read(identity_dir).buttons
    if not found:
        return {}
    vault = open_vault(identity_dir)
    return {each.button: vault.open(_purpose(each.button), base64.b64decode(each.sealed_key)) for each in found}


def add_button(identity_dir: Path, button: str) -> bytes:
    """Make a button's key; raises `BadSettings` if it has one."""
    found = _read(identity_dir).buttons
    if any(each.button == button for each in found):
        raise BadSettings(f"{button}: this button has a key; remove it first")
    vault, key = open_vault(identity_dir), secrets.token_bytes(KEY_BYTES)
    _write(identity_dir, (*found, _Button(button, _seal(vault, button, key))))
    return key


def remove_button(identity_dir: Path, button: str) -> None:
    """Forget a button's key; raises `BadSettings` if there is none."""
    found = _read(identity_dir).buttons
    left = tuple(each for each in found if each.button != button)
    if left == found:
        raise BadSettings(f"{button}: there is no such button")
    _write(identity_dir, left)


def _seal(vault: Vault, button: str, key: bytes) -> str:
    return base64.b64encode(vault.seal(_purpose(button), key)).decode()


def _purpose(button: str) -> str:
    return f"panic/{button}"


def _read(identity_dir: Path) -> _File:
    path = identity_dir / FILE
    if not path.exists():
        return _File()
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, ValueError) as exc:
        raise VaultError(f"{path}: cannot be read; move it away and give the buttons new keys") from exc


def _write(identity_dir: Path, buttons: tuple[_Button, ...]) -> None:
    lines = [f'[[buttons]]\nbutton = "{each.button}"\nsealed_key = "{each.sealed_key}"\n' for each in buttons]
    write_owned(identity_dir / FILE, "\n".join(lines).encode())
