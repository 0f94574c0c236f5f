"""The region's desk: what a linked city hands up is judged, kept, and told to those whom it concerns, all or nothing.

1. Everything is judged under the root of the city that hands it up: batches and withdrawals as its own boxes judge
   them, rosters and revocation lists by its server's grants, trust bundles by the root itself. What does not hold is
   refused in the receipt; what may hold once the city's next bundle is here is refused for now.
2. Who is told: of a batch the cities in its scopes, as far as the policy lets lists be seen
   (`aggregator.core.visibility`); of a withdrawal those of the entries that it takes out, whatever the policy says by
   now, since a list that it hides today may lie there from before. Revocations and trust bundles go to all: they name
   no place and no plate. Rosters stay here.
3. A log that is opened begins with what the others share then, by the same rules, and with the region's own bundle.
4. The same again changes nothing, and is receipted again.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from aggregator.adapters import city_trust, federation_log, foreign_lists, roster
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.policy_file import InForce
from aggregator.core.visibility import Sight, What, seen_by
from aggregator.errors import NotThere
from protocol.clock import to_ms
from protocol.federation import ItemKind
from protocol.hotlist import Batch, ListRefusal, Withdrawal, check_batch, check_withdrawal
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.trust import TrustRefusal

_LISTS = frozenset({ItemKind.BATCH, ItemKind.WITHDRAWAL})
_OF_LIST = {
    ListRefusal.UNKNOWN_OFFICER: Refusal.UNKNOWN_KEY,
    ListRefusal.UNKNOWN_VERSION: Refusal.UNKNOWN_VERSION,
    ListRefusal.BAD_FORM: Refusal.BAD_FORM,
}
_OF_TRUST = {
    TrustRefusal.BAD_FORM: Refusal.BAD_FORM,
    TrustRefusal.BAD_SIGNATURE: Refusal.BAD_SIGNATURE,
    TrustRefusal.ROLLED_BACK: Refusal.EQUIVOCATION,
    TrustRefusal.UNKNOWN_VERSION: Refusal.UNKNOWN_VERSION,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """What a linked city hands up."""

    city: str
    kind: ItemKind
    body: bytes = field(repr=False)
    sha256: bytes

    @classmethod
    def of(cls, city: str, kind: ItemKind, body: bytes) -> "Item":
        """An item under its hash; blocks for a long one."""
        return cls(city, kind, body, hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class RegionDesk:
    """The desk of one region. Raises `DatabaseUnwell`."""

    pool: Pool
    policy: InForce

    async def take(self, item: Item, *, now: datetime) -> ReceiptItem:
        """Judge an item and keep it; what its receipt says."""
        try:
            async with transaction(self.pool) as connection:
                refusal = await self._take(connection, item, now)
        except NotThere:  # no root of such a city is known (any more)
            refusal = Refusal.UNKNOWN_KEY
        if refusal is None:
            return ReceiptItem(hash=item.sha256, status=Status.STORED)
        log.warning("item_refused", city=item.city, kind=item.kind.slug, reason=refusal.name.lower())
        final = refusal.is_final
        return ReceiptItem(hash=item.sha256, status=Status.REFUSED, reason=int(refusal), is_final=final)

    async def tell_trust(self, region: str, bundle: bytes, *, now: datetime) -> None:
        """Have every city hold the region's own bundle, if it is a new one."""
        async with transaction(self.pool) as connection:
            if await foreign_lists.document(connection, region, ItemKind.TRUST) == bundle:
                return
            await foreign_lists.add_document(connection, region, ItemKind.TRUST, bundle, now=now)
            await self._tell(connection, Item.of(region, ItemKind.TRUST, bundle), now)

    async def open_logs(self, *, now: datetime) -> None:
        """Open the logs of cities that have joined since, each with what the others share now."""
        async with transaction(self.pool) as connection:
            for city in await federation_log.open_new(connection, now=now):
                await self._fill(connection, city, now)
                log.info("federation_log_opened", city=city)

    async def tidy(self, *, now: datetime) -> None:
        """Drop what nobody needs any more."""
        async with transaction(self.pool) as connection:
            await federation_log.trim(connection, now=now)
            await foreign_lists.tidy(connection, now=now)

    async def _take(self, connection: Connection, item: Item, now: datetime) -> Refusal | None:
        match item.kind:
            case ItemKind.BATCH:
                return await self._take_batch(connection, item, now)
            case ItemKind.WITHDRAWAL:
                return await self._take_withdrawal(connection, item, now)
            case ItemKind.TRUST | ItemKind.REVOCATIONS | ItemKind.ROSTER:
                return await self._take_document(connection, item, now)
            case _:
                return Refusal.UNKNOWN_KIND

    async def _take_batch(self, connection: Connection, item: Item, now: datetime) -> Refusal | None:
        if await foreign_lists.has_batch(connection, item.sha256):
            return None
        trust = await city_trust.of(connection, item.city)
        batch = await asyncio.to_thread(check_batch, item.body, trust, now_ms=to_ms(now))
        if not isinstance(batch, Batch):
            return _OF_LIST.get(batch, Refusal.BAD_SIGNATURE)
        if await foreign_lists.is_anothers(connection, item.city, batch):
            return Refusal.EQUIVOCATION
        await foreign_lists.add_batch(connection, item.city, item.body, batch, now=now)
        await self._tell(connection, item, now)
        return None

    async def _take_withdrawal(self, connection: Connection, item: Item, now: datetime) -> Refusal | None:
        if await foreign_lists.has_withdrawal(connection, item.sha256):
            return None
        trust = await city_trust.of(connection, item.city)
        withdrawal = check_withdrawal(item.body, trust, city=item.city, now_ms=to_ms(now))
        if not isinstance(withdrawal, Withdrawal):
            return _OF_LIST.get(withdrawal, Refusal.BAD_SIGNATURE)
        await foreign_lists.add_withdrawal(connection, item.city, item.body, withdrawal, now=now)
        await self._tell(connection, item, now)
        return None

    async def _take_document(self, connection: Connection, item: Item, now: datetime) -> Refusal | None:
        refusal = await _judge_document(connection, item, now)
        if refusal is not None or await foreign_lists.document(connection, item.city, item.kind) == item.body:
            return refusal
        await foreign_lists.add_document(connection, item.city, item.kind, item.body, now=now)
        await self._tell(connection, item, now)
        return None

    async def _tell(self, connection: Connection, item: Item, now: datetime) -> None:
        scopes = await foreign_lists.scopes(connection, item.sha256) if item.kind in _LISTS else []
        linked = await federation_log.linked(connection, but=item.city)
        told = [each for each in linked if self._concerns(each, item.city, item.kind, scopes)]
        await federation_log.append_to(connection, told, item.kind, item.city, item.body, now=now)

    async def _fill(self, connection: Connection, city: str, now: datetime) -> None:
        for row in await foreign_lists.shared(connection, but=city, now=now):
            kind, scopes = ItemKind(row["kind"]), await foreign_lists.scopes(connection, row["sha256"])
            body = await foreign_lists.body(connection, row["sha256"])
            if body is not None and self._concerns(city, row["city_id"], kind, scopes):
                await federation_log.append(connection, city, kind, row["city_id"], body, now=now)

    def _concerns(self, viewer: str, owner: str, kind: ItemKind, scopes: list[tuple[str, ...]]) -> bool:
        """Whether a city is told of an item of another."""
        if kind is ItemKind.BATCH and seen_by(self.policy.policy, viewer, owner, What.HOTLIST) is not Sight.PLATE:
            return False
        if kind in _LISTS:
            return any(not scope or viewer in scope for scope in scopes)
        return kind is not ItemKind.ROSTER


async def _judge_document(connection: Connection, item: Item, now: datetime) -> Refusal | None:
    match item.kind:
        case ItemKind.TRUST:
            accepted = await city_trust.take(connection, item.city, item.body, now=now)
            return _OF_TRUST[accepted] if isinstance(accepted, TrustRefusal) else None
        case ItemKind.ROSTER:
            taken = await roster.take(connection, item.city, item.body, now=now)
            return taken if isinstance(taken, Refusal) else None
        case _:
            revoked = await roster.take_revocations(connection, item.city, item.body, now=now)
            return revoked if isinstance(revoked, Refusal) else None
