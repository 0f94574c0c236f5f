"""Officers who work in several cities of a region, the region's port alone, and a city's side of the log by hand.

async with region_port(state) as port:              # TLS, the links' keys, nothing else of the region runs
    async with following(state["torreon"], port=port) as follower:
        await follower.take(await head_of(state, "torreon"))
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
from aiohttp import web

from aggregator.adapters import federation_log, trust_ceremony
from aggregator.adapters.hotlist_desk import Desk, Published
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.items_down import ItemsDown
from aggregator.adapters.items_up import ItemsUp
from aggregator.adapters.link_keys import LinkKeys
from aggregator.adapters.policy_file import InForce, PolicyFile
from aggregator.adapters.region_desk import RegionDesk
from aggregator.adapters.region_door import door_of
from aggregator.core import trust_ledger
from aggregator.core.hotlist import Token
from aggregator.core.visibility import Policy
from aggregator.http.artefacts import artefacts_app, server_context
from aggregator.http.federation import Bodies, federation_routes
from aggregator.service.log_follower import HeadInbox, LogFollower
from protocol.federation import Head, sign_head
from protocol.keys import KeySigner, Signer
from protocol.trust import Role
from tests.simulators.federation import Centre, Federation
from tests.simulators.officers import HEADER, Officers


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@dataclass
class Bureau:
    """A city's officers, Ana and Luis, and what they do. Other cities may adopt them."""

    centre: Centre
    officers: Officers
    token: Token = os.urandom

    @classmethod
    def of(cls, centre: Centre, *, token: Token = os.urandom) -> "Bureau":
        """Both granted everywhere by the city's own root; `token` makes ids."""
        made = cls(centre, Officers(centre.settings, centre.installation.root), token)
        for name in ("ana", "luis"):
            made.officers.grant(f"{name}-{centre.city}")
        return made

    @property
    def desk(self) -> Desk:
        """The desk under the bundle of this moment."""
        return Desk(self.centre.pool, self.officers.trust, self.centre.city, self.token)

    @property
    def keys(self) -> tuple[KeySigner, KeySigner]:
        """Ana's and Luis's."""
        ana, luis = (self.officers.keys[f"{name}-{self.centre.city}"] for name in ("ana", "luis"))
        return ana, luis

    def grant(self, role: Role, subject: str, key: Signer) -> None:
        """The city's root grants a key another role."""
        new = trust_ledger.make_grant(role, key.public_key.spki, subject, now=now(), valid=timedelta(days=30))
        trust_ceremony.grant(self.centre.settings.keys, self.officers.root, [new], now=now())

    async def adopt(self, other: "Bureau") -> None:
        """Our root grants the other's officers too; the publisher hears of it at once."""
        for name, key in other.officers.keys.items():
            self.officers.grant(name, key=key)
        await self.centre.pool.execute("SELECT pg_notify('hotlist_changed', $1)", self.centre.city)

    async def list_plates(self, plates: Iterable[str], *, scope: str = "*", life: timedelta = timedelta(days=9)) -> str:
        """Import, propose and approve; the batch."""
        expires = (now() + life).isoformat()
        lines = [f"{plate},stolen-vehicle,FGE-{plate},{expires},{scope}\n" for plate in plates]
        await self.desk.import_file((HEADER + "".join(lines)).encode(), actor="test", now=now())
        ana, luis = self.keys
        proposed = await self.desk.propose(ana, None, now=now())
        await self.desk.approve(luis, proposed.batch_id, now=now())
        return proposed.batch_id

    async def withdraw(self, plate: str) -> Published:
        """Luis withdraws a plate's entry."""
        entry = await self.centre.pool.fetchval("SELECT entry_id FROM hotlist_entry WHERE plate = $1", plate)
        return await self.desk.withdraw(self.keys[1], [entry], "found again", now=now())


@asynccontextmanager
async def region_port(state: Federation, policy: Policy | None = None) -> AsyncIterator[RegionDesk]:
    """The region's port for links, with the logs of its cities opened."""
    region = state.region
    desk, keys = RegionDesk(region.pool, InForce(PolicyFile(policy or Policy()))), LinkKeys(region.pool, region.access)
    await keys.load()
    await desk.open_logs(now=now())

    def shelf_of(key: bytes) -> Bodies | None:
        city = keys.city_of(key)
        return None if city is None else Bodies(region.pool, city)

    bundle = region.settings.keys.trust_bundle
    routes = federation_routes(desk, keys.city_of, region.installation.server, bundle)
    runner = web.AppRunner(artefacts_app(region.pool, lambda _: False, shelf_of, routes), access_log=None)
    await runner.setup()
    http = region.settings.http
    await web.TCPSite(runner, "127.0.0.1", http.port, ssl_context=server_context(region.settings)).start()
    try:
        yield desk
    finally:
        await runner.cleanup()


@asynccontextmanager
async def following(city: Centre, *, port: int | None = None) -> AsyncIterator[LogFollower]:
    """A city's follower, told of heads by hand; `port` is another way to the region's."""
    link = city.link
    if port is not None:
        facts = msgspec.structs.replace(link.facts, artefacts_url=f"https://127.0.0.1:{port}")
        link = replace(link, facts=facts)
    async with door_of(link) as door:
        yield LogFollower(link, door, HeadInbox(), ItemsDown(city.pool, city.settings, link))


async def hand_up(city: Centre) -> int:
    """One round of what a city hands up; how many items the region did not take for now."""
    async with door_of(city.link) as door:
        return await ItemsUp(city.pool, city.settings, city.link.log_id).bring(door, now=now())


async def end_of(state: Federation, city: str) -> Head:
    """Where the region says that a city's log ends."""
    async with transaction(state.region.pool) as connection:
        ends = {end.city: end for end in await federation_log.ends(connection)}
    return ends[city].head(now())


async def head_of(state: Federation, city: str) -> bytes:
    """The same, signed, as the region's broker keeps it."""
    return await asyncio.to_thread(sign_head, await end_of(state, city), state.region.installation.server)
