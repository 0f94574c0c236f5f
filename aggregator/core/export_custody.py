"""The claims of an export about custody: who looked, by the audit's own hashes; a checkpoint; a receipt."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from aggregator.core.audit import AuditRow, row_hash
from aggregator.core.audit_lines import row_of
from aggregator.core.checkpoint import read_checkpoint
from aggregator.core.export_case import Case, Check
from aggregator.core.export_manifest import CHECKPOINT, CUSTODY, RECEIPT, CustodyLog, Manifest
from protocol.envelope import Context, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.receipts import MAX_RECEIPT_BYTES, Status, decode_receipt
from protocol.trust import Role

EXPORTED: Final = "evidence.export"


def custody_claims(case: Case) -> Iterator[Check]:
    """The audit's rows, the checkpoint behind them, the receipt."""
    rows = _custody_rows(case.files.get(CUSTODY, b""))
    wrong = [str(row.number) for row in rows if row.hash != _hash_of(row)]
    yield Check("each row of the custody log has its hash", bool(rows) and not wrong, ", ".join(wrong))
    is_chained = all(
        b.number > a.number and (b.number > a.number + 1 or b.previous_hash == a.hash) for a, b in pairwise(rows)
    )
    yield Check("the rows are in order, and neighbours are chained", is_chained)
    yield Check("the export itself is in the log", any(_is_export(row, case.manifest) for row in rows[-1:]))
    checkpoint = read_checkpoint(case.files.get(CHECKPOINT, b""), [case.trust], city=case.manifest.city)
    if isinstance(checkpoint, str):
        yield Check("the aggregator signed a checkpoint of the audit", is_held=False, detail=checkpoint)
    else:
        is_at_end = bool(rows) and (checkpoint.rows, checkpoint.last_hash) == (rows[-1].number, rows[-1].hash)
        yield Check("the aggregator signed a checkpoint of the audit that ends with the export", is_at_end)
    yield _receipt_claim(case)


def _custody_rows(raw: bytes) -> Sequence[AuditRow]:
    try:
        log = msgspec.json.decode(raw, type=CustodyLog)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return [row_of(each) for each in log.rows]


def _hash_of(row: AuditRow) -> bytes:
    return row_hash(row.number, row.at, (row.actor, row.action, row.subject, row.reason), row.previous_hash)


def _is_export(row: AuditRow, manifest: Manifest) -> bool:
    made = (EXPORTED, f"hit:{manifest.hit}", manifest.made_by, manifest.reason)
    return (row.action, row.subject, row.actor, row.reason) == made


def _receipt_claim(case: Case) -> Check:
    claim = "the aggregator receipted each message of the box"
    try:
        envelope = parse(case.files.get(RECEIPT, b""), max_bytes=MAX_RECEIPT_BYTES)
        receipt = decode_receipt(envelope)
    except (BadEnvelope, DecodeError):
        return Check(claim, is_held=False)
    city, at_ms = case.manifest.city, case.made_ms
    if case.trust.check(envelope, Context.RECEIPT, Role.RECEIPT, city=city, at_ms=at_ms) is not None:
        return Check(claim, is_held=False, detail="by no key that the root grants RECEIPT")
    stored = {item.hash.hex() for item in receipt.items if item.status is Status.STORED}
    return Check(claim, stored == {each.sha256 for each in case.manifest.deliveries})
