"""A question as one statement of SQL over the asking surface.

Rows are handed out as they are unless the question sums them (by a bucket of time, or by columns), or its resource
always does. Pages go on by key, never by offset: a page costs the same wherever it is, and rows that come in between
move nothing. Whoever asks is held to his cities by the views, not here.
"""

# ruff: noqa: S608  names are the catalogue's and ours, values are parameters

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from aggregator.core.asking.catalogue import CATALOGUE, STEPS
from aggregator.core.asking.conditions import Parameters, filters, named, split
from aggregator.core.asking.cursors import Key, cursor, values
from aggregator.core.asking.question import Column, Question, Resource, Row
from aggregator.core.asking.stretches import Source, Stretch, bucketed, counts, coverage
from aggregator.errors import BadInput

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_AT = Column(name="at", kind="time", about="When the bucket starts")
_LOCAL_DATE = Column(name="local_date", kind="date", about="The bucket's first day, by the local calendar")
_STEP_ORDER = f"array_position(ARRAY{list(STEPS)}, {{}})"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement, the values of its parameters, and what its rows hold.

    It gives one row more than `limit`, if there are so many: then the answer goes on after the last row within it, at
    the cursor that `cursor_of` makes of that row.
    """

    sql: str
    parameters: tuple[object, ...]
    columns: tuple[Column, ...]
    cursor_of: Callable[[Row], str]
    limit: int | None


@dataclass(frozen=True, slots=True)
class _Selected:
    """A statement without its order and its page."""

    sql: str
    columns: tuple[Column, ...]
    keys: tuple[Key, ...]


def compiled(question: Question, *, time_zone: str) -> Compiled:
    """The statement that answers a question; buckets follow a time zone. Raises `BadInput`, saying what there is."""
    resource = resource_of(question.resource)
    question = _checked(resource, question)
    parameters = Parameters()
    selected = _selected(resource, Stretch(question, parameters, time_zone))
    sql = selected.sql + _page(resource, question, selected.keys, parameters)
    cursor_of = partial(cursor, question, selected.keys)
    return Compiled(sql, tuple(parameters.values), selected.columns, cursor_of, question.limit)


def resource_of(name: str) -> Resource:
    """The resource of a name; raises `BadInput` with those there are."""
    if name not in CATALOGUE:
        raise BadInput(f"nothing is called {name!r} here: there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def described(question: Question) -> str:
    """The question as the audit keeps it: no value of a column that holds plates."""
    secret = resource_of(question.resource).secret
    filtered = [f"{name}={'...' if split(name)[0] in secret else value}" for name, value in question.filters]
    times = f"{question.from_at:%Y-%m-%dT%H:%M:%SZ}/{question.to_at:%Y-%m-%dT%H:%M:%SZ}"
    return " ".join([question.resource, times, *filtered])


def is_summed(resource: Resource, question: Question) -> bool:
    """Whether the answer is sums, and not rows as they are."""
    return resource.shape != "rows" or question.bucket is not None or bool(question.group_by)


def _checked(resource: Resource, question: Question) -> Question:
    """The question in UTC, grouped by what it must be; raises `BadInput`."""
    if question.from_at.tzinfo is None or question.to_at.tzinfo is None:
        raise BadInput("a time needs its offset, such as 2026-11-22T14:05Z")
    if not all(_EARLIEST <= at < _LATEST for at in (question.from_at, question.to_at)):
        raise BadInput(f"a time lies between {_EARLIEST.year} and {_LATEST.year}")
    if resource.time and question.from_at >= question.to_at:
        raise BadInput("the stretch of time is empty: its start is not before its end")
    if question.limit is not None and question.limit < 1:
        raise BadInput("the limit is at least 1")
    if is_summed(resource, question) and not resource.measures:
        raise BadInput(f"{resource.name} cannot be summed: ask for them without bucket and groups")
    if question.bucket is not None and (not resource.time or question.bucket not in resource.buckets):
        raise BadInput(f"{resource.name} have no buckets of a {question.bucket}")
    for name in question.group_by:
        column = resource.column(name)
        if column is None or not column.is_group:
            raise BadInput(f"{resource.name} cannot be grouped by {name!r}: there are {named(resource.groups)}")
    groups = dict.fromkeys((*question.group_by, *resource.always)) if is_summed(resource, question) else {}
    from_at, to_at = question.from_at.astimezone(UTC), question.to_at.astimezone(UTC)
    return msgspec.structs.replace(question, group_by=tuple(groups), from_at=from_at, to_at=to_at)


def _selected(resource: Resource, stretch: Stretch) -> _Selected:
    conditions = filters(resource, stretch.question, stretch.parameters)
    match resource.shape:
        case "rows" | "sums":
            timed = [*_within(resource, stretch), *conditions]
            if not is_summed(resource, stretch.question):
                return _rows(resource, timed)
            bucket = stretch.question.bucket
            told = bucketed(stretch, resource.time, bucket) if bucket else Source("")
            return _sums(resource, stretch.question, Source(resource.view, told.at, told.local_date, tuple(timed)))
        case "reactions":
            bucket = stretch.question.bucket
            told = bucketed(stretch, resource.time, bucket) if bucket else Source("")
            timed = [*_within(resource, stretch), *conditions]
            return _sums(resource, stretch.question, Source(_steps(), told.at, told.local_date, tuple(timed)))
        case "counts":
            names = (measure.name for measure in resource.measures)
            source = counts(stretch, names, is_by_camera=False)
            held = (*source.conditions, *conditions)
            return _sums(resource, stretch.question, Source(source.sql, source.at, source.local_date, held))
        case "coverage":
            return _sums(resource, stretch.question, coverage(stretch, conditions))


def _within(resource: Resource, stretch: Stretch) -> list[str]:
    if not resource.time:
        return []
    question = stretch.question
    return [
        f"{resource.time} >= {stretch.put(question.from_at)}",
        f"{resource.time} < {stretch.put(question.to_at)}",
    ]


def _steps() -> str:
    told = ", ".join(f"('{step}', {step}_s)" for step in STEPS)
    return (
        "(SELECT reaction.*, step, seconds FROM ask.reaction"
        f" CROSS JOIN LATERAL (VALUES {told}) AS took (step, seconds) WHERE seconds IS NOT NULL)"
    )


def _rows(resource: Resource, conditions: list[str]) -> _Selected:
    keys = tuple(
        Key(column.name, column.kind) for name in resource.key if (column := resource.column(name)) is not None
    )
    names = ", ".join(column.name for column in resource.columns)
    inner = f"SELECT {names} FROM {resource.view} AS asked{_where(conditions)}"
    return _Selected(f"SELECT * FROM ({inner}) AS answer", resource.columns, keys)


def _sums(resource: Resource, question: Question, source: Source) -> _Selected:
    """Measures by bucket and groups. A group that has no value is ordered as an empty text."""
    buckets = [(column, sql) for column, sql in ((_AT, source.at), (_LOCAL_DATE, source.local_date)) if sql]
    groups = [column for name in question.group_by if (column := resource.column(name)) is not None]
    selected = [f"{sql} AS {column.name}" for column, sql in buckets]
    selected += [column.name for column in groups]
    grouped = ", ".join(str(n + 1) for n in range(len(selected)))
    measured = [f"{measure.sql} AS {measure.name}" for measure in resource.measures]
    sql = (
        f"SELECT {', '.join([*selected, *measured])} FROM {source.sql} AS asked"
        f"{_where(source.conditions)}{f' GROUP BY {grouped}' if grouped else ''}"
    )
    columns = (*(column for column, _ in buckets), *groups, *(measure.column for measure in resource.measures))
    keys = (*((Key("at", "time"),) if source.at else ()), *(_group_key(column) for column in groups))
    return _Selected(f"SELECT * FROM ({sql}) AS answer", columns, keys)


def _group_key(column: Column) -> Key:
    return Key(column.name, "text", _STEP_ORDER if column.name == "step" else "coalesce({}::text, '')")


def _where(conditions: Iterable[str]) -> str:
    joined = " AND ".join(conditions)
    return f" WHERE {joined}" if joined else ""


def _page(resource: Resource, question: Question, keys: tuple[Key, ...], parameters: Parameters) -> str:
    """The order, and the page of it. A database sorts what it need not only where a page is asked for."""
    default = "descending" if resource.is_descending and not is_summed(resource, question) else "ascending"
    is_descending = (question.order or default) == "descending"
    text = ""
    if question.after is not None:
        after = [
            key.of_parameter(parameters.put(value, key.type))
            for key, value in zip(keys, values(question, keys, question.after), strict=True)
        ]
        if after:
            own = ", ".join(key.of_column() for key in keys)
            text += f" WHERE ({own}) {'<' if is_descending else '>'} ({', '.join(after)})"
    direction = " DESC" if is_descending else ""
    if keys:
        text += " ORDER BY " + ", ".join(f"{key.of_column()}{direction}" for key in keys)
    if question.limit is not None:
        text += f" LIMIT {parameters.put(question.limit + 1, 'bigint')}"
    return text
