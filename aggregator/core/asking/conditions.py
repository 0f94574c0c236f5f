"""Filters as SQL: names come out of the catalogue, values go in as parameters, and nothing else becomes text of SQL.

A value is read by its column's kind here, so that what is wrong with it is said in words; the database only ever gets
values of the right type.
"""

import re
from datetime import UTC, date, datetime
from math import isfinite
from typing import Final

from aggregator.core.asking.question import Column, Kind, Question, Resource
from aggregator.errors import BadInput

OPERATORS: Final = (">=", "!=", "<", "=")
TYPES: Final[dict[Kind, str]] = {
    "text": "text", "texts": "text", "integer": "bigint", "number": "double precision", "boolean": "boolean",
    "time": "timestamptz", "date": "date",
}  # fmt: skip
_ORDERED: Final = ("integer", "number", "time", "date")
_TRUTH: Final = {"true": True, "false": False, "yes": True, "no": False}
_LONGEST: Final = 200
_CONDITION: Final = re.compile(r"([a-z][a-z0-9_]*)(>=|!=|<|=)(.*)", re.ASCII | re.DOTALL)
_BIGGEST: Final = 2**63


class Parameters:
    """The values of one statement, in the order of their numbers."""

    def __init__(self) -> None:
        """None yet."""
        self.values: list[object] = []

    def put(self, value: object, kind: str) -> str:
        """Take a value; how SQL names it."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


def filters(resource: Resource, question: Question, parameters: Parameters) -> list[str]:
    """The conditions that the question's filters are; raises `BadInput`."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for name, value in question.filters:
        column, operator = split(name)
        wanted.setdefault((column, operator), []).append(value)
    return [
        condition
        for (name, operator), values in wanted.items()
        for condition in _conditions(filterable(resource, name), operator, values, parameters)
    ]


def condition(text: str) -> tuple[str, str]:
    """A filter as people write it, `confidence>=900`, as a question takes it; raises `BadInput`."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise BadInput(f"{text!r}: want a column, one of = != >= <, and a value, such as confidence>=900")
    return found[1] + ("" if found[2] == "=" else found[2]), found[3]


def split(name: str) -> tuple[str, str]:
    """A filter's column and operator: `confidence>=` is `confidence` and `>=`."""
    for operator in OPERATORS:
        if name.endswith(operator):
            return name.removesuffix(operator), operator
    return name, "="


def filterable(resource: Resource, name: str) -> Column:
    """The column that may be filtered by; raises `BadInput` with those there are."""
    column = resource.column(name)
    if column is None or not column.is_filter:
        raise BadInput(f"{resource.name} has no filter {name!r}: there are {named(resource.filters)}")
    return column


def named(columns: tuple[Column, ...]) -> str:
    """Columns as a message names them."""
    return ", ".join(column.name for column in columns)


def parsed(column: Column, text: str) -> object:
    """A value in its column's kind; raises `BadInput`."""
    if len(text) > _LONGEST or "\0" in text:
        raise BadInput(f"{column.name}: a value has at most {_LONGEST} characters, and no zero byte")
    if column.values and text not in column.values:
        raise BadInput(f"{column.name} is never {text!r}: want one of {', '.join(column.values)}")
    try:
        return read(column.kind, text)
    except (ValueError, OverflowError) as exc:
        raise BadInput(f"{column.name}: {text!r} is no {column.kind}") from exc


def _conditions(column: Column, operator: str, texts: list[str], parameters: Parameters) -> list[str]:
    if operator in (">=", "<"):
        if column.kind not in _ORDERED:
            raise BadInput(f"{column.name} is {column.kind}, which has no order: use = or !=")
        kind = TYPES[column.kind]
        return [f"{column.name} {operator} {parameters.put(parsed(column, text), kind)}" for text in texts]
    condition = _any_of(column, texts, parameters)
    return [condition if operator == "=" else f"({condition}) IS NOT TRUE"]


def _any_of(column: Column, texts: list[str], parameters: Parameters) -> str:
    values = [parsed(column, text) for text in texts if text or (column.kind == "text" and not column.values)]
    array = parameters.put(values, f"{TYPES[column.kind]}[]")
    is_among = f"{column.name} && {array}" if column.kind == "texts" else f"{column.name} = ANY ({array})"
    return f"({is_among} OR {column.name} IS NULL)" if "" in texts else is_among


def read(kind: Kind, text: str) -> object:
    """A text as a value of a kind; raises `ValueError` or `OverflowError`."""
    match kind:
        case "text" | "texts":
            text.encode()  # no lone surrogates
            return text
        case "integer":
            number = int(text)
            if not -_BIGGEST <= number < _BIGGEST:
                raise ValueError(kind)
            return number
        case "number":
            fraction = float(text)
            if not isfinite(fraction):
                raise ValueError(kind)
            return fraction
        case "boolean":
            if text.lower() not in _TRUTH:
                raise ValueError(kind)
            return _TRUTH[text.lower()]
        case "time":
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
        case "date":
            return date.fromisoformat(text)
