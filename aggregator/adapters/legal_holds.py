"""Legal holds: placed, listed, released; each deed audited with its reason, in the same transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from aggregator.adapters.audit_log import Deed, audit_all
from aggregator.adapters.database import Pool
from aggregator.adapters.statements import statements
from aggregator.core.retention import Scope
from aggregator.errors import NotThere


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands."""

    number: int
    scope: Scope
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None


async def place(pool: Pool, scope: Scope, *, actor: str, reason: str) -> int:
    """Hold what a scope covers; the hold's number. Raises `NotThere` if there is nothing of that name."""
    sql, where = statements("retention"), (scope.hit, scope.entry, scope.device, scope.point, scope.camera)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(sql["take_hold"])  # a purge that runs ends first, and its rows are gone then
        if not await connection.fetchval(sql["is_there"], *where):
            raise NotThere(f"{scope.subject} is not known here, or was purged: a hold keeps what is there")
        arguments = (*where, scope.from_at, scope.to_at, reason, actor, datetime.now(UTC))
        number: int = await connection.fetchval(sql["place_hold"], *arguments)
        deeds = [Deed("hold.add", f"hold:{number}"), Deed("hold.add", scope.subject)]
        await audit_all(connection, deeds, actor=actor, reason=reason)
    return number


async def release(pool: Pool, number: int, *, actor: str, reason: str) -> Hold:
    """Let go of what a hold covers; raises `NotThere` if it is not in force."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(statements("retention")["release_hold"], number, actor, datetime.now(UTC))
        if row is None:
            raise NotThere(f"hold {number} is not in force; see: aggregator retention hold list --all")
        hold = _hold(row)
        deeds = [Deed("hold.release", f"hold:{number}"), Deed("hold.release", hold.scope.subject)]
        await audit_all(connection, deeds, actor=actor, reason=reason)
    return hold


async def holds(pool: Pool, *, with_released: bool = False) -> list[Hold]:
    """The holds in force, or all there ever were."""
    return [_hold(row) for row in await pool.fetch(statements("retention")["holds"], with_released)]


def _hold(row: asyncpg.Record) -> Hold:
    scope = Scope(
        hit=row["hit_hash"],
        entry=row["entry_id"],
        device=row["device_id"],
        point=row["point_id"],
        camera=row["camera_id"],
        from_at=row["from_at"],
        to_at=row["to_at"],
    )
    who = (row["reason"], row["placed_by"], row["placed_at"], row["released_by"], row["released_at"])
    return Hold(row["hold_id"], scope, *who)
