"""Evidence on disk: one file per picture, named by the SHA-256 of its bytes.

A file is written beside its place, synced, and renamed into it, and the folder synced: a name is there with all its
bytes or not at all. Writing what is there already changes nothing.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aggregator.errors import NotThere


@dataclass(frozen=True, slots=True)
class EvidenceFiles:
    """The folder."""

    folder: Path

    def path(self, sha256: bytes) -> Path:
        """Where a picture lies."""
        name = sha256.hex()
        return self.folder / name[:2] / name

    def write(self, sha256: bytes, data: bytes) -> None:
        """Put a picture on the disk, and return when it is there to stay."""
        path = self.path(sha256)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
        finally:
            fresh.unlink(missing_ok=True)
        for folder in (path.parent, self.folder):
            _sync_folder(folder)

    def read(self, sha256: bytes) -> bytes:
        """A picture's bytes, checked; raises `NotThere`."""
        try:
            data = self.path(sha256).read_bytes()
        except OSError as exc:
            raise NotThere(f"evidence {sha256.hex()} cannot be read: {exc.strerror}") from exc
        if hashlib.sha256(data).digest() != sha256:
            raise NotThere(f"evidence {sha256.hex()} was altered on disk: restore the file from a backup")
        return data

    def has(self, sha256: bytes, size: int) -> bool:
        """Whether a picture of this length is there. Its bytes are not looked at."""
        try:
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def remove(self, sha256: bytes) -> None:
        """Take a picture off the disk, if it is there, and return when it is gone for good."""
        path = self.path(sha256)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folder(path.parent)

    def folders(self) -> Iterator[Path]:
        """The folders that pictures lie in."""
        if self.folder.is_dir():
            yield from sorted(path for path in self.folder.iterdir() if path.is_dir())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
