"""A linked city tells its region how it stands, and notes the region's time: every `federation.contact_every_s`.

It has its link's certificate renewed by the way, when that is due.
Joining and leaving need no restart: the link's files are looked at each time. Nothing waits for this and nothing
depends on it; a region that does not answer is noted, for `aggregator federation status`.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from aggregator.adapters import federation_link, region_contact
from aggregator.adapters.database import Pool
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hotlist_store import transaction
from aggregator.errors import AggregatorError, RegionAway
from aggregator.settings import Settings

LOOK_EVERY_S: Final = 5.0

log = structlog.get_logger(__name__)


class FederationContact:
    """Keeps the region told until cancelled."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        """Use a pool of the caller's."""
        self._pool, self._settings = pool, settings

    async def run(self) -> None:
        """Tell the region again and again, while there is one."""
        while True:
            link = await self.tell()
            await asyncio.sleep(LOOK_EVERY_S if link is None else self._settings.federation.contact_every_s)

    async def tell(self) -> Link | None:
        """Tell the region once, if there is one."""
        link = None
        try:
            link = await asyncio.to_thread(federation_link.read, self._settings)
            if link is not None:
                await self._tell(link)
        except AggregatorError as exc:
            log.warning("region_not_told", problem=str(exc))
        return link

    async def _tell(self, link: Link) -> None:
        async with transaction(self._pool) as connection:
            standing = await region_contact.standing(connection, link, now=datetime.now(UTC))
        try:
            answered = await region_contact.say(link, standing)
        except RegionAway as exc:
            async with transaction(self._pool) as connection:
                await region_contact.note_trouble(connection, link, str(exc), now=datetime.now(UTC))
            return
        async with transaction(self._pool) as connection:
            await region_contact.note(connection, link, answered, now=datetime.now(UTC))
        await self._renew(link, answered.region.issuer)

    async def _renew(self, link: Link, issuer: str) -> None:
        """Have the link's certificate renewed when it is due; connections that stand keep the old one."""
        if await asyncio.to_thread(federation_link.is_renewal_due, link, issuer, now=datetime.now(UTC)):
            fresh = await region_contact.renewed(link)
            if await asyncio.to_thread(federation_link.renew, link, fresh):
                log.info("link_renewed", region=link.facts.region)
