"""What cities say of the messages that they passed on, in the region's database: signed records, and their lines."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from aggregator.adapters import city_trust
from aggregator.adapters.database import Pool
from aggregator.adapters.statements import statements
from aggregator.errors import NotThere
from protocol.clock import from_ms
from protocol.federation import Transit
from protocol.trust import TrustStore


@dataclass(frozen=True, slots=True)
class Record:
    """A verified record, with the bytes it came in."""

    transit: Transit
    raw: bytes = field(repr=False)
    hash: bytes
    received_at: datetime


class TransitStore:
    """Reads cities' trust, writes records. Holds no state but the pool."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between calls."""
        self._pool = pool
        self._sql = statements("transits")

    async def trusts(self, cities: Iterable[str]) -> dict[str, TrustStore]:
        """What the roots of cities have granted; a city whose root is not known is left out."""
        found: dict[str, TrustStore] = {}
        async with self._pool.acquire() as connection:
            for city in cities:
                with suppress(NotThere):
                    found[city] = await city_trust.of(connection, city)
        return found

    async def write(self, records: Sequence[Record]) -> int:
        """Store records in one transaction, those passed over that are there; how many new lines they had."""
        if not records:
            return 0
        lines = [
            (item.hash, item.rule, record.transit.city, from_ms(item.received_ms), record.hash)
            for record in records
            for item in record.transit.items
        ]
        heads = [
            (each.hash, each.transit.city, from_ms(each.transit.created_ms), each.received_at, len(each.transit.items))
            for each in records
        ]
        async with self._pool.acquire() as connection, connection.transaction():
            columns = [*map(list, zip(*heads, strict=True)), [each.raw for each in records]]
            await connection.execute(self._sql["records"], *columns)
            count: int = await connection.fetchval(self._sql["lines"], *map(list, zip(*lines, strict=True)))
        return count
