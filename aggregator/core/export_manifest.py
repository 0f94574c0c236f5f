"""The manifest of an export: what is in the ZIP, what the box said, what the aggregator adds, and the seal over it all.

    manifest.json   read by people and by any language; names each other file with its size and SHA-256
    manifest.cose   the seal: COSE_Sign1 (context EXPORT) over the manifest's SHA-256, by a key granted AUDIT
    chunks.json     the SHA-256 of each kilobyte of each file, so that a change can be found

`said` is taken from the signed messages and nothing else; a verifier makes it anew and compares. What stands beside it
(`deliveries`, `chain`, `batches`) is the aggregator's word: its key stands for it, the box's does not.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec

from aggregator.core.audit_lines import Hex, Looked, Part
from aggregator.core.export_damage import CHUNK_BYTES, chunk_hashes
from aggregator.core.export_zip import Member
from protocol.clock import from_ms, to_ms
from protocol.envelope import OVERHEAD_BYTES, Context, sign
from protocol.fields import Hash, Id, Number, TimeMs
from protocol.keys import Signer
from protocol.messages import VERSION, Evidence, EvidenceUnavailable, Hit, HitAmended, Message
from protocol.wire import WireStruct, to_bytes

FORMAT: Final = "atalaya/evidence-export/1"
MANIFEST: Final = "manifest.json"
SEAL: Final = "manifest.cose"
CHUNKS: Final = "chunks.json"
README: Final = "README.txt"
HIT: Final = "envelopes/hit.cose"
EVIDENCE: Final = "envelopes/evidence.cose"
RECEIPT: Final = "custody/receipt.cose"
CHECKPOINT: Final = "custody/checkpoint.cose"
CUSTODY: Final = "custody/log.json"
DEVICE_KEY: Final = "device/key.spki"
CERTIFICATES: Final = ("device/certificate.pem", "device/issuing.pem", "device/root.pem")
ROOT_KEY: Final = "trust/root.spki"
TRUST: Final = "trust/current.cose"
TRUST_THEN: Final = "trust/then.cose"
REDACTED: Final = "pictures/redacted.jpg"
SEALED: Final = "pictures/original.hpke"
AMENDMENT: Final = re.compile(r"envelopes/amendment-\d+\.cose")
UNAVAILABLE: Final = "envelopes/evidence-unavailable.cose"
MAX_SEAL_BYTES: Final = 64 * 1024
MAX_MANIFEST_BYTES: Final = 1024 * 1024


class Seal(WireStruct, frozen=True, kw_only=True):
    """What the aggregator signs: which manifest, of which hit, when."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    hit: Hash = msgspec.field(name="2")
    made_ms: TimeMs = msgspec.field(name="3")
    manifest_sha256: Hash = msgspec.field(name="4")
    chunks: Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=1024)] = msgspec.field(name="5")


class Matched(Part, frozen=True):
    """An entry that the read matched, as the box said."""

    entry: str
    quality: str
    reason: str


class Picture(Part, frozen=True):
    """What the box said of the picture."""

    redacted_sha256: Hex
    redacted_bytes: int
    sealed_sha256: Hex
    sealed_bytes: int
    original_sha256: Hex
    sealed_to: Hex
    faces_filled: int
    plates_filled: int
    models_and_software: tuple[str, ...]


class Said(Part, frozen=True):
    """What the box said, out of its signed messages: the hit as last amended, and the picture."""

    device: str
    city: str
    point: str
    camera: str
    outbox: Hex
    epoch: int
    sequence: int
    captured_at: datetime
    created_at: datetime
    clock: str
    plate: str | None
    observed: str | None
    confidence_permille: int
    hotlist_version: int
    matches: tuple[Matched, ...]
    is_from_lookback: bool
    amendments: int
    is_withdrawn: bool
    picture: Picture | None
    picture_unavailable: str | None


class Neighbour(Part, frozen=True):
    """The message before or after one, in the box's chain."""

    sequence: int
    kind: str
    sha256: Hex
    previous_sha256: Hex


class Delivered(Part, frozen=True):
    """How an envelope arrived, and its neighbours in the chain as far as they are known."""

    file: str
    sha256: Hex
    received_at: datetime
    redeliveries: int
    before: Neighbour | None
    after: Neighbour | None


class Chain(Part, frozen=True):
    """What the chain auditor knows of the outbox."""

    accounted_for_up_to: int | None
    highest_sequence: int | None
    forks: tuple[int, ...]
    breaks: tuple[int, ...]
    is_cloned: bool


class DeviceKey(Part, frozen=True):
    """The registry's word on the box's key."""

    key_id: Hex
    registered_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None


