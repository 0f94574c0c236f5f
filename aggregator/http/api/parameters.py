"""What may stand behind the question mark of a resource: its parameters, each with its JSON schema and its reader.

They come of the catalogue's columns, once, for the OpenAPI document and for the reading of requests, so that the two
cannot differ. A column that can be filtered by gives up to four of them:

    camera=cam-1&camera=cam-2     one of these
    camera.not=cam-1              not this
    confidence.min=900            this or more
    confidence.below=950          less than this
    outcome=                      none

A parameter that is not of the resource is refused: a misspelt filter must not be a wider question. What is secret (a
plate) never stands in an address, which proxies and browsers keep: it is asked for by a header, `Atalaya-Plate`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

from aggregator.core.asking.question import Column, Kind, Resource
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput
from aggregator.http.api.problems import Problem

# JSON schema: any JSON.
Schema: TypeAlias = dict[str, Any]

MOST_ROWS: Final = 100_000
LONGEST_TEXT: Final = 200
LARGEST: Final = 2**53 - 1  # what every JSON reader still counts in
_LARGEST_NUMBER: Final = 1e15
_OLDEST, _NEWEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_TEXT: Final = rf"^[^\x00-\x1f]{{0,{LONGEST_TEXT}}}$"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_OFFSET_SPACE = re.compile(r" (\d\d:\d\d)$", re.ASCII)
AGO: Final = r"^[0-9]{1,6}[smhdw]$"
CURSOR: Final = r"^[A-Za-z0-9_=-]{1,2000}$"

SCHEMA_OF_KIND: Final[dict[Kind, Schema]] = {
    "text": {"type": "string", "pattern": _TEXT},
    "texts": {"type": "string", "pattern": _TEXT},
    "integer": {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST},
    "number": {"type": "number", "minimum": -_LARGEST_NUMBER, "maximum": _LARGEST_NUMBER},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_ORDERED: Final = frozenset({"integer", "number", "time", "date"})
_OPERATORS: Final = {"": "=", ".not": "!=", ".min": ">=", ".below": "<"}
_ABOUT: Final = {"": "", ".not": "not: ", ".min": "at least: ", ".below": "less than: "}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `is_many`: it may be repeated. `is_list`: it is one list with commas."""

    name: str
    about: str
    schema: Schema
    is_many: bool = False
    is_list: bool = False
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class FilterParameter:
    """A parameter that filters by a column, and how."""

    parameter: Parameter
    column: Column
    operator: str


def filters_of(resource: Resource) -> Iterator[FilterParameter]:
    """The filters of a resource."""
    for column in resource.filters:
        if column.name in resource.secret:
            header = Parameter(f"Atalaya-{column.name.title()}", column.about, _schema(column, ""), is_header=True)
            yield FilterParameter(header, column, "=")
            continue
        for suffix in _suffixes(column.kind):
            about = _ABOUT[suffix] + column.about
            parameter = Parameter(column.name + suffix, about, _schema(column, suffix), is_many=suffix == "")
            yield FilterParameter(parameter, column, _OPERATORS[suffix])


def _schema(column: Column, suffix: str) -> Schema:
    """What a value must look like; an empty one means none."""
    if column.values:
        return {"type": "string", "enum": [*column.values, ""]}
    schema = SCHEMA_OF_KIND[column.kind]
    can_be_none = suffix in ("", ".not") and column.kind not in ("text", "texts", "boolean")
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}]} if can_be_none else schema


def _suffixes(kind: Kind) -> Iterable[str]:
    if kind == "boolean":
        return ("",)
    return _OPERATORS if kind in _ORDERED else ("", ".not")


def checked_value(each: FilterParameter, text: str) -> str:
    """A filter's value in the form that the catalogue takes; raises `Problem`."""
    name, column = each.parameter.name, each.column
    if text == "" and each.operator in ("=", "!=") and column.kind != "boolean":
        return text
    if column.values and text not in column.values:
        raise wrong(name, f"one of {', '.join(column.values)} is wanted")
    match column.kind:
        case "time":
            return checked_time(name, text, now=None).isoformat()
        case "date":
            return _checked_date(name, text).isoformat()
        case kind:
            if not _IS_GOOD[kind](text):
                raise wrong(name, f"{_WANTED[kind]} is wanted")
            return text


_IS_GOOD: Final[dict[Kind, Callable[[str], bool]]] = {
    "text": lambda text: re.fullmatch(_TEXT, text) is not None,
    "texts": lambda text: re.fullmatch(_TEXT, text) is not None,
    "integer": lambda text: _INTEGER.fullmatch(text) is not None and abs(int(text)) <= LARGEST,
    "number": lambda text: _NUMBER.fullmatch(text) is not None and abs(float(text)) <= _LARGEST_NUMBER,
    "boolean": lambda text: text in ("true", "false"),
}
_WANTED: Final[dict[Kind, str]] = {
    "text": f"a text of {LONGEST_TEXT} characters at most",
    "texts": f"a text of {LONGEST_TEXT} characters at most",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def checked_time(name: str, text: str, *, now: datetime | None) -> datetime:
    """A time (RFC 3339), or with `now` so long before it; raises `Problem`."""
    said = _OFFSET_SPACE.sub(r"+\1", text)  # a plus in an address is a blank, unless it is escaped
    if now is None and re.fullmatch(AGO, said):
        raise wrong(name, "a time such as 2026-11-22T08:00:00Z is wanted")
    try:
        found = parse_instant(said.upper() if "T" in said.upper() else said, name, now=now or _OLDEST)
    except BadInput:
        raise wrong(name, "a time such as 2026-11-22T08:00:00Z is wanted, or so long ago such as 24h") from None
    if not _OLDEST <= found.replace(tzinfo=UTC) < _NEWEST:
        raise Problem("not-answerable", f"{name}: times are from {_OLDEST.year} to {_NEWEST.year}")
    return found.astimezone(UTC)


def _checked_date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(name, "a date such as 2026-11-22 is wanted") from None


def checked_number(name: str, text: str, least: int, most: int) -> int:
    """A whole number within bounds; raises `Problem`."""
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise wrong(name, f"a whole number from {least} to {most} is wanted")
    return int(text)


def wrong(name: str, wanted: str) -> Problem:
    """A parameter that is malformed. What was sent is not repeated."""
    return Problem("bad-parameter", f"{name}: {wanted}")
