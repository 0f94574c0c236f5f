"""Follows the log that the region keeps for this city, from where we stand to where each signed head says it goes.

1. What lies between is fetched page by page, each ending at a signed head of its own, and applied in one transaction
   with our new place: nothing is skipped and nothing is applied twice, whenever we are cut off.
2. A head or a page that is behind us, forks off, or is of another log changes nothing. It is told once, and stays told
   until the region says something that goes on from where we stand.
3. The time in a head that we have come to is how old what we know is. An older one does not make it younger.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

import structlog

from aggregator.adapters import link_standing
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.items_down import Arrived, ItemsDown
from aggregator.adapters.region_door import RegionDoor
from aggregator.adapters.statements import statements
from aggregator.core.contact import AGAIN
from aggregator.errors import NotThere, RegionAway
from protocol.clock import to_ms
from protocol.federation import Head, HeadRefusal, TakenPage, accept_head, accept_page

NOT_KEPT: Final = "not_kept"
"""The region does not keep the log so far back."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class HeadInbox:
    """The newest head that the region's broker handed over."""

    raw: bytes = field(default=b"", repr=False)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, raw: bytes) -> None:
        """Take it in place of the one before."""
        self.raw = raw
        self.news.set()


@dataclass(slots=True)
class LogFollower:
    """Follows the log of one link."""

    link: Link
    door: RegionDoor
    inbox: HeadInbox
    items: ItemsDown
    _told: tuple[bytes, HeadRefusal] | None = field(default=None)

    async def follow(self) -> None:
        """Take what each head announces; while the region is away, again after pauses that grow, and with each head."""
        tries = 0
        while True:
            self.inbox.news.clear()
            try:
                if self.inbox.raw:
                    await self.take(self.inbox.raw)
                tries = 0
            except RegionAway as exc:
                tries += 1
                log.warning("region_log_put_off", problem=str(exc))
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN.wait_s(tries, Random()) if tries else None):  # noqa: S311  a pace
                    await self.inbox.news.wait()

    async def take(self, raw: bytes) -> None:
        """Come to stand where a head says; raises `RegionAway` if what lies between is not there."""
        async with transaction(self.items.pool) as connection:
            followed = await link_standing.followed(connection, self.link.log_id)
        city, at_ms = self.link.city, to_ms(datetime.now(UTC))
        region = await asyncio.to_thread(self.link.trust)
        head = accept_head(raw, region, city=city, followed=followed, at_ms=at_ms)
        if head is HeadRefusal.UNKNOWN_KEY:  # of a server that the region's root has granted since, perhaps
            await asyncio.to_thread(self.link.take_trust, await self.door.trust())
            region = await asyncio.to_thread(self.link.trust)
            head = accept_head(raw, region, city=city, followed=followed, at_ms=at_ms)
        while isinstance(head, Head) and followed.number < head.number:
            answer = await self._page(followed.number)
            page = accept_page(answer, region, city=city, followed=followed, at_ms=at_ms)
            if not isinstance(page, TakenPage):
                return await self._refuse(raw, page)
            if page.followed.number == followed.number:  # its broker still has a head that it lost
                return await self._refuse(raw, HeadRefusal.ROLLED_BACK)
            arrived = [Arrived(item, await self.door.body(item)) for item in page.items]
            await self.items.take(arrived, page.followed, now=datetime.now(UTC))
            log.info("region_items_taken", items=len(arrived), number=page.followed.number)
            followed = page.followed
        if isinstance(head, HeadRefusal):
            return await self._refuse(raw, head)
        return await self._note("heard", head.created_ms, datetime.now(UTC))

    async def _page(self, after: int) -> bytes:
        try:
            return await self.door.page(after)
        except NotThere:
            await self._note("note_problem", NOT_KEPT)
            raise

    async def _refuse(self, raw: bytes, why: HeadRefusal) -> None:
        """Say once for each head why it is not followed."""
        if self._told != (raw, why):
            self._told = raw, why
            log.warning("region_head_refused", reason=why.value)
            await self._note("note_problem", why.value)

    async def _note(self, statement: str, *values: object) -> None:
        async with transaction(self.items.pool) as connection:
            await connection.execute(statements("region_items")[statement], self.link.log_id, *values)
