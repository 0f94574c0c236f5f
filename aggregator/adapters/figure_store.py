"""The figures that only the database has, read for a scrape, and kept for a moment: askers may come in a row."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, Connection, Pool, unwell
from aggregator.adapters.due_notes import MOST_TRIES
from aggregator.adapters.statements import statements
from aggregator.core.figures import CityFigures, Stored, WebhookFigures

TIMEOUT_S: Final = 5.0
_KEPT_S: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class FigureStore:
    """Reads them."""

    pool: Pool
    _kept: Stored | None = None
    _read_s: float = float("-inf")
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, now: datetime) -> Stored | None:
        """What the database said within the last few seconds; None if it was away or did not answer in time."""
        async with self._one_at_a_time:
            if time.monotonic() - self._read_s > _KEPT_S:
                self._kept, self._read_s = await self._read(now), time.monotonic()
            return self._kept

    async def _read(self, now: datetime) -> Stored | None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self.pool.acquire() as connection:
                return await stored(connection, now)
        except (*AWAY, asyncpg.PostgresError) as exc:  # told as `atalaya_database_up 0`, too
            log.warning("figures_not_read", problem=str(unwell(exc)))
            return None


async def stored(connection: Connection, now: datetime) -> Stored:
    """All of it."""
    sql = statements("figures")
    rest = await connection.fetchrow(sql["rest"], MOST_TRIES)
    webhooks = await connection.fetch(sql["webhooks"])
    return Stored(
        cities=await _cities(connection, now),
        webhooks={row["webhook"]: WebhookFigures(**_without(row, "webhook")) for row in webhooks},
        **dict(rest or {}),
    )


async def _cities(connection: Connection, now: datetime) -> dict[str, CityFigures]:
    sql = statements("figures")
    found: dict[str, dict[str, Any]] = defaultdict(dict)  # a record's cells
    for row in await connection.fetch(sql["cities"]):
        found[row["city"]] = {"alerts": {}}
    for name, parameters in (("boxes", (now,)), ("cameras", (now,)), ("gaps", ())):
        for row in await connection.fetch(sql[name], *parameters):
            found[row["city"]] |= _without(row, "city")
    for row in await connection.fetch(sql["alerts"]):
        city = found[row["city"]]
        city.setdefault("alerts", {})[row["state"]] = row["alerts"]
        if row["state"] == "new":
            city["oldest_new_at"] = row["oldest_at"]
    return {city: CityFigures(**cells) for city, cells in sorted(found.items())}


def _without(row: asyncpg.Record, name: str) -> dict[str, Any]:  # a record's cells
    return {key: value for key, value in row.items() if key != name}
