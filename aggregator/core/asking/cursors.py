"""Where an answer ended, so that the next one goes on there: the key of its last row, sealed to nothing but opaque.

A cursor belongs to the question it came from: the same resource, buckets, groups, filtered columns and order. Its
stretch of time may have moved on, as `--from 24h` does between two pages. Of the filters' values it holds
nothing, and no hash: one may be a plate, and a cursor stands in addresses and logs.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from aggregator.core.asking.conditions import TYPES, read
from aggregator.core.asking.question import Kind, Question, Row
from aggregator.errors import BadInput

_LONGEST: Final = 4_000
_FOREIGN: Final = "this cursor belongs to another question: ask again from the start"


@dataclass(frozen=True, slots=True)
class Key:
    """One column that rows are ordered by. `sql` makes of it, or of a cursor's value, what is compared."""

    name: str
    kind: Kind
    sql: str = "{}"

    def of_column(self) -> str:
        """What rows are ordered by."""
        return self.sql.format(self.name)

    def of_parameter(self, parameter: str) -> str:
        """What a cursor's value is compared as."""
        return self.sql.format(parameter)

    @property
    def type(self) -> str:
        """The database's type of a cursor's value."""
        return TYPES[self.kind]


def cursor(question: Question, keys: tuple[Key, ...], row: Row) -> str:
    """The cursor that goes on after a row."""
    values = [_fingerprint(question), *(_text(row[key.name]) for key in keys)]
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def values(question: Question, keys: tuple[Key, ...], text: str) -> list[object]:
    """The key that a cursor stands for; raises `BadInput`."""
    try:
        parts = json.loads(urlsafe_b64decode(text[:_LONGEST] + "=" * (-len(text) % 4)))
        if not isinstance(parts, list) or not all(isinstance(part, str) and "\0" not in part for part in parts):
            raise BadInput(_FOREIGN)
        if parts[:1] != [_fingerprint(question)] or len(parts) != len(keys) + 1:
            raise BadInput(_FOREIGN)
        return [read(key.kind, part) for key, part in zip(keys, parts[1:], strict=True)]
    except (ValueError, OverflowError, RecursionError) as exc:
        raise BadInput(_FOREIGN) from exc


def _fingerprint(question: Question) -> str:
    filtered = sorted(name for name, _ in question.filters)
    about = (question.resource, question.bucket, question.group_by, filtered, question.order)
    return sha256(json.dumps(about).encode()).hexdigest()[:16]


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            return str(value)
