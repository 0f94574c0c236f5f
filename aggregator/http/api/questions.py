"""From a request to a question of the catalogue: which parameters a resource takes, and what they say.

Times are RFC 3339, or so long before now (`24h`); without any it is the last day. How many rows an answer has at most
is the server's say: who asks for more gets a page, and the way to the next.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, cast
from zoneinfo import available_timezones

from aiohttp import web

from aggregator.core.asking.question import Bucket, Order, Question, Resource
from aggregator.http.api.door import REASON_HEADER
from aggregator.http.api.parameters import (
    AGO,
    CURSOR,
    MOST_ROWS,
    FilterParameter,
    Parameter,
    checked_number,
    checked_time,
    checked_value,
    filters_of,
    wrong,
)
from aggregator.http.api.problems import Problem

DEFAULT_ROWS: Final = 100
DEFAULT_STRETCH: Final = timedelta(days=1)
ORDERS: Final = ("ascending", "descending")
REASON: Final = Parameter(
    "reason", "Why you look: the case, the entry. Kept in the audit; no plates", {"type": "string"}
)
REASON_BY_HEADER: Final = Parameter(REASON_HEADER, "The same, as a header", {"type": "string"}, is_header=True)
_ZONE: Final = r"^[A-Za-z][A-Za-z0-9_+/-]{1,63}$"
_INSTANT: Final = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "pattern": AGO}]}


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of a resource."""

    resource: Resource
    own: tuple[Parameter, ...]
    filters: tuple[FilterParameter, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All of them, as they are described."""
        return (*self.own, *(each.parameter for each in self.filters))


def form_of(resource: Resource) -> Form:
    """What a resource takes."""
    return Form(resource, tuple(_own(resource)), tuple(filters_of(resource)))


def _own(resource: Resource) -> Iterable[Parameter]:
    if resource.time:
        yield Parameter("from", f"Since when, of {resource.time}: a time, or so long ago. Else a day ago", _INSTANT)
        yield Parameter("to", "Until when, not included. Else now", _INSTANT)
    if resource.time and resource.measures:
        enum = {"type": "string", "enum": list(resource.buckets)}
        yield Parameter("bucket", "Sum by this stretch of time", enum)
        zone = {"type": "string", "pattern": _ZONE}
        yield Parameter("time_zone", "By whose clock days begin; else by the cities' own", zone)
    if resource.groups and resource.measures:
        items = {"type": "string", "enum": [column.name for column in resource.groups]}
        schema = {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}
        yield Parameter("group_by", "Sum by these columns, with commas between", schema, is_list=True)
    most = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_ROWS}
    yield Parameter("limit", "Rows of a page; the server may give fewer, and the way to the next", most)
    yield Parameter("after", "Go on after this cursor, as `next` gives it", {"type": "string", "pattern": CURSOR})
    yield Parameter("order", "By the resource's key", {"type": "string", "enum": list(ORDERS)})
    if resource.reason_needed:
        yield REASON
        yield REASON_BY_HEADER


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and by whose clock its days begin; none: the cities' own."""

    question: Question
    time_zone: str | None


def asked_by(request: web.Request, form: Form, *, now: datetime, most_rows: int) -> Asked:
    """What a request asks; raises `Problem`."""
    said = _single(request, form)
    from_at, to_at = _stretch(form.resource, said, now)
    limit = checked_number("limit", said["limit"], 1, MOST_ROWS) if "limit" in said else DEFAULT_ROWS
    question = Question(
        resource=form.resource.name,
        from_at=from_at,
        to_at=to_at,
        bucket=cast("Bucket | None", _one_of("bucket", said, form.resource.buckets)),
        group_by=_groups(form.resource, said),
        filters=tuple(_filters(request, form)),
        limit=min(limit, most_rows),
        after=_after(said),
        order=cast("Order | None", _one_of("order", said, ORDERS)),
    )
    return Asked(question, _time_zone(said) if form.resource.time else None)


def _single(request: web.Request, form: Form) -> dict[str, str]:
    """The parameters that may come once; raises `Problem` for one that is not of the resource."""
    known = {each.name: each for each in form.parameters if not each.is_header}
    for name in request.query:
        if name not in known:
            raise Problem("bad-parameter", f"{form.resource.name} takes no parameter of that name; see its list")
        if not known[name].is_many and len(request.query.getall(name)) > 1:
            raise wrong(name, "it comes twice")
    return {name: request.query[name] for name in known if name in request.query}


def _stretch(resource: Resource, said: dict[str, str], now: datetime) -> tuple[datetime, datetime]:
    to_at = checked_time("to", said["to"], now=now) if "to" in said else now
    from_at = checked_time("from", said["from"], now=now) if "from" in said else to_at - DEFAULT_STRETCH
    if resource.time and from_at >= to_at:
        raise Problem("not-answerable", "from must be before to")
    return from_at, to_at


def _after(said: dict[str, str]) -> str | None:
    cursor = said.get("after")
    if cursor is not None and not re.fullmatch(CURSOR, cursor):
        raise wrong("after", "the cursor of an answer's `next` is wanted")
    return cursor


def _time_zone(said: dict[str, str]) -> str | None:
    name = said.get("time_zone")
    if name is not None and not re.fullmatch(_ZONE, name):
        raise wrong("time_zone", "an IANA name such as America/Monterrey is wanted")
    if name is not None and name not in _zones():
        raise Problem("not-answerable", "time_zone: no zone of that name is known; such as America/Monterrey")
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _groups(resource: Resource, said: dict[str, str]) -> tuple[str, ...]:
    names = tuple(said["group_by"].split(",")) if "group_by" in said else ()
    known = [column.name for column in resource.groups]
    if any(name not in known for name in names) or len(set(names)) < len(names):
        raise wrong("group_by", f"some of {', '.join(known)}, each once, are wanted")
    return names


def _one_of(name: str, said: dict[str, str], allowed: Sequence[str]) -> str | None:
    value = said.get(name)
    if value is not None and value not in allowed:
        raise wrong(name, f"one of {', '.join(allowed)} is wanted")
    return value


def _filters(request: web.Request, form: Form) -> Iterable[tuple[str, str]]:
    for each in form.filters:
        name = each.parameter.name
        values = request.headers.getall(name, []) if each.parameter.is_header else request.query.getall(name, [])
        column = each.column.name if each.operator == "=" else each.column.name + each.operator
        for value in values:
            yield column, checked_value(each, value)
