"""The keys of the cities' links, held in memory at the region: whose is this, and may it come in.

The database says `federation_changed` and they are read again: a city that leaves is turned away within milliseconds. A
lost connection is made again and they are read again, and once in a while anyhow.
"""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg
import structlog

from aggregator.adapters import federated_store
from aggregator.adapters.database import AWAY, Access, Pool
from aggregator.adapters.federated_store import CHANNEL
from aggregator.errors import DatabaseUnwell

_REREAD_S: Final = 30.0
_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


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
        while True:
            with suppress(*AWAY, asyncpg.PostgresError, DatabaseUnwell):
                await self._listen()
            log.warning("federation_listener_lost", retry_s=_RETRY_S)
            await asyncio.sleep(_RETRY_S)

    async def _listen(self) -> None:
        connection = await self._access.connect()
        changed = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: changed.set())
            await connection.add_listener(CHANNEL, lambda *_: changed.set())
            while not connection.is_closed():
                changed.clear()
                await self.load()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REREAD_S):
                        await changed.wait()
        finally:
            await connection.close()
