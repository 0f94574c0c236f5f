"""A backup's file: a tar of parts with the manifest last, encrypted in chunks unless asked for in the clear.

    tables/public.hit/000001.copy.gz    rows in PostgreSQL's binary form of COPY, cut anywhere, each part gzipped
    pictures/list-000001.txt.gz         SHA-256, bytes, and whether the store had it, of every picture that is named
    pictures/files/ab/abcd...           the pictures themselves, on request
    manifest.json

A file has its name once it is whole and on the disk; until then it lies beside it under another. One part at a time is
in memory. What is read back is held to the manifest; a fault is told by the name of the part that it lies in.
"""

import gzip
import hashlib
import os
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from aggregator.adapters.sealed_stream import SealedReader, SealedWriter
from aggregator.core.database_manifest import MANIFEST, Manifest, Part, decode, encode, hold_to
from aggregator.errors import AlreadyThere, BadBackup, BadKey, NotThere

MAGIC: Final = b"atalaya database backup 1\n"
PICTURES: Final = "pictures/files/"
PART_BYTES: Final = 8 * 1024 * 1024
_FASTEST: Final = 1  # envelopes and hashes do not compress; the rest does at any level


class Sink(Protocol):
    """Where a tar goes."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        ...


class ArchiveWriter:
    """Adds parts to an archive, in order."""

    def __init__(self, sink: Sink) -> None:
        """`sink` takes the tar."""
        self._sink = sink

    def add(self, name: str, data: bytes) -> Part:
        """Add a member as it is."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._sink.write(member.tobuf(tarfile.USTAR_FORMAT))
        self._sink.write(data)
        self._sink.write(bytes(-len(data) % tarfile.BLOCKSIZE))
        return Part(name, len(data), hashlib.sha256(data).hexdigest())

    def add_packed(self, name: str, data: bytes) -> Part:
        """Add a member compressed."""
        return self.add(f"{name}.gz", gzip.compress(data, _FASTEST, mtime=0))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, and end the archive."""
        self.add(MANIFEST, encode(manifest))
        self._sink.write(bytes(2 * tarfile.BLOCKSIZE))


class PartWriter:
    """A stream cut into parts of an archive, each under the stream's name and a number."""

    def __init__(self, archive: ArchiveWriter, name: str) -> None:
        """`name` holds `{}`, where the number goes."""
        self._archive, self._name, self._waiting = archive, name, bytearray()
        self.parts: list[Part] = []

    async def write(self, data: bytes) -> None:
        """Add bytes; a coroutine, because asyncpg wants one."""
        self.put(data)

    def put(self, data: bytes) -> None:
        """Add bytes."""
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            self._cut(PART_BYTES)

    def finish(self) -> tuple[Part, ...]:
        """The parts, the last one among them."""
        if self._waiting:
            self._cut(len(self._waiting))
        return tuple(self.parts)

    def _cut(self, count: int) -> None:
        name = self._name.format(f"{len(self.parts) + 1:06d}")
        self.parts.append(self._archive.add_packed(name, bytes(self._waiting[:count])))
        del self._waiting[:count]


@contextmanager
def written(file: Path, passphrase: bytes | None) -> Iterator[ArchiveWriter]:
    """A new archive; it has its name once the block ended well. Raises `AlreadyThere`."""
    if file.exists():
        raise AlreadyThere(f"{file} is already there and is not written over")
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise NotThere(f"{fresh} cannot be written: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "wb") as out:
            sealed = SealedWriter(out, passphrase, MAGIC) if passphrase is not None else None
            yield ArchiveWriter(sealed or out)
            if sealed is not None:
                sealed.close()
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(file)
    finally:
        fresh.unlink(missing_ok=True)


def members(file: Path, passphrase: bytes | None) -> Generator[tuple[str, bytes], None, None]:
    """Every member with its bytes, as far as the file is whole; raises `BadBackup`, `BadKey` or `NotThere`."""
    with ExitStack() as stack:
        try:
            source = _opened(stack.enter_context(file.open("rb")), passphrase)
        except OSError as exc:
            raise NotThere(f"{file} cannot be read: {exc.strerror}") from exc
        except (BadBackup, BadKey) as exc:
            raise type(exc)(f"{file}: {exc}") from exc
        yield from _parts_of(source, file)


def checked(file: Path, passphrase: bytes | None, *, tell: Callable[[int], None] = lambda _: None) -> Manifest:
    """Read a whole backup and hold it to its manifest, pictures to their names; raises `BadBackup`."""
    found: dict[str, Part] = {}
    manifest, pictures, last = None, 0, "its beginning"
    for name, data in members(file, passphrase):
        if manifest is not None:
            raise BadBackup(f"{file}: part {name} stands after the manifest")
        if name == MANIFEST:
            manifest = decode(data)
        elif name.startswith(PICTURES):
            pictures += _is_itself(file, name, data)
        else:
            found[name] = Part(name, len(data), hashlib.sha256(data).hexdigest())
        last = name
        tell(len(data))
    if manifest is None:
        raise BadBackup(f"{file} is cut off after part {last}: it has no manifest")
    _hold_to(file, manifest, found, pictures)
    return manifest


def unpacked(name: str, data: bytes) -> bytes:
    """What a packed member holds; raises `BadBackup`."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, ValueError) as exc:
        raise BadBackup(f"part {name} does not unpack") from exc


def _opened(file: BinaryIO, passphrase: bytes | None) -> SealedReader | BinaryIO:
    is_sealed = file.read(len(MAGIC)) == MAGIC
    if is_sealed and passphrase is None:
        raise BadKey("it is encrypted; name its passphrase's file, and leave --plain out")
    if is_sealed:
        return SealedReader(file, passphrase or b"", MAGIC)
    if passphrase is not None:
        raise BadBackup(
            "it is no encrypted backup; one in the clear is read with --plain, and anybody may have made it"
        )
    file.seek(0)
    return file


def _parts_of(source: SealedReader | BinaryIO, file: Path) -> Iterator[tuple[str, bytes]]:
    place = "its beginning"
    try:
        while (head := _exactly(source, tarfile.BLOCKSIZE)).strip(b"\0"):
            member = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
            place = f"part {member.name}"
            data = _exactly(source, member.size)
            _exactly(source, -member.size % tarfile.BLOCKSIZE)
            yield member.name, data
            place = f"what follows part {member.name}"
    except (BadBackup, tarfile.HeaderError, UnicodeDecodeError) as exc:
        raise BadBackup(f"{file}: {place}: {exc}") from exc


def _exactly(source: SealedReader | BinaryIO, count: int) -> bytes:
    data = source.read(count)
    if len(data) != count:
        raise BadBackup("cut off")
    return data


def _is_itself(file: Path, name: str, data: bytes) -> int:
    if hashlib.sha256(data).hexdigest() != name.rpartition("/")[2]:
        raise BadBackup(f"{file}: part {name} was altered")
    return 1


def _hold_to(file: Path, manifest: Manifest, found: dict[str, Part], pictures: int) -> None:
    try:
        hold_to(manifest, found)
    except BadBackup as exc:
        raise BadBackup(f"{file}: {exc}") from exc
    expected = manifest.pictures.count - manifest.pictures.missing if manifest.pictures.is_included else 0
    if pictures != expected:
        raise BadBackup(f"{file}: {pictures} pictures under {PICTURES}, and the manifest says {expected}")
