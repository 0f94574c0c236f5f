"""Notices: taken from the region, listed and shown at the desk of a city's command centre; every look is audited.

A notice is written under the turn of alerts and takes its number from their history: whoever follows both goes on by
one number. It touches no hotlist, no alert and no box. When its time is up it is over by itself: the plate in it is
shown no more, and retention takes it (`aggregator.core.retention`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

import asyncpg

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.audit_log import Deed, audit, audit_all
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.foreign_revocations import revoked_at as revoked_signer_at
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Found
from aggregator.adapters.statements import statements
from aggregator.errors import NotThere
from protocol.clock import from_ms
from protocol.envelope import parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.federation import Notice
from protocol.messages import Hit, body_of, decode_message

WHY: Final = ("asked", "neighbour", "corridor")


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice, and the box's own message of the hit where it came with one.

    `key_revoked_at`: the box's city believes the key that signed the message no more, as far as is known here.
    """

    notice: asyncpg.Record
    hit: Hit | None = field(repr=False)
    key_revoked_at: datetime | None = None


async def take_notice(connection: Connection, notice: Notice) -> bool:
    """Keep a notice that `accept_notice` took, inside the caller's transaction; whether it says anything new.

    Call it before the transaction appends to the audit: whoever steps an alert takes their turn first, then its turn.
    """
    sql = statements("notices")
    await connection.execute(statements("alerts")["take_turn"])
    place = (notice.to, notice.hit, notice.city, notice.point, notice.camera)
    said = (notice.why, notice.reason, notice.corridor, list(notice.entries))
    times = (from_ms(notice.captured_ms), from_ms(notice.created_ms), from_ms(notice.until_ms))
    taken = await connection.fetchval(sql["take"], *place, *said, *times, notice.envelope or None)
    return taken is not None


class NoticeDesk:
    """All that people do with notices. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between calls."""
        self._pool = pool
        self._sql = statements("notices")

    async def listed(self, why: str | None, *, everything: bool, limit: int, actor: str) -> Found:
        """Notices that this city was told, without plates, the newest first."""
        return await self._listed("list", why, everything=everything, limit=limit, actor=actor)

    async def sent(self, why: str | None, *, everything: bool, limit: int, actor: str) -> Found:
        """Notices that this region told its cities."""
        return await self._listed("list_sent", why, everything=everything, limit=limit, actor=actor)

    async def policies(self, limit: int) -> Found:
        """Which policy was in force at this region since when, the newest first."""
        async with transaction(self._pool) as connection:
            return await policies(connection, limit)

    async def show(self, number: int, *, actor: str, reason: str) -> Shown:
        """One notice with its plate, if it came with one and still holds; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            row = await connection.fetchrow(self._sql["show"], number)
            if row is None:
                raise NotThere(f"there is no notice {number}; see: aggregator notices list --all")
            hit = None if row["envelope"] is None else _hit_in(row["envelope"], row["hit"])
            deeds, revoked_at = [Deed("notice.show", f"notice:{number}")], None
            if hit is not None:
                revoked_at = await revoked_signer_at(connection, row["city"], row["envelope"])
                deeds.append(Deed("hit.show", f"hit:{row['hit']}"))
            await audit_all(connection, deeds, actor=actor, reason=reason)
        return Shown(row, hit, revoked_at)

    async def _listed(self, statement: str, why: str | None, *, everything: bool, limit: int, actor: str) -> Found:
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql[statement], why, everything, limit)
            await audit(connection, actor=actor, action="notices.list", subject="notices", reason=NO_PLATES)
        return rows


async def policies(connection: Connection, limit: int) -> Found:
    """Which policy was in force since when, the newest first; the first still is."""
    return await connection.fetch(statements("notices")["policies"], limit)


def _hit_in(envelope: bytes, digest: str) -> Hit | None:
    """The hit in a box's message. The region vouches for the signature; the bytes are held to the notice's hash."""
    if sha256(envelope).hexdigest() != digest:
        return None
    try:
        body = body_of(decode_message(parse(envelope).payload))
    except (BadEnvelope, DecodeError):
        return None
    return body if isinstance(body, Hit) else None
