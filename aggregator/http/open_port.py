"""The port for boxes that have no certificate yet, or none that still holds: TLS under our certificate alone.

Anybody can reach it, so whatever is asked here is small, rare and signed by a key: requests are at most
`MAX_BODY_BYTES` (but for a city that joins, whose trust bundle has a bound of its own), come within `READ_TIMEOUT_S`,
and no oftener than so many a minute from an address. Each resource has a module of its own with its routes; who asks is
judged there, by signature and never by address. A refusal is JSON, `{"error": WORD, "text": ...}`, and is counted by
its word; nothing of a request is logged but the word.

`GET /authority` gives the certificates of our CAs. A box fetches them over TLS that it cannot verify yet, holds the
root among them to the fingerprint in its token, and verifies all the rest.
"""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import structlog
from aiohttp import web

from aggregator.adapters import keyfiles
from aggregator.core.attempts import Attempts, name_of_address
from aggregator.errors import AggregatorError, BadSettings
from aggregator.settings import Settings

MAX_BODY_BYTES: Final = 16 * 1024
READ_TIMEOUT_S: Final = 10.0

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


class Refused(Exception):
    """What was asked is refused: a status, a word that programs know, and a text for people."""

    def __init__(self, status: int, word: str, text: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.status, self.word, self.retry_after_s = status, word, retry_after_s


@dataclass(frozen=True, slots=True)
class Tally:
    """What the port has answered since the start: grants by their kind, refusals by their word."""

    granted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def open_app(settings: Settings, routes: Iterable[web.RouteDef], tally: Tally) -> web.Application:
    """The application of the port: the CA's certificates, and whatever routes the resources bring."""
    attempts = Attempts(settings.enrolment.attempts_per_minute)

    async def authority(_request: web.Request) -> web.Response:
        chain = await asyncio.to_thread(keyfiles.read_file, settings.broker.ca)
        return web.Response(body=chain, content_type="application/pem-certificate-chain")

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check_attempts(attempts, name_of_address(request.remote or ""))
            return await handler(request)
        except Refused as exc:
            return _refusal(exc, tally)
        except AggregatorError as exc:
            log.error("open_port_failed", problem=str(exc))  # noqa: TRY400  expected, and its text says what to do
            return _refusal(
                Refused(503, "unavailable", "the command centre cannot do this now", retry_after_s=5), tally
            )
        except web.HTTPException as exc:
            return _refusal(Refused(exc.status, "bad_request", exc.reason), tally)

    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[guarded])
    app.router.add_get("/authority", authority)
    app.router.add_routes(routes)
    return app


def check_attempts(attempts: Attempts, name: str) -> None:
    """Count an attempt of an address or a key; raises `Refused` for one too many."""
    wait_s = attempts.wait_s(name, time.monotonic())
    if wait_s:
        raise Refused(429, "too_many_attempts", "too many attempts; wait, then try again", retry_after_s=wait_s)


async def body_of(request: web.Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request, within bounds of size and time; raises `Refused`."""
    taken = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                taken += chunk
                if len(taken) > most:
                    raise Refused(413, "bad_request", f"a request has at most {most} bytes")
    except TimeoutError as exc:
        raise Refused(408, "too_slow", f"the request did not arrive within {READ_TIMEOUT_S:.0f} s") from exc
    return bytes(taken)


def open_context(settings: Settings) -> ssl.SSLContext:
    """TLS under our certificate, asking for none; raises `BadSettings`."""
    return own_context(settings.http.certificate, settings.http.key, "http")


def own_context(certificate: Path, key: Path, table: str) -> ssl.SSLContext:
    """The same under any certificate, which a table of the settings names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise BadSettings(f"{table}.certificate and {table}.key cannot be used: {exc}") from exc
    return context


def _refusal(refused: Refused, tally: Tally) -> web.Response:
    tally.refused[refused.word] += 1
    log.info("open_port_refused", word=refused.word)
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(max(1, ceil(refused.retry_after_s)))}
    return web.Response(
        status=refused.status,
        headers=headers,
        body=msgspec.json.encode({"error": refused.word, "text": str(refused)}),
        content_type="application/json",
    )
