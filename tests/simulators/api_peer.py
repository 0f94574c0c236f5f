"""A server that answers what it is told to, in order: for what the real API does only on bad days."""

import asyncio
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Reply:
    """One answer. `is_cut`: the connection breaks off after the body."""

    status: int = 200
    body: str = '{"rows": [], "next": null}'
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    is_cut: bool = False


@dataclass
class ApiPeer:
    """The server, in a thread. `asked` holds what came."""

    replies: Sequence[Reply]
    asked: list[web.BaseRequest] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        """Nothing listens yet."""
        self._left = list(self.replies)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api-peer")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}" if self.tls is None else f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _begin(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        reply = self._left.pop(0) if self._left else Reply(500, "nothing more to say", content_type="text/plain")
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_type = reply.content_type
        body = reply.body.encode()
        response.content_length = len(body) + (1 if reply.is_cut else 0)
        await response.prepare(request)
        await response.write(body)
        if reply.is_cut and request.transport is not None:
            request.transport.close()
        return response