class BatchFile(Part, frozen=True):
    """Where an entry's batch lies, and when the second officer had signed it."""

    entry: str
    batch: str
    file: str
    approved_at: datetime
    withdrawn_at: datetime | None


class Case(Part, frozen=True):
    """A case number and the salt that opens the entry's commitment to it."""

    entry: str
    case_number: str
    salt: Hex


class Absent(Part, frozen=True):
    """What one would look for and does not find, and why."""

    what: str
    why: str


class FileEntry(Part, frozen=True):
    """A file of the ZIP."""

    name: str
    bytes: int
    sha256: Hex


class Manifest(Part, frozen=True):
    """The whole."""

    format: str
    city: str
    hit: Hex
    made_at: datetime
    made_by: str
    reason: str
    aggregator: str
    root_fingerprint: Hex
    trust_number: int
    trust_number_then: int | None
    said: Said
    device_key: DeviceKey
    deliveries: tuple[Delivered, ...]
    chain: Chain
    batches: tuple[BatchFile, ...]
    cases: tuple[Case, ...]
    absent: tuple[Absent, ...]
    files: tuple[FileEntry, ...]


class CustodyLog(Part, frozen=True):
    """The audit's rows about this hit and its pictures, the export's own among them."""

    rows: tuple[Looked, ...]


class Chunks(Part, frozen=True):
    """The SHA-256 of each chunk of each file, this one and the manifest with its seal aside."""

    chunk_bytes: int
    files: dict[str, tuple[Hex, ...]]


def said(
    hit: Message,
    body: Hit,
    amendments: Sequence[HitAmended],
    evidence: Evidence | None,
    unavailable: EvidenceUnavailable | None,
) -> Said:
    """What the box said, in words. The last amendment replaces what the hit said of the plate."""
    last = amendments[-1] if amendments else None
    newest = last or body
    return Said(
        device=hit.device,
        city=hit.city,
        point=hit.point,
        camera=body.camera,
        outbox=hit.outbox.hex(),
        epoch=hit.epoch,
        sequence=hit.sequence,
        captured_at=from_ms(body.captured_ms),
        created_at=from_ms(hit.created_ms),
        clock=hit.clock.name.lower(),
        plate=newest.plate,
        observed=newest.observed,
        confidence_permille=newest.confidence,
        hotlist_version=body.hotlist_version,
        matches=tuple(
            Matched(entry=match.entry, quality=match.quality.name.lower(), reason=match.reason)
            for match in newest.matches
        ),
        is_from_lookback=body.is_from_lookback,
        amendments=len(amendments),
        is_withdrawn=not newest.matches,
        picture=_picture(evidence) if evidence else None,
        picture_unavailable=unavailable.reason if unavailable else None,
    )


def _picture(evidence: Evidence) -> Picture:
    return Picture(
        redacted_sha256=evidence.redacted_sha256.hex(),
        redacted_bytes=evidence.redacted_bytes,
        sealed_sha256=evidence.sealed_sha256.hex(),
        sealed_bytes=evidence.sealed_bytes,
        original_sha256=evidence.original_sha256.hex(),
        sealed_to=evidence.sealed_to.hex(),
        faces_filled=evidence.faces_filled,
        plates_filled=evidence.plates_filled,
        models_and_software=evidence.versions,
    )


def to_json(value: Part) -> bytes:
    """An object as indented JSON, its keys in the order of the fields."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def chunks_json(files: Iterable[Member]) -> bytes:
    """`chunks.json` over these files."""
    hashes = {file.name: tuple(each.hex() for each in chunk_hashes(file.data)) for file in files}
    return to_json(Chunks(chunk_bytes=CHUNK_BYTES, files=hashes))


def file_entry(file: Member) -> FileEntry:
    """How the manifest names a file."""
    return FileEntry(name=file.name, bytes=len(file.data), sha256=hashlib.sha256(file.data).hexdigest())


def sealed(draft: Manifest, files: Sequence[Member], signer: Signer) -> tuple[Member, ...]:
    """All files of an export: manifest (the draft, with its files named), seal, chunks, and the given ones."""
    rest = (Member(CHUNKS, chunks_json(files)), *files)
    manifest = msgspec.structs.replace(draft, files=tuple(map(file_entry, rest)))
    text = to_json(manifest)
    seal = Seal(
        version=VERSION,
        city=manifest.city,
        hit=bytes.fromhex(manifest.hit),
        made_ms=to_ms(manifest.made_at),
        manifest_sha256=hashlib.sha256(text).digest(),
        chunks=tuple(chunk_hashes(text)),
    )
    envelope = sign(to_bytes(seal, max_bytes=MAX_SEAL_BYTES - OVERHEAD_BYTES), signer, Context.EXPORT)
    return (Member(MANIFEST, text), Member(SEAL, envelope), *rest)
