"""Rows of an audit as JSON, for people, for other languages, and for files that are an audit of their own.

One row a line, hashes in hexadecimal, times in UTC to the microsecond. A line is checked as the row it tells of: by its
hash and the hash of the line before it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from aggregator.core.audit import AuditRow
from aggregator.errors import BadInput

Hex = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2})*\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every object of the JSON files."""


class Looked(Part, frozen=True):
    """A row of the audit."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    previous_hash: Hex
    hash: Hex


def looked(row: AuditRow) -> Looked:
    """A row as it goes out."""
    return Looked(
        number=row.number,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        reason=row.reason,
        previous_hash=row.previous_hash.hex(),
        hash=row.hash.hex(),
    )


def row_of(each: Looked) -> AuditRow:
    """A row as it came in, unchecked."""
    texts = (each.actor, each.action, each.subject, each.reason)
    return AuditRow(each.number, each.at, *texts, bytes.fromhex(each.previous_hash), bytes.fromhex(each.hash))


def to_line(row: AuditRow) -> bytes:
    """A row as one line."""
    return msgspec.json.encode(looked(row)) + b"\n"


def read_lines(data: bytes) -> Iterator[AuditRow]:
    """The rows of a file, unchecked; raises `BadInput` at a line that is none."""
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            yield row_of(msgspec.json.decode(line, type=Looked))
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise BadInput(f"line {number} is no row of an audit") from exc
