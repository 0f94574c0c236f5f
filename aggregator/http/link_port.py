"""Requests of linked cities, on the port for boxes: the key of a link's certificate tells which city asks."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web

from aggregator.errors import DatabaseUnwell, NotThere
from aggregator.http.artefacts import key_of

LinkOf: TypeAlias = Callable[[bytes], str | None]
"""The linked city whose link has this key."""
Handler: TypeAlias = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
_RETRY: Final = {"Retry-After": "5"}


def linked(link_of: LinkOf, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that is told which linked city asks; whoever is none is turned away."""

    async def handle(request: web.Request) -> web.StreamResponse:
        city = link_of(key_of(request))
        if city is None:
            raise web.HTTPForbidden(text="this certificate is of no linked city")
        try:
            return await handler(request, city)
        except NotThere as exc:
            raise web.HTTPNotFound(text=str(exc)) from exc
        except DatabaseUnwell as exc:
            raise web.HTTPServiceUnavailable(headers=_RETRY) from exc

    return handle


async def body_within(request: web.Request, most: int) -> bytes:
    """A body of so many bytes at most."""
    taken = bytearray()
    async for chunk in request.content.iter_any():
        taken += chunk
        if len(taken) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(taken))
    return bytes(taken)
