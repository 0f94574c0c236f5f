"""Ports: an application served at an address until the stack unwinds."""

import ssl
from contextlib import AsyncExitStack

from aiohttp import web

from aggregator.errors import BadSettings


async def serve(
    stack: AsyncExitStack,
    app: web.Application,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    *,
    site: type[web.TCPSite] = web.TCPSite,
    ends_with_client: bool = False,
) -> None:
    """Serve an application. `ends_with_client`: what somebody asked ends when he hangs up. Raises `BadSettings`."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=ends_with_client)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await site(runner, host, port, ssl_context=tls).start()
    except OSError as exc:
        raise BadSettings(f"cannot listen on {host}:{port} ({exc.strerror}); is another aggregator running?") from exc
