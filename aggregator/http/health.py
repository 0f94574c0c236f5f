"""`GET /healthz`: is the aggregator well, as one JSON object; 200 if so, else 503 with what is wrong in words.

Plain HTTP on loopback, for the machine's own supervision. It answers from figures, never from rows: no id of a device
and no plate is in it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import msgspec
from aiohttp import web


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The figures. `problems` is empty when all is well."""

    release: str
    uptime_s: int
    database: bool
    engine: str  # what keeps the counts, and why it is not TimescaleDB if it might be
    broker: bool
    workers: int  # that take messages in
    queue_depth: int
    lag_s: float  # how long the oldest delivery in hand has waited
    stored: int
    redelivered: int
    refused: int
    store_retries: int
    dropped_unacknowledged: int
    enrolled: dict[str, int] = {}  # what the open port gave, by kind
    enrolment_refused: dict[str, int] = {}  # and what it refused, by word
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what will be a problem one day: dates that come near


Check: TypeAlias = Callable[[], Awaitable[Health]]


def health_app(check: Check, beside: Iterable[web.RouteDef] = ()) -> web.Application:
    """The application: health, and what else the machine itself may ask."""

    async def healthz(_request: web.Request) -> web.Response:
        health = await check()
        return web.Response(
            body=msgspec.json.encode(health),
            content_type="application/json",
            status=503 if health.problems else 200,
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_routes(beside)
    return app
