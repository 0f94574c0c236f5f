"""The keys of the cities' links, held in memory at the region: whose is this, and may it come in.

The database says `federation_changed` and they are read again: a city that leaves is turned away within milliseconds. A
lost connection is made again and they are read again, and once in a while anyhow.
"""

from aggregator.adapters import federated_store
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.federated_store import CHANNEL
from aggregator.adapters.hearing import stay_abreast


class LinkKeys:
    """Cities by their links' keys. Call `load` first, and let `follow` run."""

    def __init__(self, pool: Pool, access: Access) -> None:
        """Nobody is linked until `load`."""
        self._pool, self._access = pool, access
        self._cities: dict[bytes, str] = {}

    def city_of(self, key_id: bytes) -> str | None:
        """The linked city whose link has this key."""
        return self._cities.get(key_id)

    async def load(self) -> None:
        """Read who is linked."""
        async with self._pool.acquire() as connection:
            self._cities = await federated_store.link_keys(connection)

    async def follow(self) -> None:
        """Stay abreast of joining and leaving until cancelled."""
        await stay_abreast(self._access, CHANNEL, self.load)
