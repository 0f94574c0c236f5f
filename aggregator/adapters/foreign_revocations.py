"""Which keys other cities have revoked: the newest list of each, believed on that city's own word alone.

1. A list that comes is verified under the city's root, if that is known here (`aggregator federation adopt` learns it).
   One that does not verify, or that lacks a key which the one before named, is passed over: revocation is for good.
2. Of a city whose root is not known what came last is kept, and counts for nothing until it can be verified.
3. Whenever a list is used it is verified again from its bytes, under any bundle of that root: a server whose key has
   been changed since said what it said.

A city does not hear other cities' boxes, so it refuses nothing by these lists; its region does. What they tell here is
whether the box's message that came in a notice is signed by a key that its own city believes no more.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from aggregator.adapters import city_trust, foreign_lists
from aggregator.adapters.database import Connection
from aggregator.errors import NotThere
from protocol.clock import from_ms
from protocol.envelope import parse
from protocol.federation import ItemKind
from protocol.refusals import Refusal
from protocol.revocations import RevocationList, accept_list
from protocol.trust import TrustStore


async def take(connection: Connection, city: str, raw: bytes, *, now: datetime) -> str | None:
    """Keep a city's list if it is to be believed, or cannot be judged yet; None, or why not."""
    try:
        trust = await city_trust.of(connection, city)
    except NotThere:
        await foreign_lists.add_document(connection, city, ItemKind.REVOCATIONS, raw, now=now)
        return None
    known = await newest(connection, city)
    found = await asyncio.to_thread(accept_list, raw, trust, city=city, known=known)
    if isinstance(found, Refusal):
        return found.name.lower()
    await foreign_lists.add_document(connection, city, ItemKind.REVOCATIONS, raw, now=now)
    return None


async def newest(connection: Connection, city: str) -> RevocationList | None:
    """The newest list of a city that it signed for certain; none if there is none."""
    raw = await foreign_lists.document(connection, city, ItemKind.REVOCATIONS)
    bundles = await city_trust.bundles(connection, city)
    if raw is None or bundles is None:
        return None
    return await asyncio.to_thread(_believed, raw, reversed(bundles.said()), city)


async def revoked_at(connection: Connection, city: str, envelope: bytes) -> datetime | None:
    """When a city revoked the key that signed an envelope; none if it did not, as far as is known here."""
    found = await newest(connection, city)
    key_id = parse(envelope).key_id
    revoked_ms = next((each.revoked_ms for each in found.keys if each.key_id == key_id), None) if found else None
    return None if revoked_ms is None else from_ms(revoked_ms)


def _believed(raw: bytes, stores: Iterable[TrustStore], city: str) -> RevocationList | None:
    judged = (accept_list(raw, trust, city=city) for trust in stores)
    return next((each for each in judged if isinstance(each, RevocationList)), None)
