"""A city's way to its region's port over HTTPS, under the link's certificate; one connection, kept open between uses.

What is handed up is answered by a signed receipt, and only that counts. A page of the log is bytes that the caller
judges. A long body is fetched as boxes fetch snapshots: what has arrived is kept between attempts and asked for no
more, and it is held to the number of bytes that the log announced, so that nobody can fill the memory.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from aggregator.adapters.federation_link import Link, ended
from aggregator.adapters.mosquitto import tls_context
from aggregator.adapters.region_answers import bounded
from aggregator.core.contact import TRUST_PATH
from aggregator.errors import NotThere, RegionAway
from protocol.federation import ITEMS_PATH, LOG_PATH, MAX_PAGE_BYTES, ItemKind, LogItem, accept_link_receipt
from protocol.receipts import MAX_RECEIPT_BYTES, Receipt, ReceiptItem
from protocol.trust import MAX_TRUST_BYTES

_CONNECT_TIMEOUT_S: Final = 10.0
_READ_TIMEOUT_S: Final = 30.0
_KEPT_OPEN_S: Final = 300.0
_CHUNK_BYTES: Final = 64 * 1024
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)", re.ASCII)


class RegionDoor:
    """The region, as one city may ask it. Raises `RegionAway` whenever the answer is not there."""

    def __init__(self, link: Link, session: aiohttp.ClientSession) -> None:
        """Use `door_of`."""
        self._link, self._session = link, session
        self._base, self._server_name = link.facts.artefacts_url.rstrip("/"), link.facts.server_name
        self._arrived: dict[bytes, bytearray] = {}

    async def hand_up(self, kind: ItemKind, sha256: bytes, body: bytes) -> ReceiptItem:
        """Bring an item; what the region's receipt says of it."""
        path = f"{ITEMS_PATH}/{kind.slug}/{sha256.hex()}"
        async with self._asked("PUT", path, data=body) as response:
            receipt = accept_link_receipt(
                await bounded(response, MAX_RECEIPT_BYTES), self._link.trust(), city=self._link.city
            )
        if not isinstance(receipt, Receipt):
            raise RegionAway(f"the region's receipt does not hold ({receipt.name.lower()})")
        found = next((item for item in receipt.items if item.hash == sha256), None)
        if found is None:
            raise RegionAway("the region's receipt is of something else")
        return found

    async def page(self, after: int) -> bytes:
        """What follows a number in our log; raises `NotThere` if the region does not keep it any more."""
        async with self._asked("GET", f"{LOG_PATH}?after={after}") as response:
            return await bounded(response, MAX_PAGE_BYTES)

    async def trust(self) -> bytes:
        """The region's own trust bundle, as it says; the link believes it or not."""
        async with self._asked("GET", TRUST_PATH) as response:
            return await bounded(response, MAX_TRUST_BYTES)

    async def body(self, item: LogItem) -> bytes:
        """An item's body: from the line itself, or fetched, going on where an earlier attempt was cut."""
        if item.body:
            return item.body
        arrived = self._arrived.setdefault(item.sha256, bytearray())
        headers = {"Range": f"bytes={len(arrived)}-"} if arrived else {}
        async with self._asked("GET", f"/artefacts/{item.sha256.hex()}", headers=headers) as response:
            if not _goes_on(response, len(arrived), item.size_bytes):
                arrived.clear()
            await _receive(response, arrived, item.size_bytes)
        del self._arrived[item.sha256]
        if not item.holds(bytes(arrived)):
            raise RegionAway("the region gave other bytes than its log says")
        return bytes(arrived)

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, *, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = self._base + path
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                allow_redirects=False,
                server_hostname=self._server_name,
            ) as response:
                if response.status == HTTPStatus.GONE:
                    raise NotThere("the region does not keep our log so far back: leave it, and join again")
                if response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                    raise RegionAway(f"the region answered {response.status} to {method} {urlsplit(url).path}")
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            why = ended(self._link) or f"the region at {self._base} cannot be reached ({type(exc).__name__})"
            raise RegionAway(why) from exc


@asynccontextmanager
async def door_of(link: Link) -> AsyncIterator[RegionDoor]:
    """A door under a link's certificate; raises `NotThere` for files that cannot be used."""
    tls = tls_context(link.ca, link.certificate, link.key)
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_TIMEOUT_S, sock_read=_READ_TIMEOUT_S)
    connector = aiohttp.TCPConnector(ssl=tls, limit=4, keepalive_timeout=_KEPT_OPEN_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        yield RegionDoor(link, session)


def _goes_on(response: aiohttp.ClientResponse, at: int, size_bytes: int) -> bool:
    """Whether an answer goes on where we are; a whole one begins anew."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    is_part = response.status == HTTPStatus.PARTIAL_CONTENT and found is not None
    return is_part and found is not None and (int(found[1]), int(found[2])) == (at, size_bytes)


async def _receive(response: aiohttp.ClientResponse, arrived: bytearray, size_bytes: int) -> None:
    if response.status == HTTPStatus.PARTIAL_CONTENT and not arrived:
        raise RegionAway("the region gave another part of a body than was asked for")
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        if len(arrived) + len(chunk) > size_bytes:
            arrived.clear()
            raise RegionAway("the region gave more bytes than its log says")
        arrived += chunk
    if len(arrived) != size_bytes:
        raise RegionAway("the region's answer was cut")
