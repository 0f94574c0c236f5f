"""Partners at the desk: terms signed, suspended, lifted; what is in force, for whom, with whom to ask.

Each deed is one transaction, with its row in the audit; what is signed is numbered by one process at a time.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import msgspec

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.statements import statements
from aggregator.core.partners import state_of
from aggregator.core.terms_file import Parties, TermsFile, check_own, terms_of
from aggregator.errors import AlreadyThere, BadInput, NotThere
from protocol.clock import from_ms, to_ms
from protocol.keys import Signer
from protocol.refusals import Refusal
from protocol.terms import Terms, Tier, read_terms, sign_terms

REFUSED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class InForce:
    """A company's newest terms, and who had them signed, when and why."""

    terms: Terms
    signed_by: str
    signed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A company as a list shows it. `refused` messages in the last day, for lying outside its terms."""

    row: asyncpg.Record
    terms: Terms | None

    def state(self, now: datetime) -> str:
        """Where it stands."""
        return state_of(self.terms, to_ms(now))


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does something, and why."""

    actor: str
    reason: str
    now: datetime


def zone_of(name: str) -> tzinfo:
    """The rules of a time zone; raises `BadInput`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise BadInput(f"{name!r} is no IANA time zone that this machine knows") from exc


class PartnerDesk:
    """All that is done with the partners of a city. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, city: str) -> None:
        """Nothing is held between calls."""
        self._pool, self._city = pool, city
        self._sql = statements("partner")

    async def sign(self, partner: str, file: TermsFile, signer: Signer, deed: Deed) -> Terms:
        """Sign terms, in the place of those before; raises `BadInput` or `NotThere`."""
        async with transaction(self._pool) as connection:
            who = await self._parties(connection, partner, deed.now)
            rows = await connection.fetch(self._sql["own_cameras"], self._city, partner)
            check_own(file, {row["point_id"]: row["cameras"] for row in rows}, partner)
            name = file.time_zone or await connection.fetchval(self._sql["city_zone"], self._city)
            terms = terms_of(file, who, zone_of(name), name)
            await self._keep(connection, terms, signer, deed, "partner.terms")
        return terms

    async def suspend(self, partner: str, signer: Signer, deed: Deed) -> Terms:
        """Let nothing of a company go on; raises `NotThere` or `AlreadyThere`."""
        return await self._again(partner, signer, deed, is_suspended=True)

    async def lift(self, partner: str, signer: Signer, deed: Deed) -> Terms:
        """End a suspension; raises `NotThere` or `AlreadyThere`."""
        return await self._again(partner, signer, deed, is_suspended=False)

    async def resign(self, partner: str, signer: Signer, deed: Deed) -> Terms:
        """Sign the same terms under the key that signs today; raises `NotThere`."""
        return await self._changed(partner, signer, deed, "partner.terms", lambda terms: terms)

    async def in_force(self, partner: str) -> InForce:
        """A company's newest terms; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            return await self._newest(connection, partner)

    async def list(self, now: datetime) -> list[Partner]:
        """Every company."""
        since = now - REFUSED_WITHIN
        rows = await self._pool.fetch(self._sql["partners"], self._city, int(Refusal.OUTSIDE_TERMS), since)
        return [Partner(row, read_terms(row["envelope"]) if row["envelope"] else None) for row in rows]

    async def cameras(self) -> Sequence[Partner]:
        """Every camera of every company."""
        rows = await self._pool.fetch(self._sql["cameras"], self._city)
        return [Partner(row, read_terms(row["envelope"]) if row["envelope"] else None) for row in rows]

    async def check_invited(self, partner: str, point: str, now: datetime) -> None:
        """Raise `BadInput` unless a box of the company may be let in at a point now."""
        async with transaction(self._pool) as connection:
            if await partner_of(connection, point) != partner:
                raise BadInput(f"point {point} is not registered as {partner}'s")
            await check_may_connect(connection, self._city, point, now)

    async def _again(self, partner: str, signer: Signer, deed: Deed, *, is_suspended: bool) -> Terms:
        def changed(terms: Terms) -> Terms:
            if terms.is_suspended == is_suspended:
                raise AlreadyThere(f"{partner} is {'' if is_suspended else 'not '}suspended already")
            return msgspec.structs.replace(terms, is_suspended=is_suspended)

        action = "partner.suspend" if is_suspended else "partner.lift"
        return await self._changed(partner, signer, deed, action, changed)

    async def _changed(
        self, partner: str, signer: Signer, deed: Deed, action: str, change: Callable[[Terms], Terms]
    ) -> Terms:
        async with transaction(self._pool) as connection:
            who = await self._parties(connection, partner, deed.now)
            before = (await self._newest(connection, partner)).terms
            terms = msgspec.structs.replace(change(before), number=who.number, created_ms=to_ms(deed.now))
            await self._keep(connection, terms, signer, deed, action)
        return terms

    async def _parties(self, connection: Connection, partner: str, now: datetime) -> Parties:
        """The company, and the number of its next terms: nobody else is given one meanwhile."""
        if await connection.fetchrow(self._sql["partner"], partner) is None:
            raise NotThere(f"no partner {partner!r} is registered; register it with: aggregator partner add")
        await connection.execute(self._sql["take_turn"])
        return Parties(self._city, partner, await connection.fetchval(self._sql["next_number"], self._city), now)

    async def _keep(self, connection: Connection, terms: Terms, signer: Signer, deed: Deed, action: str) -> None:
        raw = sign_terms(terms, signer)
        span = (from_ms(terms.from_ms), from_ms(terms.until_ms))
        await connection.execute(
            self._sql["add"], terms.city, terms.number, terms.partner, int(terms.tier), terms.is_suspended, *span,
            hashlib.sha256(raw).digest(), raw, deed.reason, deed.actor, deed.now,
        )  # fmt: skip
        subject = f"partner:{terms.partner} terms:{terms.number}"
        await audit(connection, actor=deed.actor, action=action, subject=subject, reason=deed.reason)

    async def _newest(self, connection: Connection, partner: str) -> InForce:
        row = await connection.fetchrow(self._sql["newest"], self._city, partner)
        if row is None:
            raise NotThere(f"{partner} has no terms; have them signed: aggregator partner terms {partner} --file FILE")
        return InForce(read_terms(row["envelope"]), row["signed_by"], row["signed_at"], row["reason"])


async def partner_of(connection: Connection, point: str) -> str | None:
    """The company whose point it is; None for the city's own."""
    found: str | None = await connection.fetchval(statements("partner")["point_of_partner"], point)
    return found


async def check_may_connect(connection: Connection, city: str, point: str, now: datetime) -> None:
    """Raise `BadInput` if a point is a company's, and no box may speak there: no terms, or none that connect it."""
    partner = await partner_of(connection, point)
    if partner is None:
        return
    row = await connection.fetchrow(statements("partner")["newest"], city, partner)
    terms = read_terms(row["envelope"]) if row else None
    fits = terms is not None and terms.tier is Tier.CONNECTED and terms.cameras(point) is not None
    if not fits or state_of(terms, to_ms(now)) not in ("connected", "not_yet"):
        why = (
            "its terms do not name the point" if terms and terms.cameras(point) is None else state_of(terms, to_ms(now))
        )
        raise BadInput(
            f"point {point} is {partner}'s, and no box of it may be let in ({why}); "
            f"see: aggregator partner terms {partner}"
        )
