"""`POST /probe`: takes a bounded number of bytes from a registered box and says when it had them.

A technician's tool measures the way up and the box's clock with it (`edge-agent doctor`). Nothing of the body is kept
or looked at, and no more is read than `MAX_BYTES`.
"""

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

MAX_BYTES: Final = 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024


def probe_routes(is_admitted: Callable[[web.Request], bool]) -> tuple[web.RouteDef, ...]:
    """The route; `is_admitted` says whether the peer of a request is a box in service."""

    async def probe(request: web.Request) -> web.Response:
        if not is_admitted(request):
            raise web.HTTPForbidden(text="this certificate is of no box in service")
        taken = 0
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            taken += len(chunk)
            if taken > MAX_BYTES:
                raise web.HTTPRequestEntityTooLarge(MAX_BYTES, taken)
        return web.json_response({"bytes": taken, "now_ms": time.time_ns() // 1_000_000})

    return (web.post("/probe", probe),)
