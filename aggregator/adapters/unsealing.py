"""The evidence authority's desk: a sealed original opened, away from every server, and never without a record.

Needs the export and the authority's key, no database and no network. The record (`custody.jsonl` in the folder) is an
audit chain of its own and is on the disk before the original is; `aggregator audit verify --file` checks it.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.adapters import keyfiles
from aggregator.core.audit import AuditRow, findings, next_row
from aggregator.core.audit_lines import read_lines, to_line
from aggregator.core.export_case import Case, body_in
from aggregator.core.export_check import verify
from aggregator.core.export_manifest import EVIDENCE, SEALED
from aggregator.errors import BadInput, BadKey, NotThere
from protocol.errors import SealError
from protocol.keys import key_id
from protocol.messages import Evidence
from protocol.sealing import Purpose, unseal

RECORD: Final = "custody.jsonl"
UNSEALED: Final = "evidence.unseal"
_FORMS: Final = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed original out of an export that holds."""

    hit: str
    export_sha256: bytes
    device: str
    evidence: Evidence
    data: bytes

    @property
    def subject(self) -> str:
        """How the audit names it."""
        return f"hit:{self.hit}/export:{self.export_sha256.hex()}"


def sealed_in(raw: bytes, root_fingerprint: bytes | None) -> Sealed:
    """The sealed original of an export; raises `BadInput` if the export does not hold, `NotThere` if it has none."""
    opened = verify(raw, root_fingerprint)
    if opened.case is None or not opened.report.is_sound:
        raise BadInput("the export does not hold: see `aggregator evidence verify`; nothing was unsealed")
    case: Case = opened.case
    evidence = body_in(case.files, EVIDENCE, Evidence)
    if evidence is None or SEALED not in case.files:
        raise NotThere("the export holds no sealed original; its manifest says why")
    sha256 = hashlib.sha256(raw).digest()
    return Sealed(case.manifest.hit, sha256, case.manifest.said.device, evidence, case.files[SEALED])


def check_key(sealed: Sealed, key: X25519PrivateKey) -> None:
    """Raise `BadKey` unless the original was sealed to this key."""
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key_id(spki) != sealed.evidence.sealed_to:
        wanted = sealed.evidence.sealed_to.hex()
        raise BadKey(f"the original is sealed to the key {wanted}, this is {key_id(spki).hex()}")


def open_sealed(sealed: Sealed, key: X25519PrivateKey) -> bytes:
    """The original's bytes, which have the hash that the box signed; raises `BadKey` or `BadInput`."""
    try:
        sha256 = sealed.evidence.original_sha256
        plain = unseal(sealed.data, key, Purpose.ORIGINAL, device=sealed.device, sha256=sha256)
    except SealError as exc:
        raise BadKey(str(exc)) from exc
    if hashlib.sha256(plain).digest() != sha256:
        raise BadInput("what the seal holds is not the original whose SHA-256 the box signed; it was not written")
    return plain


def record(folder: Path, sealed: Sealed, *, actor: str, reason: str, now: datetime) -> AuditRow:
    """Add a row to the folder's record, on the disk when this returns; raises `BadInput` if the record was changed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / RECORD
    rows = list(read_lines(keyfiles.read_file(path))) if path.exists() else []
    wrong = next(iter(findings(rows)), None)
    if wrong is not None:
        raise BadInput(f"{path}, row {wrong.number}: {wrong.problem}; keep it as it is and use another folder")
    row = next_row(
        rows[-1] if rows else None, at=now, actor=actor, action=UNSEALED, subject=sealed.subject, reason=reason
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, keyfiles.PRIVATE), "ab") as file:
        file.write(to_line(row))
        file.flush()
        os.fsync(file.fileno())
    return row


def write_original(folder: Path, sealed: Sealed, plain: bytes) -> Path:
    """Put the original in the folder; where it lies."""
    form = next((form for mark, form in _FORMS.items() if plain.startswith(mark)), "bin")
    path = folder / f"{sealed.hit[:16]}-original.{form}"
    keyfiles.write_new(path, plain, keyfiles.PRIVATE)
    return path
