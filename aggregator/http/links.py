"""What linked cities say about themselves, and ask about others, on the port for boxes under their link's certificate:

    POST /federation/contact        how the city stands; answered with the region's time and release
    POST /federation/leave          the city leaves
    POST /federation/certificate    the link's certificate, for the key it has: a new one when it is due
    GET  /federation/trust/{city}   the root that the region believes for another city, and its trust bundle

Nothing signed depends on the first; the second ends the link for good; the last is for an officer who compares the
root's fingerprint with that city's own people, and without that it grants nothing (`aggregator federation adopt`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from aggregator.adapters import city_trust, federated_store, federation_desk, joining_desk, keyfiles, pki
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.core.audit import problem_with_reason
from aggregator.core.contact import (
    CERTIFICATE_PATH,
    CONTACT_PATH,
    LEAVE_PATH,
    MAX_BYTES,
    TRUST_PATH,
    RegionStanding,
    Renewed,
    Standing,
)
from aggregator.http.artefacts import key_of
from aggregator.http.link_port import LinkOf, body_within, linked
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import Parcel
from protocol.messages import VERSION
from protocol.wire import to_bytes

_UNSAID: Final = "the city left"
S = TypeVar("S", bound=msgspec.Struct)


class _Leaving(msgspec.Struct, frozen=True):
    reason: str = _UNSAID


def link_routes(pool: Pool, settings: Settings, link_of: LinkOf) -> Sequence[web.RouteDef]:
    """The routes, for the application of the artefacts' port."""
    desk = _Desk(pool, settings)

    return [
        web.post(CONTACT_PATH, linked(link_of, desk.contact)),
        web.post(LEAVE_PATH, linked(link_of, desk.leave)),
        web.post(CERTIFICATE_PATH, linked(link_of, desk.certificate)),
        web.get(f"{TRUST_PATH}/{{city:[a-z0-9][a-z0-9-]{{0,31}}}}", linked(link_of, desk.trust)),
    ]


@dataclass(frozen=True, slots=True)
class _Desk:
    """What answers a linked city."""

    pool: Pool
    settings: Settings

    async def contact(self, request: web.Request, city: str) -> web.Response:
        """Note how it stands; our time."""
        said, now = _json(await body_within(request, MAX_BYTES), Standing), datetime.now(UTC)
        async with transaction(self.pool) as connection:
            offset = said.time_ms - to_ms(now)
            await federated_store.note_contact(connection, city, said, clock_offset_ms=offset, now=now)
            number = await federated_store.log_end(connection, city)
        issuer = await asyncio.to_thread(keyfiles.read_certificate, self.settings.keys.issuing_certificate)
        answer = RegionStanding(
            time_ms=to_ms(datetime.now(UTC)),
            release=version("atalaya"),
            region=self.settings.city,
            log_number=number,
            issuer=pki.key_id_of(issuer).hex(),
        )
        return _as_json(answer)

    async def leave(self, request: web.Request, city: str) -> web.Response:
        """End its link."""
        reason, now = _json(await body_within(request, MAX_BYTES), _Leaving).reason, datetime.now(UTC)
        kept = _UNSAID if problem_with_reason(reason) else reason.strip()
        await federation_desk.leave(self.pool, self.settings, city, actor=f"city:{city}", reason=kept, now=now)
        return web.Response(status=204)

    async def certificate(self, request: web.Request, city: str) -> web.Response:
        """Its link's certificate, renewed when it is due."""
        key, now = key_of(request), datetime.now(UTC)
        leaf = await joining_desk.renewed(self.pool, self.settings, city, key, now=now)
        if leaf is None:
            raise web.HTTPForbidden(text="this certificate is of no linked city")
        chain = keyfiles.pem_of(leaf) + keyfiles.read_file(self.settings.keys.issuing_certificate)
        authorities = keyfiles.read_file(self.settings.broker.ca)
        return _as_json(Renewed(chain=chain.decode(), authorities=authorities.decode()))

    async def trust(self, request: web.Request, _city: str) -> web.Response:
        """Whose root stands behind another city."""
        async with transaction(self.pool) as connection:
            bundles = await city_trust.bundles(connection, request.match_info["city"])
        if bundles is None:
            raise web.HTTPNotFound(text="no such city")
        body = Parcel(version=VERSION, root_spki=bundles.root, trust=bundles.newest, answer=b"")
        return web.Response(body=to_bytes(body), content_type="application/cbor")


def _as_json(answer: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _json(body: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise web.HTTPBadRequest(text=f"not a {kind.__name__.strip('_').lower()} of this release's form") from exc
