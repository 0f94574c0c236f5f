"""Requests that are no HTTP: answered in the one shape as well, and never logged.

aiohttp answers them itself, before any route or guard, and writes what it could not read into the log and the answer:
that may be a token in a header without its colon.
"""

import asyncio

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from aggregator.http.api.problems import Problem, response_to

log = structlog.get_logger(__name__)


class ProblemSite(web.TCPSite):
    """A site of aiohttp's whose connections answer with problems."""

    @override
    async def start(self) -> None:
        """Take connections."""
        await web.BaseSite.start(self)
        server, loop = self._runner.server, asyncio.get_running_loop()
        assert server is not None  # noqa: S101  a runner that is set up has one
        self._server = await loop.create_server(
            # What is logged of accesses is nothing; that is how aiohttp is told so.
            lambda: _ProblemLine(server, loop=loop, access_log=None),  # type: ignore[arg-type]
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
        )


class _ProblemLine(RequestHandler):
    """One connection."""

    __slots__ = ()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        word = "bad-request" if 400 <= status < 500 else "internal"
        log.info("api_refused", word=word)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was sent already")
        response = response_to(Problem(word, "what came is no HTTP request that can be read"))
        response.force_close()
        return response
