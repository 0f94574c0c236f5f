"""The OpenAPI 3.1 document, made of the catalogue: what a path takes, what its rows hold, what can go wrong.

Nothing of it is written by hand twice: parameters come of the same forms that read requests, columns of the catalogue,
problems of the one list. docs/openapi.json is this document, and a test holds it to the code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregator.adapters import alert_feed
from aggregator.core.api_tokens import Scope
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.question import Column, Kind, Resource
from aggregator.http.api.parameters import Parameter, Schema
from aggregator.http.api.problems import KINDS, MEDIA_TYPE, PREFIX, ProblemBody
from aggregator.http.api.questions import REASON, REASON_BY_HEADER, form_of

VERSION: Final = "1.0"
_BUCKETS: Final = (
    Column(name="at", kind="time", about="When the bucket starts"),
    Column(name="local_date", kind="date", about="The bucket's first day, by the local calendar"),
)
_ABOUT: Final = """What the command centre knows, for programs, notebooks and dashboards. Read only.

A token (`aggregator token add`) is of some cities: rows of others do not exist for it. No answer but /plates shows a \
plate, and no picture but a redacted one; both need a scope of their own and a reason, which the audit keeps.

A count is only as good as its coverage: beside every count stand the seconds that the camera was seen to be live."""
SCOPES: Final[Mapping[str, Scope | None]] = {
    "events": Scope.EVENTS,
    "hits": Scope.EVENTS,
    "alarms": Scope.EVENTS,
    "plates": Scope.PLATES,
    "alerts": Scope.ALERTS,
    "alert-history": Scope.ALERTS,
    "notices": Scope.ALERTS,
    "reactions": Scope.ALERTS,
    "precision": Scope.ALERTS,
    "counts": Scope.COUNTS,
    "coverage": Scope.COUNTS,
    "health": Scope.HEALTH,
    "conditions": Scope.HEALTH,
    "devices": Scope.HEALTH,
    "cameras": None,
    "points": None,
    "cities": None,
}
_KINDS: Final[dict[Kind, Schema]] = {
    "text": {"type": ["string", "null"]},
    "texts": {"type": ["array", "null"], "items": {"type": "string"}},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
}
_REFUSALS: Final = (400, 401, 403, 408, 413, 422, 429, 500, 503, 504)
_HEADERS: Final[Schema] = {
    "ETag": {"description": "Of the rows; send it back as If-None-Match", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}},
}


def document() -> Schema:
    """The whole document."""
    served = [CATALOGUE[name] for name in SCOPES]
    paths = {f"{PREFIX}/{resource.name}": {"get": _operation(resource)} for resource in served}
    paths[f"{PREFIX}/alerts/{{alert}}/history"] = {"get": _history()}
    paths[f"{PREFIX}/pictures/{{hash}}"] = {"get": _picture()}
    paths[f"{PREFIX}/live/alerts"] = {"get": _live()}
    paths[f"{PREFIX}/openapi.json"] = {"get": _open("openapi", "This document", "application/json")}
    paths[f"{PREFIX}/docs"] = {"get": _open("docs", "This document as a page", "text/html")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Atalaya API", "version": VERSION, "description": _ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _refusal(status) for status in sorted({kind.status for kind in KINDS.values()})},
            "schemas": {
                "Problem": msgspec.json.schema(ProblemBody)["$defs"]["ProblemBody"],
                **{_row_name(resource): _row(row_columns(resource)) for resource in served},
                "AlertLine": _row(alert_feed.COLUMNS),
            },
        },
    }


def row_columns(resource: Resource) -> Iterable[Column]:
    """All that a row of a resource can hold: as it is, or summed."""
    summed = [measure.column for measure in resource.measures]
    buckets = _BUCKETS if resource.time and resource.measures else ()
    return {column.name: column for column in (*buckets, *summed, *resource.columns)}.values()


@dataclass(frozen=True, slots=True)
class _About:
    """What is said of an operation."""

    name: str
    summary: str
    words: str
    scope: Scope | None


def _operation(resource: Resource) -> Schema:
    sums = " Summed with `bucket` or `group_by`, it gives " if resource.shape == "rows" else " It gives "
    measures = ", ".join(measure.name for measure in resource.measures)
    words = f"{resource.about}.{f'{sums}{measures}.' if measures else ''}"
    about = _About(resource.name, resource.about, words, SCOPES[resource.name])
    parameters = [_described(each) for each in form_of(resource).parameters]
    return _get(about, parameters, _rows(resource, is_kept=not resource.reason_needed))


def _history() -> Schema:
    alert = _in_path("alert", "The alert's number", {"type": "integer", "minimum": 1, "maximum": 2**53 - 1})
    about = _About("history", "What happened to one alert", "Every line of it, the oldest first.", Scope.ALERTS)
    told = _get(about, [alert], _rows(CATALOGUE["alert-history"], is_kept=True))
    return {**told, "responses": {**told["responses"], "404": _reference("responses", "404")}}


def _picture() -> Schema:
    named = "The picture's SHA-256 (`picture_sha256` of a plate), or its hit's hash"
    name = _in_path("hash", named, {"type": "string", "pattern": "^[0-9a-f]{64}$"})
    jpeg = {"description": "The redacted picture", "content": {"image/jpeg": {"schema": {}}}}
    words = "Faces and plates are covered, but for the plate of the hit: each look needs a reason, and is audited."
    about = _About("picture", "A redacted picture", words, Scope.PICTURES)
    told = _get(about, [name, _described(REASON), _described(REASON_BY_HEADER)], jpeg)
    responses = {status: said for status, said in told["responses"].items() if status != "304"}
    return {**told, "responses": {**responses, "404": _reference("responses", "404")}}


def _live() -> Schema:
    number = {"type": "string", "pattern": "^[0-9]{1,15}$"}
    last = Parameter("Last-Event-ID", "Go on after this line", number, is_header=True)
    after = Parameter("after", "The same, as a parameter", {"type": "integer", "minimum": 0, "maximum": 10**15 - 1})
    stream = {
        "description": "Server-Sent Events: `id` is a line's number, `data` an AlertLine, of `event: notice` what the"
        " region told of a hit elsewhere, of `event: end` a Problem",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    words = "A line for each thing that happens to an alert, as it happens; go on with Last-Event-ID. Without plates."
    about = _About("live", "What happens to alerts, live", words, Scope.ALERTS)
    told = _get(about, [_described(last), _described(after)], stream)
    return {**told, "responses": {status: said for status, said in told["responses"].items() if status != "304"}}


def _open(name: str, words: str, media_type: str) -> Schema:
    refusals = {str(status): _reference("responses", str(status)) for status in (400, 408, 413, 500)}
    answer = {"description": words, "content": {media_type: {"schema": {}}}}
    return {
        "operationId": name, "summary": words, "description": f"{words}.", "security": [],
        "responses": {"200": answer, **refusals},
    }  # fmt: skip


def _get(about: _About, parameters: list[Schema], answer: Schema) -> Schema:
    responses = {"200": answer, "304": {"description": "You have it already (If-None-Match)"}}
    responses |= {str(status): _reference("responses", str(status)) for status in _REFUSALS}
    told: Schema = {"operationId": about.name, "summary": about.summary, "description": about.words}
    if about.scope is not None:
        told["x-scope"] = about.scope.value
    return {**told, "parameters": parameters, "responses": responses}


def _in_path(name: str, about: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


def _described(parameter: Parameter) -> Schema:
    told: Schema = {
        "name": parameter.name,
        "in": "header" if parameter.is_header else "query",
        "description": parameter.about,
        "schema": {"type": "array", "items": parameter.schema} if parameter.is_many else parameter.schema,
    }
    return {**told, "style": "form", "explode": False} if parameter.is_list else told


def _rows(resource: Resource, *, is_kept: bool) -> Schema:
    rows = {"type": "array", "items": _reference("schemas", _row_name(resource))}
    page = {
        "type": "object",
        "properties": {"rows": rows, "next": {"type": ["string", "null"], "description": "Where the next page is"}},
        "required": ["rows", "next"],
        "additionalProperties": False,
    }
    told = {"description": resource.about, "content": {"application/json": {"schema": page}}}
    return {**told, "headers": _HEADERS} if is_kept else told


def _row(columns: Iterable[Column]) -> Schema:
    properties = {column.name: {**_KINDS[column.kind], "description": column.about} for column in columns}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _row_name(resource: Resource) -> str:
    return "".join(word.title() for word in resource.name.split("-")) + "Row"


def _refusal(status: int) -> Schema:
    words = [f"{word}: {kind.title}" for word, kind in KINDS.items() if kind.status == status]
    content = {MEDIA_TYPE: {"schema": _reference("schemas", "Problem")}}
    return {"description": "; ".join(words), "content": content}


def _reference(where: str, name: str) -> Schema:
    return {"$ref": f"#/components/{where}/{name}"}
