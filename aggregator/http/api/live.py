"""`GET /api/v1/live/alerts`: what happens to alerts, as it happens (Server-Sent Events, WHATWG HTML section 9.2).

1. An event is a line of the history, in the order of its number, which is its `id`. Who comes back with `Last-Event-ID`
   (or `after`) gets every line since; who names none begins with what happens next. Notices of other cities stand
   among the lines, as `event: notice`: who listens to none is told none, and goes on by the same numbers.
2. A stream reads its lines from the database, by the cities of its token, when the bell rings; nothing is queued for it
   here. A reader that takes nothing for `SEND_S` is cut off, and goes on by the last number it saw.
3. Before lines are read the token is looked up again. When it is revoked or ends, the stream says so (`event: end`,
   with a problem) and is over.
4. A comment at least every `HEARTBEAT_S` tells both ends that the other is there. While the database is away there
   are only those.
5. The beginning of a stream is audited. No plate and no entry is in it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog
from aiohttp import web

from aggregator.adapters.alert_feed import AlertFeed, Line
from aggregator.adapters.api_tokens import TokenDesk
from aggregator.core.api_tokens import Standing, Token
from aggregator.errors import DatabaseUnwell
from aggregator.http.api.limits import Streams, Turns
from aggregator.http.api.problems import Problem, body_of

HEARTBEAT_S: Final = 15.0
SEND_S: Final = 20.0
MANY: Final = 500
_RETRY_MS: Final = 3_000
_MOST_DIGITS: Final = 15

log = structlog.get_logger(__name__)


class Bell:
    """Rings for all who wait. Take `next()` before you look, and wait for it after: no ring is lost in between."""

    def __init__(self) -> None:
        """It has not rung."""
        self._ring = asyncio.Event()
        self.is_closed = False

    def next(self) -> asyncio.Event:
        """The next ring."""
        return self._ring

    def ring(self) -> None:
        """Wake everybody."""
        self._ring.set()
        self._ring = asyncio.Event()

    def close(self) -> None:
        """Wake everybody for the last time."""
        self.is_closed = True
        self.ring()


@dataclass(frozen=True, slots=True)
class Live:
    """The open streams of this process. `bell` rings when there may be news."""

    feed: AlertFeed
    tokens: TokenDesk
    streams: Streams
    turns: Turns
    bell: Bell = field(default_factory=Bell)
    heartbeat_s: float = HEARTBEAT_S
    send_s: float = SEND_S

    async def follow(self, request: web.Request, token: Token) -> web.StreamResponse:
        """Tell one reader, until he or his token goes; raises `Problem` before anything is sent."""
        asked = _begin_after(request)
        with self.streams.taken():
            newest = await self.feed.begin(actor=token.actor)
            response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
            response.content_type = "text/event-stream"
            await response.prepare(request)
            stream = _Stream(self, response, token, newest if asked is None else asked)
            try:
                await stream.run()
            except Exception as exc:  # noqa: BLE001  he hung up, reads nothing, or what was foreseen by nobody: in the
                # middle of an answer no other can be given, so it is cut, and he comes back by his last number
                log.info("api_stream_cut", token=token.name, kind=type(exc).__name__)
                if request.transport is not None:
                    request.transport.abort()
        return response


@dataclass(slots=True)
class _Stream:
    live: Live
    response: web.StreamResponse
    token: Token
    number: int
    sent_s: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Until the token ends, or the server."""
        await self._send(f"retry: {_RETRY_MS}\n: what happens after line {self.number}\n\n")
        while not self.live.bell.is_closed:
            ring = self.live.bell.next()
            try:
                standing, lines = await self._look()
            except (DatabaseUnwell, Problem):  # away or busy: the next look finds what this one did not
                standing, lines = Standing.GOOD, ()
            if standing is not Standing.GOOD:
                await self._end(standing)
                return
            await self._tell(lines)
            if len(lines) < MANY:
                await self._wait(ring)

    async def _look(self) -> tuple[Standing, Sequence[Line]]:
        """Whether the token still holds, and if so what is new."""
        async with self.live.turns.taken():
            found = await self.live.tokens.named(self.token.name)
            standing = Standing.REVOKED if found is None else found.standing(datetime.now(UTC))
            if standing is not Standing.GOOD:
                return standing, ()
            return standing, await self.live.feed.after(self.number, self.token.cities, MANY)

    async def _tell(self, lines: Sequence[Line]) -> None:
        if lines:
            await self._send("".join(_event(line) for line in lines))
            self.number = lines[-1].number

    async def _end(self, standing: Standing) -> None:
        problem = Problem("bad-token", f"this token is {standing}: the stream ends")
        await self._send(f"event: end\ndata: {body_of(problem).decode()}\n\n")

    async def _wait(self, ring: asyncio.Event) -> None:
        """For news, the token's end or the next heartbeat, whatever comes first."""
        holds_s = (self.token.expires_at - datetime.now(UTC)).total_seconds()
        quiet_s = self.sent_s + self.live.heartbeat_s - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(holds_s, quiet_s))):
                await ring.wait()
        except TimeoutError:
            if time.monotonic() >= self.sent_s + self.live.heartbeat_s:
                await self._send(": here\n\n")

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(self.live.send_s):
            await self.response.write(text.encode())
        self.sent_s = time.monotonic()


def _event(line: Line) -> str:
    name = "event: notice\n" if line.is_notice else ""
    return f"id: {line.number}\n{name}data: {line.json}\n\n"


def _begin_after(request: web.Request) -> int | None:
    """The line after which he goes on; raises `Problem`."""
    said = request.headers.get("Last-Event-ID") or request.query.get("after")
    if said is None:
        return None
    if not (said.isascii() and said.isdecimal()) or len(said) > _MOST_DIGITS:
        raise Problem("bad-parameter", "Last-Event-ID, or after, is the number of a line, such as 1042")
    return int(said)
