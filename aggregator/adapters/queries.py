"""What operators ask the store: events, hits, devices, counts.

Only `hits` shows plates. It writes the audit first: who asked what and why, and a row for each hit that is shown; the
rows are handed out after that is committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import asyncpg
from typing_extensions import override

from aggregator.adapters.audit_log import Deed, audit_all
from aggregator.adapters.database import AWAY, Pool, unwell
from aggregator.adapters.statements import statements

Found: TypeAlias = Sequence[asyncpg.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows are meant. `to_at` is not included."""

    from_at: datetime
    to_at: datetime
    city: str | None = None
    point: str | None = None
    camera: str | None = None
    limit: int = 100

    @override
    def __str__(self) -> str:
        """The filter as the audit keeps it."""
        named = {"city": self.city, "point": self.point, "camera": self.camera}
        said = [f"{name}={value}" for name, value in named.items() if value is not None]
        return " ".join([f"{self.from_at:%Y-%m-%dT%H:%M:%SZ}/{self.to_at:%Y-%m-%dT%H:%M:%SZ}", *said])


class Queries:
    """Asks; raises `DatabaseUnwell`."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between calls."""
        self._pool = pool
        self._sql = statements("queries")

    async def events(self, wanted: Filter, kind: str | None) -> Found:
        """Hits, alarms and what belongs to them, newest first, without plates."""
        return await self._fetch("events", *_place(wanted), kind, wanted.limit)

    async def devices(self, city: str | None, point: str | None, limit: int) -> Found:
        """Boxes with what is known of their health."""
        return await self._fetch("devices", city, point, limit)

    async def counts(self, wanted: Filter, every: timedelta) -> Found:
        """Sums per camera and stretch of time."""
        return await self._fetch("counts", *_place(wanted), every, wanted.limit)

    async def hits(self, wanted: Filter, *, actor: str, reason: str, with_pictures: bool = False) -> Found:
        """Hits with their plates, newest first, audited before they are handed out."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(self._sql["hits"], *_place(wanted), wanted.limit)
                deeds = [Deed("hits.query", str(wanted)), *(Deed("hit.show", f"hit:{row['hit']}") for row in rows)]
                if with_pictures:
                    deeds += [Deed("picture.copy", f"picture:{each}") for each in stored_pictures(rows)]
                await audit_all(connection, deeds, actor=actor, reason=reason)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None
        return rows

    async def _fetch(self, name: str, *parameters: object) -> Found:
        try:
            return await self._pool.fetch(self._sql[name], *parameters)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None


def stored_pictures(rows: Found) -> list[str]:
    """The hashes, in hexadecimal, of the pictures that lie in the evidence store."""
    return [row["picture_sha256"] for row in rows if row["picture"] == "stored"]


def _place(wanted: Filter) -> tuple[datetime, datetime, str | None, str | None, str | None]:
    return (wanted.from_at, wanted.to_at, wanted.city, wanted.point, wanted.camera)
