"""Rows of the registry out of CSV files: UTF-8, a header, one row a line."""

import csv
import zoneinfo
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from aggregator.core.registry import Row, check_header, parse_row
from aggregator.errors import BadInput, NotThere


@cache
def time_zones() -> frozenset[str]:
    """Every IANA time zone that this machine knew when it was first asked: looking costs a tenth of a second."""
    return frozenset(zoneinfo.available_timezones())


def read_rows(noun: str, file: Path) -> Iterator[tuple[int, Row | str]]:
    """Each line's number with its row, or with why it is none; raises `BadInput` for a file that is no such table."""
    known = time_zones()
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            check_header(noun, reader.fieldnames or [])
            for cells in reader:
                yield reader.line_num, _row(noun, cells, known)
    except OSError as exc:
        raise NotThere(f"{file} cannot be read: {exc.strerror}") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise BadInput(f"{file} is no CSV table in UTF-8: {exc}") from exc
    except BadInput as exc:
        raise BadInput(f"{file}: {exc}") from exc


def _row(noun: str, cells: dict[str, str], known: frozenset[str]) -> Row | str:
    if None in cells or None in cells.values():
        return "another number of cells than the header has"
    try:
        return parse_row(noun, cells, known)
    except BadInput as exc:
        return str(exc)
