"""An artefact by its hash, as a box fetches it: its own connection, its own certificate, and the hash checked.

The agent's own client can resume, and costs a session object each time; a fleet that fetches all at once on one machine
would measure that. This one asks once and reads to the end.
"""

import asyncio
import hashlib
import ssl
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

FETCH_TIMEOUT_S: Final = 120.0
_HEAD_END: Final = b"\r\n\r\n"


class NotFetched(Exception):
    """It did not come, or other bytes came; it may be asked for again."""


async def fetched(base_url: str, context: ssl.SSLContext, sha256: bytes) -> bytes:
    """The bytes of that hash; raises `NotFetched`."""
    url = urlsplit(base_url)
    request = f"GET /artefacts/{sha256.hex()} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(FETCH_TIMEOUT_S):
            answer = await _answer(url.hostname or "", url.port or 443, context, request.encode())
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as exc:
        raise NotFetched(f"{base_url} does not answer: {exc}") from exc
    head, _, body = answer.partition(_HEAD_END)
    if head.split(b" ", 2)[1:2] != [b"200"] or hashlib.sha256(body).digest() != sha256:
        raise NotFetched(f"{base_url} answered with something else: {head[:40]!r}")
    return body


async def _answer(host: str, port: int, context: ssl.SSLContext, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
