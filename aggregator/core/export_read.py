"""An export taken apart, damaged or not: its files, and each place where it is not what was signed.

The seal names the manifest, the manifest every other file, `chunks.json` every kilobyte of them. What is found changed
is healed where it can be, so that one change is told once, at its place, and not again wherever it shows: a flipped bit
of the manifest would make every file a stranger.
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from aggregator.core.export_damage import (
    Change,
    changes_by_bytes,
    changes_by_chunks,
    changes_by_test,
    changes_of_form,
    placed,
)
from aggregator.core.export_manifest import (
    CHUNKS,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MAX_SEAL_BYTES,
    SEAL,
    Chunks,
    Manifest,
    Seal,
    chunks_json,
)
from aggregator.core.export_zip import Member, by_central_directory, by_local_headers, is_written, regions
from aggregator.errors import BadInput
from protocol.envelope import parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.wire import from_versioned


@dataclass(frozen=True, slots=True)
class Examined:
    """The files as they are, and every change of them or of the ZIP around them."""

    files: Mapping[str, bytes]
    changes: tuple[Change, ...]


@dataclass(slots=True)
class _Work:
    """Files being healed. `lost` are those whose signed bytes could not be found."""

    files: dict[str, bytes]
    changes: list[Change] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    def note(self, name: str, changes: list[Change], healed: bytes | None) -> None:
        """Keep what was found wrong with a file, and its signed bytes if there are any."""
        self.changes += changes
        if healed is None:
            self.lost.add(name)
        else:
            self.files[name] = healed


def examine(raw: bytes) -> Examined:
    """Take an export apart."""
    members = _members(raw)
    if not members:
        return Examined({}, (Change("ZIP", 0, max(len(raw), 1), 0),))
    files = {member.name: member.data for member in members}
    work = _Work(dict(files))
    _heal_seal(work, raw, members)
    _heal_manifest(work)
    manifest = read_manifest(work.files.get(MANIFEST, b""))
    if manifest is not None:
        _heal_others(work, manifest)
    changes = placed(work.changes, members)
    if len(files) != len(members):
        changes.append(Change("ZIP", 0, len(raw), 0, "two files of one name"))
    elif not is_written(members, raw):
        changes += _changes_of_form(work, raw, members)
    return Examined(files, tuple(changes))


def _changes_of_form(work: _Work, raw: bytes, members: tuple[Member, ...]) -> list[Change]:
    healed = [Member(member.name, work.files[member.name]) for member in members]
    try:
        return changes_of_form(raw, healed, frozenset(work.lost))
    except BadInput:
        return [Change("ZIP", 0, len(raw), 0, "names of files")]


def read_seal(raw: bytes) -> Seal | None:
    """What a seal says, not yet believed."""
    try:
        return from_versioned(parse(raw, max_bytes=MAX_SEAL_BYTES).payload, Seal, max_bytes=MAX_SEAL_BYTES)
    except (BadEnvelope, DecodeError):
        return None


def read_manifest(raw: bytes) -> Manifest | None:
    """What a manifest says, not yet believed."""
    if len(raw) > MAX_MANIFEST_BYTES:
        return None
    try:
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _members(raw: bytes) -> tuple[Member, ...]:
    """The files by the way in that shows more of what the manifest lists."""
    ways = (by_local_headers(raw), by_central_directory(raw))
    return max(ways, key=_likeness)


def _likeness(members: tuple[Member, ...]) -> int:
    files = {member.name: member.data for member in members}
    manifest = read_manifest(files.get(MANIFEST, b""))
    listed = () if manifest is None else manifest.files
    known = len(files.keys() & {MANIFEST, SEAL})
    right = sum(hashlib.sha256(files.get(each.name, b"")).hexdigest() == each.sha256 for each in listed)
    return 1000 * (right + known) + len(members)


def _heal_seal(work: _Work, raw: bytes, members: tuple[Member, ...]) -> None:
    """No hash covers the seal: its signature does. The CRC-32 that the ZIP holds twice helps to find a slip."""
    data = work.files.get(SEAL)
    if data is None:
        return
    told = _crc_told(raw, members, SEAL)
    if told is not None and zlib.crc32(data) != told:
        work.note(SEAL, *changes_by_test(SEAL, data, lambda tried: zlib.crc32(tried) == told))


def _crc_told(raw: bytes, members: tuple[Member, ...], name: str) -> int | None:
    """A file's CRC-32, if both its headers say the same."""
    fields = [r for r in regions(members) if r.field == "CRC-32" and r.place.endswith(f" of {name}")]
    said = {raw[r.start : r.end] for r in fields}
    return int.from_bytes(said.pop(), "little") if len(said) == 1 else None


def _heal_manifest(work: _Work) -> None:
    data, seal = work.files.get(MANIFEST), read_seal(work.files.get(SEAL, b""))
    if data is None or seal is None or hashlib.sha256(data).digest() == seal.manifest_sha256:
        return
    work.note(MANIFEST, *changes_by_chunks(MANIFEST, data, seal.chunks))


def _heal_others(work: _Work, manifest: Manifest) -> None:
    wanted = {each.name: each.sha256 for each in manifest.files}
    wrong = [
        name for name, sha256 in wanted.items()
        if name in work.files and hashlib.sha256(work.files[name]).hexdigest() != sha256
    ]  # fmt: skip
    if CHUNKS in wrong:
        _heal_chunks(work, wanted, is_alone=len(wrong) == 1)
    chunks = _chunks(work.files.get(CHUNKS, b""))
    for name in wrong:
        if name != CHUNKS:
            hashes = [bytes.fromhex(each) for each in chunks.get(name, ())]
            work.note(name, *_found(name, work.files[name], hashes))


def _heal_chunks(work: _Work, wanted: Mapping[str, str], *, is_alone: bool) -> None:
    """`chunks.json` follows from the other files, if those are right."""
    data = work.files[CHUNKS]
    others = [Member(name, work.files[name]) for name in wanted if name != CHUNKS and name in work.files]
    made = chunks_json(others)
    if is_alone and hashlib.sha256(made).hexdigest() == wanted[CHUNKS]:
        work.note(CHUNKS, changes_by_bytes(CHUNKS, data, made), made if len(made) == len(data) else None)
    else:
        work.note(CHUNKS, [Change(CHUNKS, 0, len(data))], None)


def _found(name: str, data: bytes, hashes: list[bytes]) -> tuple[list[Change], bytes | None]:
    if not hashes:
        return [Change(name, 0, max(len(data), 1))], None
    changes, healed = changes_by_chunks(name, data, hashes)
    return changes or [Change(name, 0, len(data))], healed


def _chunks(raw: bytes) -> Mapping[str, tuple[str, ...]]:
    try:
        return msgspec.json.decode(raw, type=Chunks).files
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
