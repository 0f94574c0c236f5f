"""The audit chain: what a row is, how it is hashed, and how a chain of them is checked.

A row's hash is SHA-256 over the deterministic CBOR of

    ["atalaya/v1/audit", number, microseconds since 1970, actor, action, subject, reason, hash of the row before]

and the first row follows 32 zero bytes. Numbers run from 1 without a hole. So a changed row fails its own hash, an
inserted or removed one the next row's number and predecessor; what is cut off the end shows only against a checkpoint.

Rows hold ids and reasons, never a plate: a reason that contains what looks like one is refused, since nobody could
erase it again.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol import cbor
from protocol.plates import FORMATS, normalise

FIRST: Final = bytes(32)
_DOMAIN: Final = "atalaya/v1/audit"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the chain, and at which row."""

    number: int
    problem: str


def next_row(last: AuditRow | None, *, at: datetime, actor: str, action: str, subject: str, reason: str) -> AuditRow:
    """The row that follows another."""
    number, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
    digest = row_hash(number, at, (actor, action, subject, reason), previous)
    return AuditRow(number, at, actor, action, subject, reason, previous, digest)


def row_hash(number: int, at: datetime, texts: tuple[str, str, str, str], previous: bytes) -> bytes:
    """The hash of a row's content and place."""
    at_us = (at - _EPOCH) // timedelta(microseconds=1)
    return hashlib.sha256(cbor.encode([_DOMAIN, number, at_us, *texts, previous])).digest()


def findings(rows: Iterable[AuditRow], *, after: AuditRow | None = None) -> Iterator[Finding]:
    """Everything that is wrong with rows in their order, from the first or after another."""
    number, previous = (0, FIRST) if after is None else (after.number, after.hash)
    for row in rows:
        if row.number != number + 1:
            yield Finding(row.number, f"row {number + 1} is missing")
        if row.previous_hash != previous:
            yield Finding(row.number, "it does not follow the row before it")
        texts = (row.actor, row.action, row.subject, row.reason)
        if row.hash != row_hash(row.number, row.at, texts, row.previous_hash):
            yield Finding(row.number, "it was changed")
        number, previous = row.number, row.hash


def problem_with_reason(reason: str) -> str | None:
    """Why a reason cannot be taken, if it cannot."""
    if not reason.strip():
        return "say why you look: --reason is kept in the audit"
    if len(reason) > LONGEST_TEXT:
        return f"a reason has at most {LONGEST_TEXT} characters"
    if any(_is_plate(word) for word in re.split(r"\s+", reason)):
        return "the reason contains a plate, and the audit never does: name the case or the entry instead"
    return None


def _is_plate(word: str) -> bool:
    text = normalise(word)
    return any(form.is_certain and form.matches(text) for form in FORMATS)
