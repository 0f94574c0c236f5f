"""What linked cities hand up and are handed down, on the port for boxes, under their link's certificate:

    PUT /federation/items/{kind}/{sha256}      an item, answered by a signed link receipt
    GET /federation/log?after=N                a page of the city's own log, and the signed head where it ends
    GET /artefacts/{sha256}                    a body that is too long for a page, whole or in part
    GET /federation/trust                      the region's own trust bundle

A city (`aggregator.http.link_port` tells which one asks) gets what its own log names. A receipt says `stored` only
after the commit. `410 Gone` means that the log is not kept so far back.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from aggregator.adapters import federation_log, keyfiles
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.region_desk import Item, RegionDesk
from aggregator.core.contact import TRUST_PATH
from aggregator.http.link_port import LinkOf, body_within, linked
from protocol.clock import to_ms
from protocol.federation import (
    ITEMS_PATH,
    KIND_OF_SLUG,
    LOG_PATH,
    MAX_BODY_BYTES,
    UPWARD,
    encode_page,
    sign_head,
    sign_link_receipt,
)
from protocol.keys import Signer

CBOR: Final = "application/cbor"
_HASH: Final = r"[0-9a-f]{64}"
_KINDS: Final = "|".join(sorted(kind.slug for kind in UPWARD))


def federation_routes(desk: RegionDesk, link_of: LinkOf, signer: Signer, bundle: Path) -> Sequence[web.RouteDef]:
    """The routes, for the application of the artefacts' port; `bundle` is the region's own."""

    async def put_item(request: web.Request, city: str) -> web.StreamResponse:
        kind = KIND_OF_SLUG[request.match_info["kind"]]
        item = await asyncio.to_thread(Item.of, city, kind, await body_within(request, MAX_BODY_BYTES[kind]))
        if item.sha256.hex() != request.match_info["sha256"]:
            raise web.HTTPBadRequest(text="these bytes have another hash than the address says")
        answer = await desk.take(item, now=datetime.now(UTC))
        receipt = sign_link_receipt(city, [answer], signer, time_ms=to_ms(datetime.now(UTC)))
        return web.Response(body=receipt, content_type=CBOR)

    async def get_log(request: web.Request, city: str) -> web.StreamResponse:
        after = _number(request.query.get("after", "0"))
        async with transaction(desk.pool) as connection:
            stretch = await federation_log.stretch_after(connection, city, after)
        if stretch is None:
            raise web.HTTPGone(text="the log is not kept so far back: leave, and join again")
        head = sign_head(stretch.end.head(datetime.now(UTC)), signer)
        return web.Response(body=encode_page(head, stretch.items), content_type=CBOR)

    async def get_trust(_request: web.Request, _city: str) -> web.StreamResponse:
        return web.Response(body=await asyncio.to_thread(keyfiles.read_file, bundle), content_type=CBOR)

    return [
        web.put(f"{ITEMS_PATH}/{{kind:{_KINDS}}}/{{sha256:{_HASH}}}", linked(link_of, put_item)),
        web.get(LOG_PATH, linked(link_of, get_log)),
        web.get(TRUST_PATH, linked(link_of, get_trust)),
    ]


class Bodies:
    """Bodies that a city's log names, for whoever has its link (`aggregator.http.artefacts.Shelf`)."""

    def __init__(self, pool: Pool, city: str) -> None:
        """Of one city."""
        self._pool, self._city = pool, city

    async def size(self, sha256: bytes) -> int | None:
        """How many bytes there are, if the log names them."""
        async with transaction(self._pool) as connection:
            return await federation_log.size_for(connection, self._city, sha256)

    async def part(self, sha256: bytes, offset: int, length: int) -> bytes | None:
        """Some of them."""
        async with transaction(self._pool) as connection:
            return await federation_log.part(connection, sha256, offset, length)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise web.HTTPBadRequest(text="after is the number of the last item that was taken")
    return int(text)
