"""The application of the API's port: one guard in front of every resource.

Whatever a handler raises leaves as a problem, and every answer carries the same few headers. Nothing of a request is
logged but the problem's word: addresses carry reasons, and headers tokens.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aggregator.errors import BadInput, DatabaseUnwell, NotThere, TooLong
from aggregator.http.api.problems import ApiTally, Problem, problem_of_http, response_to

MAX_BODY_BYTES: Final = 16 * 1024
BODY_S: Final = 10.0
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_WORDS: Final[dict[type[Exception], str]] = {BadInput: "not-answerable", NotThere: "not-found", TooLong: "too-long"}

log = structlog.get_logger(__name__)


def api_app(routes: Iterable[web.RouteDef], tally: ApiTally) -> web.Application:
    """The application of some routes."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_guard(tally)])
    app.on_response_prepare.append(_lay_headers)
    app.router.add_routes(routes)
    return app


def _guard(tally: ApiTally) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await _read_body(request)
            response = await handler(request)
        except Exception as exc:  # noqa: BLE001  the boundary: what breaks is one request, and its text may hold values
            problem = problem_of(exc)
            tally.problems[problem.word] += 1
            log.info("api_refused", word=problem.word)
            return response_to(problem)
        resource = request.match_info.route.resource
        tally.answers["" if resource is None else resource.canonical] += 1
        return response

    return guarded


def problem_of(exc: Exception) -> Problem:
    """Whatever a handler raised, in our shape. What nobody foresaw is named in the log, without its text."""
    match exc:
        case Problem():
            return exc
        case web.HTTPException():
            return problem_of_http(exc)
        case BadInput() | NotThere() | TooLong():
            return Problem(_WORDS[type(exc)], str(exc))
        case DatabaseUnwell():
            log.warning("api_database_unwell", problem=str(exc))
            return Problem("unavailable", "the database could not be asked", retry_after_s=5)
        case _:
            log.error("api_failed", kind=type(exc).__name__)
            return Problem("internal", "the server could not answer this")


async def _read_body(request: web.Request) -> None:
    """A body is read and thrown away, so that one too large is refused and the connection can go on."""
    if not request.body_exists:
        return
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError:
        raise Problem("too-slow", f"the request did not arrive within {BODY_S:.0f} s") from None


async def _lay_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
