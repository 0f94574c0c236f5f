"""HTTP range requests (RFC 9110, section 14): which bytes of a representation are asked for.

One range is understood: `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`. Anything else (other units, several
ranges, nonsense) is passed over, as the RFC allows, and the whole is sent. A range that begins past the end is
unsatisfiable.
"""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start`, up to and without `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The range lies outside of what there is."""


def span_of(header: str | None, size: int) -> Span | Unsatisfiable | None:
    """The span that a Range header asks for of so many bytes; None for the whole."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        return Span(size - count, size) if count else Unsatisfiable()
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    return Span(start, end) if start < size else Unsatisfiable()
