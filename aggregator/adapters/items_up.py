"""What a city hands up to its region: its root's bundle, its roster, its revoked keys, and lists that concern others.

1. One round brings what the region has not receipted yet: who is trusted, then batches, then withdrawals of what those
   brought, and at last who there is and which keys are revoked, since others wait for the lists. A crash between the
   receipt and the note of it brings an item twice, which changes nothing there.
2. A batch goes up if an entry of it holds outside this city; a withdrawal if it takes out an entry of such a batch.
   What concerns nobody else stays here.
3. What the region refuses for good is noted, and told in health; what it refuses for now is brought again later.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import structlog

from aggregator.adapters import hotlist_store, keyfiles, roster, succession
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.region_door import RegionDoor
from aggregator.adapters.statements import statements
from aggregator.settings import Settings
from protocol.federation import ItemKind
from protocol.receipts import ReceiptItem, Status

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An item on its way up. `subject` tells it from others of its kind; nothing, where there is one of it."""

    kind: ItemKind
    subject: str
    body: bytes = field(repr=False)
    sha256: bytes

    @classmethod
    def of(cls, kind: ItemKind, subject: str, body: bytes) -> "Outgoing":
        """An item under its hash; blocks for a long one."""
        return cls(kind, subject, body, hashlib.sha256(body).digest())


class ItemsUp:
    """Brings what is due under one link. Raises `DatabaseUnwell`, and `RegionAway` where the region does not answer."""

    def __init__(self, pool: Pool, settings: Settings, log_id: bytes) -> None:
        """`log_id` names the link: after joining again everything goes up again."""
        self._pool, self._settings, self._log_id = pool, settings, log_id

    async def bring(self, door: RegionDoor, *, now: datetime) -> int:
        """One round; how many items the region did not take for now."""
        put_off = 0
        async for item in self._due(now):
            answer = await door.hand_up(item.kind, item.sha256, item.body)
            put_off += not await self._settle(item, answer, now)
        return put_off

    async def refused(self) -> dict[ItemKind, int]:
        """How many items the region refused for good, by kind."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(_sql("refused"), self._log_id)
        return {ItemKind(row["kind"]): row["items"] for row in rows}

    async def _due(self, now: datetime) -> AsyncIterator[Outgoing]:
        """Item by item, each read when those before it are settled."""
        bundle = await asyncio.to_thread(keyfiles.read_file, self._settings.keys.trust_bundle)
        if await self._is_new(trust := Outgoing.of(ItemKind.TRUST, "", bundle)):
            yield trust
        for batch in await self._rows("batches_due", self._settings.city, now):
            async with transaction(self._pool) as connection:
                signed = await hotlist_store.signed_batch(connection, batch)
            yield await asyncio.to_thread(Outgoing.of, ItemKind.BATCH, batch["batch_id"], signed.to_bytes())
        for row in await self._rows("withdrawals_due"):
            yield Outgoing.of(ItemKind.WITHDRAWAL, str(row["withdrawal_id"]), row["envelope"])
        async with transaction(self._pool) as connection:
            own = Outgoing.of(ItemKind.ROSTER, "", await roster.current(connection, self._settings, now=now))
        if await self._is_new(own):
            yield own
        if (revocations := await self._revocations(now)) is not None:
            yield revocations

    async def _rows(self, name: str, *parameters: object) -> list[asyncpg.Record]:
        async with transaction(self._pool) as connection:
            return await connection.fetch(_sql(name), self._log_id, *parameters)

    async def _is_new(self, item: Outgoing) -> bool:
        """Whether the region has not said anything yet of these bytes."""
        async with transaction(self._pool) as connection:
            return await self._sent(connection, item.kind, item.subject) != item.sha256

    async def _revocations(self, now: datetime) -> Outgoing | None:
        """The list of revoked keys, if it has grown: its number is how many keys it names."""
        async with transaction(self._pool) as connection:
            revoked = await connection.fetchval(_sql("revoked_keys"), self._settings.city)
            if not revoked or await self._sent(connection, ItemKind.REVOCATIONS, str(revoked)) is not None:
                return None
            body = await succession.revocations(connection, self._settings, now=now)
        return Outgoing.of(ItemKind.REVOCATIONS, str(revoked), body)

    async def _sent(self, connection: Connection, kind: ItemKind, subject: str) -> bytes | None:
        found: bytes | None = await connection.fetchval(_sql("sent"), self._log_id, int(kind), subject)
        return found

    async def _settle(self, item: Outgoing, answer: ReceiptItem, now: datetime) -> bool:
        """Note what the region said; False if it is to be asked again."""
        if answer.status is Status.REFUSED:
            log.warning("item_not_taken", kind=item.kind.slug, reason=answer.reason, is_final=answer.is_final)
            if not answer.is_final:
                return False
        reason = answer.reason if answer.status is Status.REFUSED else None
        noted = (self._log_id, int(item.kind), item.subject, item.sha256, now, reason)
        async with transaction(self._pool) as connection:
            await connection.execute(_sql("note_sent"), *noted)
        return True


def _sql(name: str) -> str:
    return statements("region_items")[name]
