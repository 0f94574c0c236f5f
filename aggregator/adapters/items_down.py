"""What comes down a city's log, put where it belongs: all of a page, and the place that it brings us to, or nothing.

    batch, withdrawal      among the lists of others; then our own boxes' list is composed anew
    trust, roster          the newest of each city; the region's own bundle beside the link
    revocations            the newest of each city, if it verifies and takes nothing back
    notice                 to the people of the command centre, and nowhere else
    settings               to the box that it is for, if our root lets the region say what boxes run

Each is believed on its own signatures. A batch or a withdrawal is kept before that is decided: what boxes arm is judged
whenever the list is composed, under the root of this city, so that a batch of officers whom it does not know waits, and
is judged again with every new bundle. An entry that its city withdrew is armed no more, whoever did it there: who only
takes away forges nothing. What cannot be used is passed over and counted; the next item is not held up by it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from aggregator.adapters import city_trust, foreign_lists, foreign_revocations, settings_store
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.notice_desk import take_notice
from aggregator.adapters.statements import statements
from aggregator.adapters.trust_file import read_trust
from aggregator.errors import BadInput, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.federation import Followed, ItemKind, LogItem, Notice, accept_notice
from protocol.hotlist import MAX_SNAPSHOT_BYTES, Withdrawal
from protocol.trust import TrustRefusal
from protocol.wire import from_versioned

UNKNOWN_KIND: Final = "unknown_kind"
UNREADABLE: Final = "unreadable"
ANOTHERS: Final = "anothers_entry"
_LISTS: Final = frozenset({ItemKind.BATCH, ItemKind.WITHDRAWAL})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A line of the log with its body."""

    item: LogItem
    body: bytes = field(repr=False)


@dataclass(slots=True)
class ItemsDown:
    """Applies what comes down one link. `refused` counts what could not be used, since the start."""

    pool: Pool
    settings: Settings
    link: Link
    refused: Counter[str] = field(default_factory=Counter)

    async def take(self, arrived: Sequence[Arrived], followed: Followed, *, now: datetime) -> None:
        """Apply items and stand where they end; raises `DatabaseUnwell`."""
        async with transaction(self.pool) as connection:
            is_list_changed, notices = False, list[Notice]()
            for each in arrived:
                why = await self._apply(connection, each, notices, now)
                is_list_changed |= each.item.kind in _LISTS and why is None
                if why is not None:
                    self.refused[why] += 1
                    log.warning("item_passed_over", number=each.item.number, kind=each.item.kind, reason=why)
            if is_list_changed:
                await self._compose(connection, now)
            for notice in notices:  # last: they take the turn of alerts, and a long list takes its time
                await take_notice(connection, notice)
            values = (followed.log, followed.number, followed.hash)
            await connection.execute(statements("region_items")["advance"], *values)

    async def _apply(self, connection: Connection, each: Arrived, notices: list[Notice], now: datetime) -> str | None:
        """None, or why an item is passed over. Notices that hold are put beside, to be taken."""
        try:
            match each.item.kind:
                case ItemKind.NOTICE:
                    why = await self._judge_notice(each.body, notices, now)
                case ItemKind.SETTINGS:
                    trust = await asyncio.to_thread(read_trust, self.settings.keys)
                    why = await settings_store.take_document(connection, self.settings.city, each.body, trust, now=now)
                case ItemKind.TRUST if each.item.origin == self.link.facts.region:
                    accepted = await asyncio.to_thread(self.link.take_trust, each.body)
                    why = accepted.name.lower() if isinstance(accepted, TrustRefusal) else None
                case kind if kind in _TAKERS:
                    why = await _TAKERS[ItemKind(kind)](connection, each.item.origin, each.body, now)
                case _:
                    why = UNKNOWN_KIND
        except (BadEnvelope, DecodeError):
            why = UNREADABLE
        return why

    async def _judge_notice(self, raw: bytes, notices: list[Notice], now: datetime) -> str | None:
        region = await asyncio.to_thread(self.link.trust)
        notice = accept_notice(raw, region, city=self.settings.city, at_ms=to_ms(now))
        if not isinstance(notice, Notice):
            return notice.name.lower()
        notices.append(notice)
        return None

    async def _compose(self, connection: Connection, now: datetime) -> None:
        """Have our boxes' list hold what came."""
        trust = await asyncio.to_thread(read_trust, self.settings.keys)
        try:
            await Desk(self.pool, trust, self.settings.city).publish(connection, now=now)
        except BadInput as exc:  # our own entries are too many: an officer is told so, the log goes on
            log.warning("hotlist_not_published", problem=str(exc))


async def _take_batch(connection: Connection, city: str, raw: bytes, now: datetime) -> str | None:
    batch = await asyncio.to_thread(foreign_lists.batch_in, raw)
    if await foreign_lists.is_anothers(connection, city, batch):
        return ANOTHERS
    await foreign_lists.add_batch(connection, city, raw, batch, now=now)
    return None


async def _take_withdrawal(connection: Connection, city: str, raw: bytes, now: datetime) -> str | None:
    envelope = parse(raw, max_bytes=MAX_SNAPSHOT_BYTES)
    withdrawal = from_versioned(envelope.payload, Withdrawal, max_bytes=MAX_SNAPSHOT_BYTES)
    await foreign_lists.add_withdrawal(connection, city, raw, withdrawal, now=now)
    return None


async def _take_trust(connection: Connection, city: str, raw: bytes, now: datetime) -> str | None:
    await foreign_lists.add_document(connection, city, ItemKind.TRUST, raw, now=now)
    try:
        accepted = await city_trust.take(connection, city, raw, now=now)
    except NotThere:
        return None  # its root is not known here yet: it is kept until somebody asks for it
    return accepted.name.lower() if isinstance(accepted, TrustRefusal) else None


async def _take_revocations(connection: Connection, city: str, raw: bytes, now: datetime) -> str | None:
    return await foreign_revocations.take(connection, city, raw, now=now)


async def _take_roster(connection: Connection, city: str, raw: bytes, now: datetime) -> str | None:
    await foreign_lists.add_document(connection, city, ItemKind.ROSTER, raw, now=now)
    return None


_TAKERS: Final = {
    ItemKind.BATCH: _take_batch,
    ItemKind.WITHDRAWAL: _take_withdrawal,
    ItemKind.TRUST: _take_trust,
    ItemKind.REVOCATIONS: _take_revocations,
    ItemKind.ROSTER: _take_roster,
}
