"""A backup of an installation's keys: one file, encrypted under a passphrase, from which a new folder is made.

It holds the settings and every file that they name under `keys`, `broker.clients_dir`, `mosquitto`, `http` and
`alerts.webhooks_dir`: what makes this installation the one that its boxes and receivers trust. The two keys that were
carried off are not in it, nor is the database: that has backups of its own (`aggregator database backup`), and an
installation without its registry knows no box.

    "atalaya backup 1\\n"  salt (16)  nonce (12)  AES-256-GCM of the contents, everything before it authenticated

The key comes from the passphrase by scrypt (N 2^17, r 8, p 1: 128 MiB a guess). A file is written anew, mode 600, and
nothing is ever restored over anything.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregator.adapters import keyfiles
from aggregator.adapters.sealed_stream import key_of
from aggregator.errors import AlreadyThere, BadInput, BadKey
from aggregator.settings import Settings

MAGIC: Final = b"atalaya backup 1\n"
MAX_BYTES: Final = 256 * 1024 * 1024
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file: where it lay below the folder of the settings, who could read it, what was in it."""

    path: str
    mode: int
    data: bytes


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is encrypted."""

    city: str
    made_at: datetime
    settings: str
    files: tuple[Kept, ...]


def write(settings: Settings, config: Path, out: Path, passphrase: bytes, *, now: datetime) -> Contents:
    """Write a backup into a new file; what is in it. Raises `BadInput` for a file outside the installation's folder."""
    folder = config.resolve().parent
    files = [_kept(path, folder) for path in sorted(set(_files(settings))) if path.is_file()]
    contents = Contents(city=settings.city, made_at=now, settings=config.name, files=(_kept(config, folder), *files))
    keyfiles.write_new(out, _sealed(msgspec.msgpack.encode(contents), passphrase), keyfiles.PRIVATE)
    return contents


def read(file: Path, passphrase: bytes) -> Contents:
    """What a backup holds; raises `BadKey`."""
    data = keyfiles.read_file(file)
    if not data.startswith(MAGIC) or len(data) > MAX_BYTES:
        raise BadKey(f"{file} is no backup that `aggregator ca backup` made")
    head = data[: len(MAGIC) + _SALT_BYTES + _NONCE_BYTES]
    salt, nonce = head[len(MAGIC) : -_NONCE_BYTES], head[-_NONCE_BYTES:]
    try:
        plain = AESGCM(key_of(passphrase, salt)).decrypt(nonce, data[len(head) :], head)
        return msgspec.msgpack.decode(plain, type=Contents)
    except (InvalidTag, msgspec.DecodeError) as exc:
        raise BadKey(f"{file} does not open: the passphrase is wrong, or the file was damaged") from exc


def restore(contents: Contents, folder: Path) -> Path:
    """Put a backup into a new folder; the settings file in it. Raises `AlreadyThere`."""
    if folder.exists() and any(folder.iterdir()):
        raise AlreadyThere(f"{folder} is there and not empty; nothing is restored over anything")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for kept in contents.files:
        path = folder / kept.path
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BadKey(f"{kept.path} would lie outside {folder}; this is no backup of ours")
        keyfiles.write_new(path, kept.data, kept.mode & 0o777)
    return folder / contents.settings


def _files(settings: Settings) -> Iterator[Path]:
    """Everything that makes the installation the one it is, where it is there."""
    keys, mosquitto, http = settings.keys, settings.mosquitto, settings.http
    for path in msgspec.structs.astuple(keys):
        yield path
        yield from (path.with_name(prefix + path.name) for prefix in ("previous-", "next-"))
    yield from keys.trust_bundle.with_name("bundles").glob("*.cbor")
    yield from (settings.broker.ca, mosquitto.certificate, mosquitto.key, http.certificate, http.key)
    yield from settings.broker.clients_dir.glob("*.pem")
    yield from settings.alerts.webhooks_dir.glob("*.secret")


def _kept(path: Path, folder: Path) -> Kept:
    place = path.resolve()
    if not place.is_relative_to(folder):
        raise BadInput(f"{path} lies outside {folder}; back it up by itself, or move it below the settings file")
    return Kept(str(place.relative_to(folder)), place.stat().st_mode & 0o777, keyfiles.read_file(place))


def _sealed(plain: bytes, passphrase: bytes) -> bytes:
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    head = MAGIC + salt + nonce
    return head + AESGCM(key_of(passphrase, salt)).encrypt(nonce, plain, head)
