"""Values as the cells of a CSV file.

1. A spreadsheet runs a text that begins like a formula: `=HYPERLINK(...)` as the name of a camera is an attack on
   whoever opens the file. Such a text gets an apostrophe in front. So does a text that begins with an apostrophe, which
   makes the rule reversible: take one leading apostrophe off, and the text is as it was. The full-width forms of the
   four signs count, since some spreadsheets fold them.
2. Only texts are guarded. A number may be negative; it is a number because the column says so, not because it looks
   like one.
3. A time is UTC in ISO 8601 with a Z, and with the digits of a second that it has. Several texts stand in one cell,
   between semicolons.
4. Nothing is an empty cell; an empty text is a quoted one. Quotes stand where RFC 4180 wants them, and only there. A
   line ends in LF, as PostgreSQL's own COPY ends it.

`selecting` says the same in SQL, and a test holds one to the other byte by byte.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from aggregator.core.exporting.columns import Column

BOM: Final = "\ufeff"
GUARD: Final = "'"
# What OWASP names for CSV injection, and the guard itself.
DANGEROUS: Final = "=+-@\t\r\n" + "\uff1d\uff0b\uff0d\uff20" + GUARD
TEXTS_BETWEEN: Final = "; "
# As PostgreSQL says them.
_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NEED_QUOTES: Final = frozenset('",\n\r')


def guarded(text: str) -> str:
    """The text as no spreadsheet takes it for a formula."""
    return GUARD + text if text and text[0] in DANGEROUS else text


def unguarded(cell: str) -> str:
    """The text that was guarded."""
    return cell.removeprefix(GUARD)


def header(columns: Sequence[Column]) -> str:
    """The first line of the file."""
    return _line(column.name for column in columns)


def lines(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines."""
    return "".join(_line(cell(value) for value in row[: len(columns)]) for row in rows)


def cell(value: object) -> str | None:
    """A value as a cell, before quotes; nothing of nothing."""
    return None if value is None else _CELLS.get(type(value), str)(value)


def instant(value: datetime | date) -> str:
    """A time or a date as text: `2026-11-22T14:05:00.25Z`, `2026-11-22`."""
    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _line(cells: Iterable[str | None]) -> str:
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(text: str | None) -> str:
    if text is None:
        return ""
    if text == "" or not _NEED_QUOTES.isdisjoint(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _texts(values: Iterable[object]) -> str:
    return guarded(TEXTS_BETWEEN.join(str(each) for each in values if each is not None))


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float) -> str:
    text = repr(value)
    return _NOT_FINITE.get(text, text.removesuffix(".0"))


# By exact type. `Any`: mypy cannot tie a class to the function that takes it.
_CELLS: Final[dict[type, Callable[[Any], str]]] = {
    str: guarded,
    bool: _boolean,
    float: _number,
    datetime: instant,
    date: instant,
    list: _texts,
    tuple: _texts,
}
