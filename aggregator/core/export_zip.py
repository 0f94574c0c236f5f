"""The ZIP of an export, in one form only: its bytes follow from the names and contents of its files.

1. Files are stored, not compressed, one behind the other from the first byte on; then the central directory in the
   same order, then its end record, and nothing else: no comments, no extra fields, no gaps, no second disk.
2. Every date is 1980-01-01, every attribute zero. Names are plain ASCII and none occurs twice.
3. So a ZIP is read by taking it apart and writing it again: what does not give the same bytes is refused. No bit of it
   is free, and each one that is not a file's content can be named by its field.

For one that was damaged there are two ways in, the local headers and the central directory. They say the same twice, so
that no single change closes both.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aggregator.errors import BadInput

MOST_BYTES: Final = 2**31 - 1
MOST_FILES: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION: Final = 20
_FIRST_OF_1980: Final = 0x21
_LOCAL_FIELDS: Final = (
    *(("signature", 4), ("version", 2), ("flags", 2), ("method", 2), ("time", 2), ("date", 2), ("CRC-32", 4)),
    *(("compressed size", 4), ("size", 4), ("name length", 2), ("extra length", 2)),
)
_CENTRAL_FIELDS: Final = (
    *(("signature", 4), ("made by", 2), *_LOCAL_FIELDS[1:], ("comment length", 2), ("disk", 2)),
    *(("internal attributes", 2), ("external attributes", 4), ("offset", 4)),
)
_END_FIELDS: Final = (
    *(("signature", 4), ("disk", 2), ("directory's disk", 2), ("files on this disk", 2), ("files", 2)),
    *(("directory's size", 4), ("directory's offset", 4), ("comment length", 2)),
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the ZIP."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Region:
    """Some bytes of the ZIP and what they are: a field of a header, or (no field) a file's content."""

    start: int
    end: int
    place: str
    field: str = ""

    @property
    def is_content(self) -> bool:
        """Whether this is a file's content."""
        return not self.field


def write(members: Sequence[Member]) -> bytes:
    """The ZIP of some files; raises `BadInput` for names or sizes that have no place in one."""
    names = [member.name for member in members]
    if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise BadInput("two files of one name, or a name that is not of plain ASCII")
    if sum(len(member.data) for member in members) > MOST_BYTES or len(members) > MOST_FILES:
        raise BadInput(f"an export holds at most {MOST_FILES} files of {MOST_BYTES} bytes together")
    local, directory, at = [], [], 0
    for member in members:
        name, size = member.name.encode(), len(member.data)
        told = (_VERSION, 0, 0, 0, _FIRST_OF_1980, zlib.crc32(member.data), size, size, len(name), 0)
        local += [_LOCAL.pack(_LOCAL_MARK, *told), name, member.data]
        directory += [_CENTRAL.pack(_CENTRAL_MARK, _VERSION, *told, 0, 0, 0, 0, at), name]
        at += _LOCAL.size + len(name) + size
    central = b"".join(directory)
    end = _END.pack(_END_MARK, 0, 0, len(members), len(members), len(central), at, 0)
    return b"".join((*local, central, end))


def read(raw: bytes) -> tuple[Member, ...] | None:
    """The files of a ZIP in the one form; None for any other bytes."""
    members = by_local_headers(raw)
    return members if members and is_written(members, raw) else None


def is_written(members: Sequence[Member], raw: bytes) -> bool:
    """Whether these files are written as these bytes."""
    try:
        return write(members) == raw
    except BadInput:
        return False


def by_local_headers(raw: bytes) -> tuple[Member, ...]:
    """The files as far as the headers before them tell, whatever else is wrong."""
    return tuple(_walk_local(raw))


def by_central_directory(raw: bytes) -> tuple[Member, ...]:
    """The files as the directory at the end tells, whatever else is wrong."""
    if len(raw) < _END.size:
        return ()
    _, _, _, _, count, _, at, _ = _END.unpack_from(raw, len(raw) - _END.size)
    return tuple(_walk_central(raw, count, at))


def regions(members: Sequence[Member]) -> tuple[Region, ...]:
    """What each byte of the ZIP of these files is, in order."""
    found, at = [], 0
    for member in members:
        found += _fields(at, f"header of {member.name}", (*_LOCAL_FIELDS, ("name", len(member.name))))
        at = found[-1].end
        found.append(Region(at, at + len(member.data), member.name))
        at += len(member.data)
    for member in members:
        found += _fields(at, f"directory entry of {member.name}", (*_CENTRAL_FIELDS, ("name", len(member.name))))
        at = found[-1].end
    return (*found, *_fields(at, "end record", _END_FIELDS))


def _walk_local(raw: bytes) -> Iterator[Member]:
    at = 0
    for _ in range(MOST_FILES):
        if raw[at : at + 4] == _CENTRAL_MARK or at + _LOCAL.size > len(raw):
            return
        *_, size, name_length, _ = _LOCAL.unpack_from(raw, at)
        start = at + _LOCAL.size + name_length
        if start + size > len(raw):
            return
        yield Member(_name(raw[at + _LOCAL.size : start]), raw[start : start + size])
        at = start + size


def _walk_central(raw: bytes, count: int, at: int) -> Iterator[Member]:
    for _ in range(min(count, MOST_FILES)):
        if at + _CENTRAL.size > len(raw):
            return
        found = _CENTRAL.unpack_from(raw, at)
        size, name_length, offset = found[9], found[10], found[-1]
        name = raw[at + _CENTRAL.size : at + _CENTRAL.size + name_length]
        start = offset + _LOCAL.size + name_length
        if start + size > len(raw):
            return
        yield Member(_name(name), raw[start : start + size])
        at += _CENTRAL.size + name_length


def _name(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace")


def _fields(at: int, place: str, fields: Iterable[tuple[str, int]]) -> list[Region]:
    found = []
    for field, length in fields:
        found.append(Region(at, at + length, place, field))
        at += length
    return found
