"""The way to the command centre, tried without disturbing the agent that uses it.

The broker is met in a TLS handshake under the box's certificate, and no MQTT is spoken: a second session under the same
identity would take over the first one's. In TLS 1.3 a server refuses a client's certificate after the client has
finished its part, so the probe listens for a moment before it believes. The speed of the way up is that of a bounded
POST of random bytes to the artefact server, whose answer also tells the command centre's time.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from edge_agent.core.checks_link import Uplink
from edge_agent.errors import LinkFailed

DIAL_S: Final = 8.0
LISTEN_S: Final = 0.7
PROBE_BYTES: Final = 256 * 1024
PROBE_S: Final = 25.0


async def resolve(host: str) -> str | None:
    """The address of a host, or None if nobody knows it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return str(found[0][4][0])


def broker_refusal(host: str, port: int, tls: ssl.SSLContext) -> str:
    """Why the broker would not have this box; empty if its certificate is taken."""
    try:
        with socket.create_connection((host, port), DIAL_S) as line, tls.wrap_socket(line, server_hostname=host) as met:
            return _second_thoughts(met)
    except TimeoutError:
        return f"no answer within {DIAL_S:.0f} s"
    except ssl.SSLError as exc:
        return exc.reason or str(exc)
    except OSError as exc:
        return exc.strerror or str(exc)


def _second_thoughts(met: ssl.SSLSocket) -> str:
    """What the broker says to our certificate after the handshake: nothing, if it takes it."""
    met.settimeout(LISTEN_S)
    try:
        return "" if met.recv(1) else "the broker hung up after the handshake"
    except TimeoutError:
        return ""


async def measure_uplink(base_url: str, tls: Callable[[], ssl.SSLContext]) -> Uplink:
    """Round trip, speed up, and clock offset; raises `LinkFailed`."""
    timeout = aiohttp.ClientTimeout(total=PROBE_S, connect=DIAL_S)
    connector = aiohttp.TCPConnector(ssl=tls(), limit=1)
    url = f"{base_url.rstrip('/')}/probe"
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await _post(session, url, b"")  # the connection and its handshake are made
            before_ms = time.time() * 1000
            begun = time.perf_counter()
            told_ms = await _post(session, url, b"")
            round_trip_s = time.perf_counter() - begun
            begun = time.perf_counter()
            await _post(session, url, os.urandom(PROBE_BYTES))
            took_s = max(time.perf_counter() - begun - round_trip_s, 1e-3)
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise LinkFailed(f"{url}: {type(exc).__name__}: {exc}") from exc
    offset_ms = before_ms + round_trip_s * 500 - told_ms
    return Uplink(round_trip_s * 1000, PROBE_BYTES * 8 / 1000 / took_s, offset_ms)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> int:
    """Send bytes; the command centre's time in milliseconds as it had taken the last."""
    async with session.post(url, data=body, allow_redirects=False) as response:
        response.raise_for_status()
        told = await response.json()
    if not (isinstance(told, dict) and isinstance(told.get("now_ms"), int)):
        raise LinkFailed(f"{url}: answers, but not as a command centre does")
    return int(told["now_ms"])
