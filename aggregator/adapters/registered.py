"""The registry's keys, held in memory for ingest: whose key is this, may it speak, and under which terms.

The database says `registry_changed` and the whole is read again: a revocation works within milliseconds. A lost
connection is made again and the whole is read again, and once in a while anyhow.
"""

from typing import Final

import asyncpg

from aggregator.adapters.database import Access, Pool
from aggregator.adapters.hearing import stay_abreast
from aggregator.adapters.statements import statements
from aggregator.adapters.terms_rows import terms_by_point
from aggregator.core.ingest import PastPlace, RegisteredKey
from aggregator.core.partners import PointTerms
from protocol.keys import Algorithm, PublicKey

CHANNEL: Final = "registry_changed"


class Registered:
    """Keys by key id, and the devices there are. Call `load` first, and let `follow` run."""

    def __init__(self, pool: Pool, access: Access) -> None:
        """Nothing is known until `load`."""
        self._pool = pool
        self._access = access
        self._keys: dict[bytes, RegisteredKey] = {}
        self._devices: frozenset[str] = frozenset()
        self._terms: dict[str, PointTerms] = {}

    def key(self, key_id: bytes) -> RegisteredKey | None:
        """The registered key of an id."""
        return self._keys.get(key_id)

    def is_usable(self, key_id: bytes) -> bool:
        """Whether a key is registered and not revoked."""
        key = self._keys.get(key_id)
        return key is not None and not key.is_revoked

    def is_device(self, device: str) -> bool:
        """Whether a device is registered, revoked or not."""
        return device in self._devices

    def terms(self, point: str) -> PointTerms | None:
        """What a company's point is held to; None for a point of the city itself."""
        return self._terms.get(point)

    async def load(self) -> None:
        """Read the registry."""
        sql = statements("ingest")
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            keys = await connection.fetch(sql["registered_keys"])
            devices = await connection.fetch(sql["registered_devices"])
            places = await connection.fetch(sql["past_places"])
            signed = await connection.fetch(statements("partner")["terms_of_points"])
        past: dict[str, tuple[PastPlace, ...]] = {}
        for row in places:
            place = PastPlace(row["city_id"], row["point_id"], row["until_ms"])
            past[row["device_id"]] = (*past.get(row["device_id"], ()), place)
        self._keys = {row["key_id"]: _key(row, past.get(row["device_id"], ())) for row in keys}
        self._devices = frozenset(row["device_id"] for row in devices)
        self._terms = terms_by_point(signed)

    async def follow(self) -> None:
        """Stay abreast of the registry until cancelled."""
        await stay_abreast(self._access, CHANNEL, self.load)


def _key(row: asyncpg.Record, past: tuple[PastPlace, ...]) -> RegisteredKey:
    return RegisteredKey(
        key=PublicKey(Algorithm(row["algorithm"]), row["spki"]),
        device=row["device_id"],
        city=row["city_id"],
        point=row["point_id"],
        is_revoked=row["is_revoked"],
        past=past,
    )
