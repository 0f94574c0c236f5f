"""Tells each linked city how far its log goes: a signed head, retained at the region's broker.

Part of the publisher's rounds (`aggregator.adapters.hotlist_publisher`), and the first part: a vehicle that one city
reported waits for it everywhere else. A head is signed anew every half minute though nothing has changed, so that a
city knows how old what it has is, and that nobody keeps newer things from it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from aggregator.adapters import federation_log, keyfiles
from aggregator.adapters.federation_log import End
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.region_desk import RegionDesk
from aggregator.settings import Settings
from protocol.federation import sign_head
from protocol.keys import Signer
from protocol.topics import HEAD, link_topic

CHANNELS: Final = (federation_log.CHANNEL, "federation_changed")
SIGN_EVERY_S: Final = 30.0
TIDY_EVERY_S: Final = 3600.0

Publish = Callable[[str, bytes], Awaitable[bool]]
"""Whether the broker took a retained message."""


class HeadPublisher:
    """One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, settings: Settings, desk: RegionDesk, signer: Signer, publish: Publish) -> None:
        """Use the region's desk and a line to its broker; both are the caller's."""
        self._settings, self._desk, self._signer, self._publish = settings, desk, signer, publish
        self._told: dict[str, tuple[End, float]] = {}
        self._tidied_s = float("-inf")

    def forget(self) -> None:
        """Tell everything again."""
        self._told = {}

    async def look(self, now: datetime) -> None:
        """One round; raises what the database raises."""
        bundle = await asyncio.to_thread(keyfiles.read_file, self._settings.keys.trust_bundle)
        await self._desk.tell_trust(self._settings.city, bundle, now=now)
        await self._desk.open_logs(now=now)
        async with transaction(self._desk.pool) as connection:
            ends = await federation_log.ends(connection)
        for end in ends:
            if not await self._tell(end, now):
                return  # the broker is slow or gone: the next round goes on
        if time.monotonic() - self._tidied_s >= TIDY_EVERY_S:
            await self._desk.tidy(now=now)
            self._tidied_s = time.monotonic()

    async def _tell(self, end: End, now: datetime) -> bool:
        told, at_s = self._told.get(end.city, (None, 0.0))
        if told == end and time.monotonic() - at_s < SIGN_EVERY_S:
            return True
        if not await self._publish(str(link_topic(end.city, HEAD)), sign_head(end.head(now), self._signer)):
            return False
        self._told[end.city] = end, time.monotonic()
        return True
