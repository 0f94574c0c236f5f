"""Where an export's bytes land: a file that appears whole or not at all, or a stream such as stdout.

1. A file is written beside its final name, with `.part` behind it, under no name that anybody waits for. It is
   flushed to the disk, then renamed, then the folder is flushed. Whatever goes wrong before takes the `.part` away.
2. An existing file stays unless the caller says otherwise, and stays until the new one is whole in any case.
3. Every byte is counted and hashed on its way, so that the manifest speaks of the file as it lies on the disk.
4. A disk that is full and a reader that went away are `NotWritten`, with what to do.
5. A landing that is over takes nothing more. A Parquet writer that was given up writes its footer when it is collected:
   that goes nowhere, and never into whatever has the descriptor's number by then.
"""

import errno
import hashlib
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from aggregator.errors import AlreadyThere, NotThere, NotWritten

STDOUT: Final = 1
_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's word for a gzip header; it carries neither name nor time
_GZIP_LEVEL: Final = 6


class Sink(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Take all of them; how many there were."""
        ...


class Landing:
    """An open descriptor with the count and the hash of what went through it."""

    def __init__(self, descriptor: int, name: str) -> None:
        """Write to the descriptor; the name is for errors."""
        self._descriptor = descriptor
        self._name = name
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False  # pyarrow asks

    def write(self, data: bytes, /) -> int:
        """Write all of it; raises `NotWritten`."""
        rest = memoryview(b"" if self.closed else data).cast("B")
        while rest:
            try:
                done = os.write(self._descriptor, rest)
            except OSError as exc:
                raise self._not_written(exc) from exc
            self._hash.update(rest[:done])
            self.bytes += done
            rest = rest[done:]
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """Take nothing more."""
        self.closed = True

    def settle(self) -> None:
        """Have the disk keep it; raises `NotWritten`."""
        try:
            os.fsync(self._descriptor)
        except OSError as exc:
            raise self._not_written(exc) from exc

    @property
    def sha256(self) -> str:
        """The hash of all that was written, in hexadecimal."""
        return self._hash.hexdigest()

    def _not_written(self, exc: OSError) -> NotWritten:
        after = f"{self._name}: after {self.bytes:,} bytes"
        if exc.errno in _NO_ROOM:
            return NotWritten(f"{after} there is no room for more; free some, or write to another disk")
        if exc.errno == errno.EPIPE:
            return NotWritten(f"{after} nobody reads any more; what was read is not the whole answer")
        return NotWritten(f"{after} it cannot be written: {exc.strerror}")


class Gzip:
    """Compresses on the way to a sink."""

    def __init__(self, sink: Sink) -> None:
        """Begin a gzip stream."""
        self._sink = sink
        self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes, /) -> int:
        """Pack it, and pass on what is ready."""
        self._sink.write(self._packer.compress(data))
        return len(data)

    def finish(self) -> None:
        """Pass on what was held back."""
        self._sink.write(self._packer.flush())


@contextmanager
def landed(path: Path, *, replaces: bool = False, is_private: bool = False) -> Iterator[Landing]:
    """A file that appears under its name when the block ends well, and never otherwise."""
    _must_be_free(path, replaces=replaces)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666)
    except OSError as exc:
        raise NotWritten(f"{path} cannot be made: {exc.strerror}") from exc
    landing = Landing(descriptor, str(path))
    try:
        try:
            yield landing
            landing.settle()
        finally:
            landing.close()
            os.close(descriptor)
        _must_be_free(path, replaces=replaces)
        part.replace(path)
    except BaseException:  # whatever ended it, a cancel or an interrupt too: half an export is not left behind
        part.unlink(missing_ok=True)
        raise
    _settle_folder(path.parent)


@contextmanager
def streamed(descriptor: int = STDOUT, name: str = "stdout") -> Iterator[Landing]:
    """A stream that somebody reads meanwhile."""
    landing = Landing(descriptor, name)
    try:
        yield landing
    finally:
        landing.close()


def _must_be_free(path: Path, *, replaces: bool) -> None:
    if not path.parent.is_dir():
        raise NotThere(f"there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise AlreadyThere(f"{path} is a folder; name a file")
    if path.exists() and not replaces:
        raise AlreadyThere(f"{path} is there already; --force replaces it")


def _settle_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
