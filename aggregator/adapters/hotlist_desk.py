"""The officers' desk: what is done with hotlists, each deed one transaction with its audit row.

Whatever changes what boxes may arm (an approval, a withdrawal, an expiry, a new trust bundle) ends in a new snapshot
within the same transaction, so that there is never an approved entry without a list that holds it. The publisher hears
of the commit and tells the boxes.
"""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from aggregator.adapters import foreign_lists
from aggregator.adapters import hotlist_store as store
from aggregator.adapters.audit_log import audit, checked_reason
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_readings import keep_readings, readings_of
from aggregator.core.hotlist import (
    Token,
    judge_approval,
    judge_proposal,
    make_batch,
    next_list_version,
    officer_of,
    read_batch,
    told,
)
from aggregator.core.hotlist_import import Accepted, Rules, Verdict, read_file
from aggregator.core.hotlist_snapshot import compose
from aggregator.errors import AlreadyThere, BadInput, BadKey, NotThere
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import Batch, ListRefusal, approve, check_withdrawal, withdraw
from protocol.keys import Signer
from protocol.trust import Grant, TrustStore

ARTEFACTS_KEPT: Final = timedelta(hours=2)
"""How long a replaced snapshot stays to be fetched: a box on a slow link may still be at it, and has not heard more."""
MAX_WITHDRAWN: Final = 10_000
CONFIDENTIAL: Final = frozenset({"plate", "case_number"})


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: a verdict per line, and the number under which the accepted ones wait."""

    verdicts: tuple[Verdict, ...] = field(repr=False)
    number: int | None

    @property
    def accepted(self) -> tuple[Accepted, ...]:
        """The lines that were taken."""
        return tuple(verdict for verdict in self.verdicts if isinstance(verdict, Accepted))


@dataclass(frozen=True, slots=True)
class Proposed:
    """A new batch, waiting for its second officer."""

    batch_id: str
    officer: str
    entries: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Published:
    """The snapshot that a deed made, and the batches it had to leave out."""

    snapshot: store.Snapshot
    left_out: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tidied:
    """What an expiry run dropped; `published` if boxes need a new list for it."""

    batches: list[str]
    drafts: int
    artefacts: int
    published: Published | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk of one city's command centre."""

    pool: Pool
    trust: TrustStore
    city: str
    token: Token = os.urandom

    async def import_file(
        self, data: bytes, *, actor: str, now: datetime, keep_going: bool = False, is_dry_run: bool = False
    ) -> Imported:
        """Judge a file's lines; keep them if none was refused, or the good ones with `keep_going`."""
        try:
            text = data.decode()
        except UnicodeDecodeError as exc:
            raise BadInput(f"the file is not UTF-8 at byte {exc.start}") from None
        async with store.transaction(self.pool) as connection:
            verdicts = await asyncio.to_thread(read_file, text, await self._rules(connection, now))
            found = Imported(verdicts, None)
            drafts = [line.draft for line in found.accepted]
            refused = len(verdicts) - len(drafts)
            if is_dry_run or not drafts or (refused and not keep_going):
                return found
            digest = hashlib.sha256(data).digest()
            number = await store.add_import(connection, drafts, refused=refused, file_sha256=digest, now=now)
            await audit(
                connection, actor=actor, action="hotlist_import", subject=str(number), reason=f"{len(drafts)} lines"
            )
        return Imported(verdicts, number)

    async def propose(self, signer: Signer, number: int | None, *, now: datetime) -> Proposed:
        """Make a batch of an import (the only one that waits, if none is named) under the first signature."""
        officer = self._officer(signer, now)
        async with store.transaction(self.pool) as connection:
            number = await self._import_number(connection, number)
            new = make_batch(await store.take_drafts(connection, number), now=now, token=self.token)
            batch = read_batch(new.payload, new.cases)
            if batch is None:
                raise BadInput(f"import {number} holds nothing to propose")
            signature = await asyncio.to_thread(approve, new.payload, signer)
            why = judge_proposal(CoSigned(new.payload).with_signature(signature), batch, self.trust, now=now)
            _refuse(why)
            await store.see_officer(connection, officer)
            await store.add_batch(connection, new, now=now)
            await store.add_signature(connection, new.batch_id, signature, now=now)
            await _note(connection, officer, "hotlist_propose", new.batch_id, f"import {number}")
        return Proposed(new.batch_id, officer.subject, len(batch.entries), _reasons(batch))

    async def approve(self, signer: Signer, batch_id: str, *, now: datetime) -> Published:
        """Put the second officer's signature under a batch, and publish the list that holds it."""
        officer = self._officer(signer, now)
        async with store.transaction(self.pool) as connection:
            stored = await self._proposed(connection, batch_id)
            signature = await asyncio.to_thread(approve, stored.signed.payload, signer)
            _refuse(judge_approval(stored.signed.with_signature(signature), self.trust, now=now))
            await store.see_officer(connection, officer)
            await store.add_signature(connection, batch_id, signature, now=now)
            await store.approve_batch(connection, batch_id, now=now)
            published = await self.publish(connection, now=now)
            await _note(connection, officer, "hotlist_approve", batch_id, "second signature")
        return published

    async def withdraw(self, signer: Signer, entries: Sequence[str], reason: str, *, now: datetime) -> Published:
        """Take entries off under one officer's signature, and publish the list without them at once."""
        officer, wanted, reason = self._officer(signer, now), sorted(set(entries)), checked_reason(reason)
        if not 0 < len(wanted) <= MAX_WITHDRAWN:
            raise BadInput(f"name 1 to {MAX_WITHDRAWN} entries to withdraw")
        async with store.transaction(self.pool) as connection:
            unknown = await store.unknown_entries(connection, wanted)
            if unknown:
                raise NotThere(f"no such entry: {', '.join(unknown[:5])}; see `aggregator hotlist list`")
            envelope = await asyncio.to_thread(lambda: withdraw(wanted, signer, created_ms=to_ms(now)))
            verdict = check_withdrawal(envelope, self.trust, city=self.city, now_ms=to_ms(now))
            _refuse(verdict if isinstance(verdict, ListRefusal) else None)
            await store.see_officer(connection, officer)
            key_id = bytes(officer.key_id)
            await store.add_withdrawal(connection, envelope, wanted, key_id=key_id, reason=reason, now=now)
            published = await self.publish(connection, now=now)
            for entry in wanted:
                await _note(connection, officer, "hotlist_withdraw", entry, reason)
        return published

    async def publish(self, connection: Connection, *, now: datetime) -> Published:
        """Compose the list of this moment and make it the current one, in the caller's transaction."""
        await store.lock_snapshots(connection)
        last = await store.last_list_version(connection, self.city)
        found = await store.ingredients(connection, self.city, now=now)
        foreign = await foreign_lists.ingredients(connection, self.city, now=now)
        readings = await readings_of(connection, found.batches | foreign.batches)
        version = next_list_version(last, now=now)
        composed = await asyncio.to_thread(
            compose,
            found,
            self.trust,
            city=self.city,
            list_version=version,
            now=now,
            foreign=foreign,
            readings=readings.known,
        )
        await keep_readings(connection, readings, composed.read)
        snapshot = await store.add_snapshot(connection, self.city, composed, trust_number=self.trust.number, now=now)
        verdicts = {name: composed.left_out.get(name) for name in foreign.batches}
        await foreign_lists.judge(connection, verdicts, now=now)
        return Published(snapshot, composed.left_out)

    async def expire(self, *, now: datetime) -> Tidied:
        """Drop what has expired; publish a new list if boxes hold any of it, or if the root has spoken since."""
        async with store.transaction(self.pool) as connection:
            retired = await store.retire_batches(connection, now=now)
            drafts = await store.drop_expired_drafts(connection, now=now)
            await foreign_lists.tidy(connection, now=now)
            current = await store.current_snapshot(connection, self.city)
            published = None
            if current and await self._is_stale(connection, current, now):
                published = await self.publish(connection, now=now)
            artefacts = await store.drop_artefacts(connection, replaced_before=now - ARTEFACTS_KEPT)
            for batch_id in retired:
                await audit(
                    connection, actor="system", action="hotlist_retire", subject=batch_id, reason="nothing left to arm"
                )
        return Tidied(retired, drafts, artefacts, published)

    async def entries(
        self, batch_id: str | None, *, actor: str, reason: str | None, limit: int
    ) -> list[dict[str, object]]:
        """Entries; their plates and case numbers only for a reason, since each look at one is audited."""
        reason = None if reason is None else checked_reason(reason)
        async with store.transaction(self.pool) as connection:
            rows = [dict(row) for row in await store.list_entries(connection, batch_id, limit=limit)]
            if reason is None:
                return [{key: row[key] for key in row.keys() - CONFIDENTIAL} for row in rows]
            for row in rows:
                subject = str(row["entry_id"])
                await audit(connection, actor=actor, action="hotlist_look", subject=subject, reason=reason)
        return rows

    async def batches(self) -> list[asyncpg.Record]:
        """Every batch: state, officers, how many entries."""
        async with store.transaction(self.pool) as connection:
            return await store.list_batches(connection)

    async def foreign(self, *, now: datetime) -> list[asyncpg.Record]:
        """Every batch that other cities share: how many of its entries hold, and why our list leaves it out."""
        async with store.transaction(self.pool) as connection:
            return await foreign_lists.list_batches(connection, now=now)

    async def waiting(self) -> list[asyncpg.Record]:
        """Imports that wait for an officer."""
        async with store.transaction(self.pool) as connection:
            return await store.waiting_imports(connection)

    async def _rules(self, connection: Connection, now: datetime) -> Rules:
        zone = await store.time_zone(connection, self.city)
        if zone is None:
            raise NotThere(f"the city {self.city} is not registered; run: aggregator city add {self.city} ...")
        known = await store.cities(connection)
        return Rules(now, ZoneInfo(zone), self.city, known, await store.listed(connection, now=now))

    def _officer(self, signer: Signer, now: datetime) -> Grant:
        key_id = signer.public_key.key_id
        grant = officer_of(self.trust, key_id, now=now)
        if grant is None:
            raise BadKey(f"the key {key_id.hex()} is no officer's now; the root grants it: aggregator officer grant")
        return grant

    async def _import_number(self, connection: Connection, number: int | None) -> int:
        waiting = [row["import_id"] for row in await store.waiting_imports(connection)]
        if number is None and len(waiting) == 1:
            return int(waiting[0])
        if number is None or number not in waiting:
            found = ", ".join(map(str, waiting)) or "none; run `aggregator hotlist import` first"
            raise NotThere(f"name an import that waits to be proposed: {found}")
        return number

    async def _proposed(self, connection: Connection, batch_id: str) -> store.StoredBatch:
        stored = await store.find_batch(connection, batch_id)
        if stored is None:
            raise NotThere(f"no batch {batch_id}; see `aggregator hotlist list`")
        if stored.state != "proposed":
            raise AlreadyThere(f"the batch {batch_id} is {stored.state} already")
        if read_batch(stored.signed.payload, stored.cases) is None:
            raise BadInput(
                f"the batch {batch_id} does not bind the cases stored with it: rows were changed; not signed"
            )
        return stored

    async def _is_stale(self, connection: Connection, current: store.Snapshot, now: datetime) -> bool:
        if current.trust_number != self.trust.number:
            return True
        expired = await store.expired_between(connection, current.created_at, now)
        return expired + await foreign_lists.expired_between(connection, current.created_at, now) > 0


async def _note(connection: Connection, officer: Grant, action: str, subject: str, reason: str) -> None:
    await audit(connection, actor=officer.subject, action=action, subject=subject, reason=reason)


def _refuse(why: ListRefusal | None) -> None:
    if why is not None:
        raise BadInput(f"not signed: {told(why)}")


def _reasons(batch: Batch) -> dict[str, int]:
    return dict(sorted(Counter(entry.reason for entry in batch.entries).items()))
