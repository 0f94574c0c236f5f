"""The one shape of an error: `application/problem+json` (RFC 9457), whatever went wrong and wherever.

    {"type": "/api/v1/docs#too-many-requests", "title": ..., "status": 429, "detail": ..., "remedy": ...}

`type` is one of `KINDS`, which programs may decide by; `detail` says what is wrong with this request, `remedy` what
to do about it. Neither holds a plate, a token or a value of the database. 400 is for what is malformed by itself, 422
for what is well-formed and cannot be answered as it is put together.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final

import msgspec
from aiohttp import web

PREFIX: Final = "/api/v1"
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of problem: its status, and what it always says."""

    status: int
    title: str
    remedy: str


KINDS: Final[Mapping[str, Kind]] = {
    "bad-request": Kind(400, "The request cannot be read", "Send it as docs/api.md shows."),
    "bad-parameter": Kind(400, "A parameter is wrong", "See the parameters of this path at /api/v1/docs."),
    "no-token": Kind(401, "No token was sent", "Send the header Authorization: Bearer TOKEN."),
    "bad-token": Kind(401, "This token opens nothing", "Ask whoever runs the server: aggregator token add."),
    "wrong-scope": Kind(403, "This token is not for that", "Ask for a token of that scope: aggregator token add."),
    "not-found": Kind(404, "There is no such thing here", "See /api/v1/docs for what there is."),
    "method-not-allowed": Kind(405, "This API is only read", "Use GET."),
    "too-slow": Kind(408, "The request came too slowly", "Send it again."),
    "too-large": Kind(413, "The request is too large", "Send no body; this API is only read."),
    "not-answerable": Kind(422, "That cannot be answered as it is asked", "Change what the detail names."),
    "reason-needed": Kind(
        422, "Say why you look", "Send reason=..., or the header Atalaya-Reason. It is kept in the audit; no plates."
    ),
    "too-many-requests": Kind(429, "Too many requests", "Wait as long as Retry-After says."),
    "internal": Kind(500, "Something broke here", "Tell whoever runs the server; the log of that moment says more."),
    "busy": Kind(503, "Too much is being asked at once", "Wait as long as Retry-After says."),
    "unavailable": Kind(503, "The database does not answer", "Wait as long as Retry-After says; it is being seen to."),
    "too-long": Kind(504, "The answer took too long", "Ask for less time, a longer bucket, or name a city."),
}


class Problem(Exception):
    """What was asked is not answered."""

    def __init__(
        self, word: str, detail: str, *, headers: Mapping[str, str] | None = None, retry_after_s: float | None = None
    ) -> None:
        """`word` is one of `KINDS`."""
        super().__init__(detail)
        self.word, self.kind, self.detail = word, KINDS[word], detail
        waits = {} if retry_after_s is None else {"Retry-After": str(max(1, ceil(retry_after_s)))}
        self.headers = {**(headers or {}), **waits}


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ApiTally:
    """What the API has answered since the start: by resource, and problems by their word."""

    answers: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)


def body_of(problem: Problem) -> bytes:
    """A problem as JSON."""
    kind = problem.kind
    return msgspec.json.encode(
        ProblemBody(
            type=f"{PREFIX}/docs#{problem.word}",
            title=kind.title,
            status=kind.status,
            detail=problem.detail,
            remedy=kind.remedy,
        )
    )


def response_to(problem: Problem) -> web.Response:
    """A problem as an answer."""
    headers = {"Cache-Control": "no-store", **problem.headers}
    return web.Response(status=problem.kind.status, headers=headers, body=body_of(problem), content_type=MEDIA_TYPE)


def problem_of_http(exc: web.HTTPException) -> Problem:
    """aiohttp's own refusals in our shape."""
    match exc:
        case web.HTTPNotFound():
            return Problem("not-found", "nothing is served at this path")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(exc.allowed_methods))
            return Problem("method-not-allowed", f"this path takes {allowed}", headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Problem("too-large", "a body this large is not read")
        case web.HTTPServerError():
            return Problem("internal", "the server could not answer this")
        case _:
            return Problem("bad-request", exc.reason)
