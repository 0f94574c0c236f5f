"""Fetching an artefact by its hash: HTTPS under the box's own certificate, resumed where it was cut.

What has arrived is kept between attempts and asked for no more (`Range`). Nothing here believes the bytes: their number
is held to the one that was announced, so that a server cannot fill the memory, and the hash is for the caller.
"""

import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Final

import aiohttp

CHUNK_BYTES: Final = 64 * 1024
CONNECT_TIMEOUT_S: Final = 15.0
READ_TIMEOUT_S: Final = 30.0
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)", re.ASCII)


@unique
class Problem(Enum):
    """Why an attempt did not bring the whole artefact; all but `SUPERSEDED` are tried again."""

    UNREACHABLE = "unreachable"
    CUT = "cut"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    WRONG_SIZE = "wrong_size"
    SUPERSEDED = "superseded"


@dataclass(slots=True)
class Download:
    """An artefact on its way: its name, its announced size, and what has arrived of it."""

    sha256: bytes
    size_bytes: int
    arrived: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether all of it has arrived."""
        return len(self.arrived) == self.size_bytes


class ArtefactServer:
    """The command centre's artefacts, as one box may fetch them."""

    def __init__(
        self, base_url: str, tls: Callable[[], ssl.SSLContext], *, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        """`tls` gives a context with the box's certificate; it is asked anew for each connection."""
        self._base_url = base_url.rstrip("/")
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_read=read_timeout_s)

    async def fetch(self, download: Download, *, is_wanted: Callable[[], bool]) -> Problem | None:
        """One attempt to bring what is missing; None when all of it is there."""
        try:
            async with self._response(download) as response:
                problem = _judge(response, download)
                if problem is not None:
                    return problem
                return await _receive(response, download, is_wanted)
        except (aiohttp.ClientPayloadError, TimeoutError):
            return Problem.CUT
        except (aiohttp.ClientError, OSError, ssl.SSLError):
            return Problem.UNREACHABLE

    @asynccontextmanager
    async def _response(self, download: Download) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept-Encoding": "identity"}
        if download.arrived:
            headers["Range"] = f"bytes={len(download.arrived)}-"
        url = f"{self._base_url}/artefacts/{download.sha256.hex()}"
        connector = aiohttp.TCPConnector(ssl=self._tls(), limit=1, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=self._timeout, auto_decompress=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            yield response


def _judge(response: aiohttp.ClientResponse, download: Download) -> Problem | None:
    """Whether the answer goes on where we are; a whole answer starts the download anew."""
    match response.status:
        case 200:
            download.arrived.clear()
            return None
        case 206:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found and (int(found[1]), int(found[2])) == (len(download.arrived), download.size_bytes):
                return None
            download.arrived.clear()
            return Problem.WRONG_SIZE
        case 404:
            return Problem.NOT_FOUND
        case 416:
            download.arrived.clear()
            return Problem.WRONG_SIZE
        case _:
            return Problem.REFUSED


async def _receive(
    response: aiohttp.ClientResponse, download: Download, is_wanted: Callable[[], bool]
) -> Problem | None:
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        if len(download.arrived) + len(chunk) > download.size_bytes:
            download.arrived.clear()
            return Problem.WRONG_SIZE
        download.arrived += chunk
        if not is_wanted():
            return Problem.SUPERSEDED
    return None if download.is_whole else Problem.CUT
