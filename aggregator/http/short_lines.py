"""Connections of a port that anybody can reach: only so many at once, and none for long.

What is asked there is one small request. Somebody who opens connections and says nothing, or says it byte by byte, must
not use up the descriptors that broker and database need: a connection more than `MOST_AT_ONCE` is closed at once, one
older than `LIFETIME_S` is cut, and so is one that takes longer than `HANDSHAKE_S` to begin.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from typing_extensions import override

MOST_AT_ONCE: Final = 256
LIFETIME_S: Final = 60.0
HANDSHAKE_S: Final = 10.0


class ShortLineSite(web.TCPSite):
    """A site of aiohttp's whose connections are few and short."""

    @override
    async def start(self) -> None:
        """Take connections, through `ShortLines`."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None  # noqa: S101  a runner that is set up has one
        self._server = await asyncio.get_running_loop().create_server(
            ShortLines(server),
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=HANDSHAKE_S,
            backlog=self._backlog,
        )


class ShortLines:
    """A factory of protocols around another one, for `loop.create_server`; `open` counts those connected."""

    def __init__(
        self, inner: Callable[[], asyncio.Protocol], *, most: int | None = None, lifetime_s: float | None = None
    ) -> None:
        """Nobody is connected."""
        self._inner = inner
        self.most = MOST_AT_ONCE if most is None else most
        self.lifetime_s = LIFETIME_S if lifetime_s is None else lifetime_s
        self.open = 0

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        return _ShortLine(self, self._inner())


class _ShortLine(asyncio.Protocol):
    """One connection: hands everything through, and ends it in time."""

    def __init__(self, lines: ShortLines, inner: asyncio.Protocol) -> None:
        self._lines, self._inner = lines, inner
        self._end: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._lines.open >= self._lines.most:
            transport.close()
            return
        self._lines.open += 1
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  a stream has no other
        self._end = asyncio.get_running_loop().call_later(self._lines.lifetime_s, transport.abort)
        self._inner.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
            self._lines.open -= 1
            self._inner.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._end is not None:
            self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._end is not None else None

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()
