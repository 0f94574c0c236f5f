"""Where an export was changed: to the bit if one byte was, else to the stretch.

An export carries a SHA-256 of each `CHUNK_BYTES` of every file. A chunk that does not fit its hash holds the change; if
it lies in one byte, trying every other value of every byte of the chunk finds the one that fits, and with it the bit.
Nobody can make two changes that look like one: the bytes found are those that were signed. What is not found so is
named by its chunks. Bytes put in or taken out shift all that follows, and are named from the first chunk on.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aggregator.core.export_zip import Member, Region, regions, write

CHUNK_BYTES: Final = 1024
MOST_HEALED: Final = 4  # with more chunks wrong it was no slip of a bit, and the search takes its time
_BITS: Final = tuple(1 << bit for bit in range(8))


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes that are not the signed ones: where in their file, where in the ZIP, and the one bit if it was one."""

    place: str
    start: int
    end: int
    zip_start: int | None = None
    field: str = ""
    found: int | None = None
    wanted: int | None = None

    @property
    def bit(self) -> int | None:
        """The number of the one bit that differs (0 is the lowest); None if several do, or it is not known."""
        if self.found is None or self.wanted is None:
            return None
        differing = self.found ^ self.wanted
        return differing.bit_length() - 1 if differing in _BITS else None

    def told(self) -> str:
        """One line for people."""
        where = f"{self.place}, {self.field}" if self.field else self.place
        span = f"byte {self.start}" if self.end == self.start + 1 else f"bytes {self.start} to {self.end - 1}"
        zipped = "" if self.zip_start is None else f" (byte {self.zip_start} of the ZIP)"
        if self.found is None or self.wanted is None:
            return f"{where}: changed within {span}{zipped}"
        bit = "" if self.bit is None else f", bit {self.bit}"
        return f"{where}: {span}{bit}{zipped}: {self.found:02x} where {self.wanted:02x} was signed"


def chunk_hashes(data: bytes) -> list[bytes]:
    """The SHA-256 of each chunk."""
    return [hashlib.sha256(data[at : at + CHUNK_BYTES]).digest() for at in range(0, len(data), CHUNK_BYTES)]


def changes_by_chunks(place: str, data: bytes, wanted: Sequence[bytes]) -> tuple[list[Change], bytes | None]:
    """What differs from chunk hashes, and the signed bytes if they could be found again."""
    found = chunk_hashes(data)
    wrong = [n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b]
    changes, whole = [], bytearray(data)
    for number in wrong:
        at = number * CHUNK_BYTES
        part = data[at : at + CHUNK_BYTES]
        healed = _healed(part, wanted[number]) if len(wrong) <= MOST_HEALED else None
        changes.append(_change(place, at, part, healed))
        whole[at : at + len(part)] = healed or part
    if len(found) != len(wanted):
        changes.append(Change(place, min(len(data), len(wanted) * CHUNK_BYTES), len(data)))
    is_healed = chunk_hashes(bytes(whole)) == list(wanted)
    return changes, bytes(whole) if is_healed else None


def changes_by_bytes(place: str, data: bytes, wanted: bytes) -> list[Change]:
    """What differs from bytes that are known."""
    if len(data) != len(wanted):
        first = next(
            (n for n, (a, b) in enumerate(zip(data, wanted, strict=False)) if a != b), min(len(data), len(wanted))
        )
        return [Change(place, first, max(len(data), first + 1))]
    return [
        Change(place, at, at + 1, found=a, wanted=b)
        for at, (a, b) in enumerate(zip(data, wanted, strict=True))
        if a != b
    ]  # fmt: skip


def changes_by_test(place: str, data: bytes, is_right: Callable[[bytes], bool]) -> tuple[list[Change], bytes | None]:
    """The one byte whose change makes a test hold; else the whole is named."""
    for healed in _one_byte_apart(data):
        if is_right(healed):
            return [_change(place, 0, data, healed)], healed
    return [Change(place, 0, len(data))], None


def changes_of_form(raw: bytes, members: Sequence[Member], uncertain: frozenset[str]) -> list[Change]:
    """What of a ZIP differs from the one form of the signed files, contents aside.

    Of files in `uncertain` the signed bytes are not known, nor their CRC-32: their two copies must agree only.
    """
    wanted, found = write(members), []
    if len(wanted) != len(raw):
        return _shifted(raw, wanted, members)
    for region in regions(members):
        if region.is_content or raw[region.start : region.end] == wanted[region.start : region.end]:
            continue
        if region.field == "CRC-32" and region.place.rpartition(" of ")[2] in uncertain:
            continue
        found += [
            Change(region.place, at - region.start, at - region.start + 1, at, region.field, raw[at], wanted[at])
            for at in range(region.start, region.end)
            if raw[at] != wanted[at]
        ]
    return found


def placed(changes: Sequence[Change], members: Sequence[Member]) -> list[Change]:
    """Changes of contents, with their places in the ZIP."""
    starts = {region.place: region.start for region in regions(members) if region.is_content}
    return [replace(change, zip_start=starts[change.place] + change.start) for change in changes]


def _shifted(raw: bytes, wanted: bytes, members: Sequence[Member]) -> list[Change]:
    """Bytes too many or too few: named from the first that differs."""
    first = changes_by_bytes("ZIP", raw, wanted)[0].start
    region = next((r for r in regions(members) if r.start <= first < r.end), Region(0, 0, "behind the end"))
    return [Change(region.place, first - region.start, max(len(raw) - region.start, 1), first, region.field)]


def _healed(part: bytes, signed: bytes) -> bytes | None:
    """The bytes of a hash, if they differ from a part in one byte."""
    for masks in (_BITS, range(1, 256)):
        before = hashlib.sha256()
        for at, byte in enumerate(part):
            after = part[at + 1 :]
            for mask in masks:
                tried = before.copy()
                tried.update(bytes((byte ^ mask,)) + after)
                if tried.digest() == signed:
                    return part[:at] + bytes((byte ^ mask,)) + after
            before.update(part[at : at + 1])
    return None


def _one_byte_apart(data: bytes) -> Iterator[bytes]:
    for masks in (_BITS, range(1, 256)):
        for at, byte in enumerate(data):
            for mask in masks:
                yield data[:at] + bytes((byte ^ mask,)) + data[at + 1 :]


def _change(place: str, at: int, part: bytes, healed: bytes | None) -> Change:
    if healed is None:
        return Change(place, at, at + len(part))
    where = next(n for n, (a, b) in enumerate(zip(part, healed, strict=True)) if a != b)
    return Change(place, at + where, at + where + 1, found=part[where], wanted=healed[where])
