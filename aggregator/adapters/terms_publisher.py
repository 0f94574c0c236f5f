"""Tells each box of a company which terms it works under: the newest, retained on the box's own topic.

Part of the publisher's rounds (`aggregator.adapters.hotlist_publisher`), behind the trust bundle, as settings are. A
box that is no longer active, or whose point is no company's any more, has its topic emptied; that frees no box that
holds terms.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aggregator.adapters.database import Pool
from aggregator.adapters.statements import statements
from protocol.order import Identity
from protocol.topics import TERMS, device_topic

CHANNEL: Final = "terms_changed"
NOTHING: Final = b""

Publish = Callable[[str, bytes], Awaitable[bool]]
"""Whether the broker took a retained message."""


class TermsPublisher:
    """One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, pool: Pool, publish: Publish) -> None:
        """Use a pool and a line to the broker; both are the caller's."""
        self._pool, self._publish = pool, publish
        self._sql = statements("partner")
        self._told: dict[str, bytes] = {}

    def forget(self) -> None:
        """Tell everything again."""
        self._told = {}

    async def look(self) -> None:
        """One round; raises what the database raises."""
        wanted = {}
        for row in await self._pool.fetch(self._sql["to_publish"]):
            who = Identity(device=row["device_id"], city=row["city_id"], point=row["point_id"])
            wanted[str(device_topic(who, TERMS))] = bytes(row["sha256"])
        for topic, sha256 in wanted.items():
            if self._told.get(topic) != sha256:
                envelope = await self._pool.fetchval(self._sql["envelope"], sha256)
                if not await self._publish(topic, bytes(envelope)):
                    return  # the broker is slow or gone: the next round goes on
                self._told[topic] = sha256
        for topic in [topic for topic in self._told if topic not in wanted]:
            if await self._publish(topic, NOTHING):
                del self._told[topic]
