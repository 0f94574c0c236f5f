"""Documents for single boxes, retained on each box's own topic: whatever the broker does not have yet is told.

Part of the publisher's rounds (`aggregator.adapters.hotlist_publisher`), behind the trust bundle: a document may be
signed by a key that only the new bundle grants. A box that is to have none any more has its topic emptied.

A file of statements has two for this: `to_publish` gives each box with the hash of its newest document, `envelope` the
document of a hash.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aggregator.adapters.database import Pool
from aggregator.adapters.statements import statements
from protocol.order import Identity
from protocol.topics import device_topic

NOTHING: Final = b""

Publish = Callable[[str, bytes], Awaitable[bool]]
"""Whether the broker took a retained message."""


class DeviceDocuments:
    """The documents of one word. One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, pool: Pool, publish: Publish, *, word: str, file: str) -> None:
        """Use a pool and a line to the broker; both are the caller's. `file` is that of the statements."""
        self._pool, self._publish, self._word = pool, publish, word
        self._sql = statements(file)
        self._told: dict[str, bytes] = {}

    def forget(self) -> None:
        """Tell everything again."""
        self._told = {}

    async def look(self) -> None:
        """One round; raises what the database raises."""
        wanted = {}
        for row in await self._pool.fetch(self._sql["to_publish"]):
            who = Identity(device=row["device_id"], city=row["city_id"], point=row["point_id"])
            wanted[str(device_topic(who, self._word))] = bytes(row["sha256"])
        for topic, sha256 in wanted.items():
            if self._told.get(topic) != sha256:
                envelope = await self._pool.fetchval(self._sql["envelope"], sha256)
                if not await self._publish(topic, bytes(envelope)):
                    return  # the broker is slow or gone: the next round goes on, and the hotlist is not held up
                self._told[topic] = sha256
        for topic in [topic for topic in self._told if topic not in wanted]:
            if await self._publish(topic, NOTHING):
                del self._told[topic]
