"""An export put together: which file holds what, in which order, and what is said of what is not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aggregator.core.audit import AuditRow
from aggregator.core.audit_lines import looked
from aggregator.core.checkpoint import sign_checkpoint
from aggregator.core.export_case import said_in
from aggregator.core.export_manifest import (
    CERTIFICATES,
    CHECKPOINT,
    CUSTODY,
    DEVICE_KEY,
    FORMAT,
    README,
    RECEIPT,
    ROOT_KEY,
    TRUST,
    TRUST_THEN,
    Absent,
    BatchFile,
    Case,
    Chain,
    CustodyLog,
    Delivered,
    DeviceKey,
    Manifest,
    sealed,
    to_json,
)
from aggregator.core.export_zip import Member, write
from protocol.clock import from_ms, to_ms
from protocol.keys import Signer
from protocol.receipts import ReceiptItem, Status, sign_receipt

README_TEXT: Final = """\
This is the evidence of one hit of an Atalaya installation, sealed by its command centre.

To check it you need this file and the fingerprint of the installation's root key, which you must have from somewhere
else: SHA-256 of trust/root.spki. Then, with Atalaya installed and no connection to anything:

    aggregator evidence verify THIS.zip --root-fingerprint HEX

manifest.json says what each file is. Files that end in .cose are COSE (RFC 9052): envelopes/ holds what the box signed,
hotlist/ what the officers signed. pictures/redacted.jpg can be looked at; pictures/original.hpke opens only with the
evidence authority's key. docs/evidence.md of Atalaya says what all this proves, and what it does not.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Who makes the export, when, why, with which release."""

    city: str
    at: datetime
    by: str
    reason: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The root's key and certificates, and the bundles it signed: now, and when the hit's list was made."""

    root_spki: bytes
    root_fingerprint: bytes
    certificates: tuple[bytes, bytes, bytes]
    number: int
    current: bytes
    number_then: int | None
    then: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """An entry's batch as signed. With `case` its number and salt are given away."""

    entry: str
    batch: str
    signed: bytes = field(repr=False)
    approved_at: datetime
    withdrawn_at: datetime | None
    case: Case | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """All that goes in. Envelopes, and pictures, by the names of their files."""

    hit: bytes
    envelopes: Mapping[str, bytes] = field(repr=False)
    deliveries: tuple[Delivered, ...]
    pictures: Mapping[str, bytes] = field(repr=False)
    device_spki: bytes
    device_key: DeviceKey
    chain: Chain
    batches: Sequence[Batch]
    custody: Sequence[AuditRow]
    absent: tuple[Absent, ...]


def make_export(made: Made, trusted: Trusted, materials: Materials, signer: Signer) -> bytes:
    """The ZIP. The last row of the custody log must be the export's own, and the last of the audit."""
    files = _files(made, trusted, materials, signer)
    said = said_in(materials.envelopes)
    draft = Manifest(
        format=FORMAT,
        city=made.city,
        hit=materials.hit.hex(),
        made_at=from_ms(to_ms(made.at)),  # as the seal has it
        made_by=made.by,
        reason=made.reason,
        aggregator=made.release,
        root_fingerprint=trusted.root_fingerprint.hex(),
        trust_number=trusted.number,
        trust_number_then=trusted.number_then,
        said=said,
        device_key=materials.device_key,
        deliveries=materials.deliveries,
        chain=materials.chain,
        batches=tuple(map(_batch_file, materials.batches)),
        cases=tuple(batch.case for batch in materials.batches if batch.case is not None),
        absent=materials.absent,
        files=(),
    )
    return write(sealed(draft, files, signer))


def _files(made: Made, trusted: Trusted, materials: Materials, signer: Signer) -> list[Member]:
    last, now_ms = materials.custody[-1], to_ms(made.at)
    batches = {_batch_name(batch): batch.signed for batch in materials.batches}
    then = {} if trusted.then is None else {TRUST_THEN: trusted.then}
    files = {
        README: README_TEXT.encode(),
        **materials.envelopes,
        DEVICE_KEY: materials.device_spki,
        **dict(zip(CERTIFICATES, trusted.certificates, strict=True)),
        ROOT_KEY: trusted.root_spki,
        TRUST: trusted.current,
        **then,
        **batches,
        CUSTODY: to_json(CustodyLog(rows=tuple(map(looked, materials.custody)))),
        CHECKPOINT: sign_checkpoint(made.city, last.number, last.hash, signer, time_ms=now_ms),
        RECEIPT: _receipt(materials, signer, now_ms),
        **materials.pictures,
    }
    return [Member(name, data) for name, data in files.items()]


def _receipt(materials: Materials, signer: Signer, now_ms: int) -> bytes:
    """A receipt as the box got one: what is stored is receipted again whenever it is asked for."""
    items = tuple(ReceiptItem(hash=bytes.fromhex(each.sha256), status=Status.STORED) for each in materials.deliveries)
    return sign_receipt(said_in(materials.envelopes).device, items, signer, time_ms=now_ms)


def _batch_name(batch: Batch) -> str:
    return f"hotlist/{batch.batch}.cose"


def _batch_file(batch: Batch) -> BatchFile:
    return BatchFile(
        entry=batch.entry,
        batch=batch.batch,
        file=_batch_name(batch),
        approved_at=batch.approved_at,
        withdrawn_at=batch.withdrawn_at,
    )
