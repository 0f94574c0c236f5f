"""Hotlists in the database: drafts, batches with their signatures, withdrawals, snapshots and their bytes.

Each function is one statement or a few, on a connection whose transaction is the caller's; `transaction` opens one and
turns the database's errors, which carry values, into ones that do not. What the rows mean is said in
`aggregator.core.hotlist`; what is done with them in `aggregator.adapters.hotlist_desk`.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from aggregator.adapters.database import AWAY, Connection, Pool, unwell
from aggregator.adapters.hotlist_deltas import keep_deltas
from aggregator.adapters.statements import statements
from aggregator.core.hotlist import Case, Draft, NewBatch, ReasonClass
from aggregator.core.hotlist_snapshot import Composed, Ingredients
from aggregator.errors import AggregatorError
from protocol.clock import from_ms
from protocol.cosign import CoSignature, CoSigned
from protocol.trust import Grant

_SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it lies there: its state, its bytes and signatures, and the cases of its entries."""

    batch_id: str
    state: str
    signed: CoSigned = field(repr=False)
    cases: dict[str, Case] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A city's snapshot: what the manifest says of it."""

    city: str
    list_version: int
    sha256: bytes
    size_bytes: int
    entries: int
    trust_number: int
    created_at: datetime


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """All or nothing; raises `DatabaseUnwell` without the values that the database complained of."""
    try:
        async with pool.acquire() as connection, connection.transaction():
            yield connection
    except AggregatorError:
        raise
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise unwell(exc) from None


async def see_officer(connection: Connection, officer: Grant) -> None:
    """Keep the key under which an officer signs, for good."""
    await connection.execute(_sql("see_officer"), bytes(officer.key_id), officer.subject, officer.spki)


async def listed(connection: Connection, *, now: datetime) -> frozenset[tuple[str, str]]:
    """Plate and case number of everything that still counts, drafts included."""
    return frozenset((row["plate"], row["case_number"]) for row in await connection.fetch(_sql("listed"), now))


async def cities(connection: Connection) -> frozenset[str]:
    """The registered cities."""
    return frozenset(row["city_id"] for row in await connection.fetch(_sql("cities")))


async def time_zone(connection: Connection, city: str) -> str | None:
    """The time zone of a registered city."""
    found: str | None = await connection.fetchval(_sql("city_time_zone"), city)
    return found


async def add_import(
    connection: Connection, drafts: Sequence[Draft], *, refused: int, file_sha256: bytes, now: datetime
) -> int:
    """Keep accepted lines until an officer proposes them; the import's number."""
    number: int = await connection.fetchval(_sql("add_import"), file_sha256, len(drafts), refused, now)
    await connection.execute(
        _sql("add_drafts"),
        number,
        [draft.line for draft in drafts],
        [draft.plate for draft in drafts],
        [draft.reason.value for draft in drafts],
        [draft.case_number for draft in drafts],
        [draft.expires_at for draft in drafts],
        [_SEPARATOR.join(draft.scope) for draft in drafts],
    )
    return number


async def waiting_imports(connection: Connection) -> list[asyncpg.Record]:
    """Imports that no officer has proposed yet."""
    return await connection.fetch(_sql("waiting_imports"))


async def take_drafts(connection: Connection, number: int) -> tuple[Draft, ...]:
    """An import's drafts, taken out."""
    rows = await connection.fetch(_sql("take_drafts"), number)
    drafts = [
        Draft(
            row["line"],
            row["plate"],
            ReasonClass(row["reason"]),
            row["case_number"],
            row["expires_at"],
            tuple(row["scope"]),
        )
        for row in rows
    ]
    return tuple(sorted(drafts, key=lambda draft: draft.line))


async def add_batch(connection: Connection, batch: NewBatch, *, now: datetime) -> None:
    """Keep a proposed batch and its entries."""
    await connection.execute(_sql("add_batch"), batch.batch_id, batch.payload, now)
    entries = batch.entries
    await connection.execute(
        _sql("add_entries"),
        batch.batch_id,
        [entry.entry for entry in entries],
        [entry.plate for entry in entries],
        [entry.reason for entry in entries],
        [batch.cases[entry.entry].case_number for entry in entries],
        [batch.cases[entry.entry].salt for entry in entries],
        [from_ms(entry.expires_ms) for entry in entries],
        [_SEPARATOR.join(entry.scope) for entry in entries],
    )


async def add_signature(connection: Connection, batch_id: str, signature: CoSignature, *, now: datetime) -> bool:
    """Keep an officer's signature; False if that key has signed the batch before."""
    values = (bytes(signature.key_id), signature.protected, signature.signature)
    return bool(await connection.fetchval(_sql("add_signature"), batch_id, *values, now))


async def find_batch(connection: Connection, batch_id: str) -> StoredBatch | None:
    """A batch with everything that belongs to it, locked until the transaction ends."""
    row = await connection.fetchrow(_sql("batch_for_update"), batch_id)
    if row is None:
        return None
    cases = {
        case["entry_id"]: Case(case["case_number"], case["case_salt"])
        for case in await connection.fetch(_sql("cases"), batch_id)
    }
    return StoredBatch(batch_id, row["state"], await signed_batch(connection, row), cases)


async def approve_batch(connection: Connection, batch_id: str, *, now: datetime) -> None:
    """A second officer has signed."""
    await connection.execute(_sql("approve_batch"), batch_id, now)


async def unknown_entries(connection: Connection, entries: Iterable[str]) -> list[str]:
    """Which of these entries were never listed."""
    wanted = sorted(set(entries))
    known = {row["entry_id"] for row in await connection.fetch(_sql("known_entries"), wanted)}
    return [entry for entry in wanted if entry not in known]


async def add_withdrawal(
    connection: Connection, envelope: bytes, entries: Sequence[str], *, key_id: bytes, reason: str, now: datetime
) -> None:
    """Keep a signed withdrawal, and what it withdraws."""
    number: int = await connection.fetchval(_sql("add_withdrawal"), envelope, key_id, reason, now)
    await connection.execute(_sql("add_withdrawn"), list(entries), number)


async def ingredients(connection: Connection, city: str, *, now: datetime) -> Ingredients:
    """What a city's snapshot is composed of."""
    rows = await connection.fetch(_sql("batches_of_city"), city, now)
    signatures = await _signatures(connection, [row["batch_id"] for row in rows])
    batches = {
        row["batch_id"]: CoSigned(row["payload"], tuple(signatures.get(row["batch_id"], ()))).to_bytes() for row in rows
    }
    withdrawals = await connection.fetch(_sql("withdrawals_of_batches"), list(batches))
    withdrawn = await connection.fetch(_sql("withdrawn_of_batches"), list(batches))
    return Ingredients(
        batches, tuple(row["envelope"] for row in withdrawals), frozenset(row["entry_id"] for row in withdrawn)
    )


async def lock_snapshots(connection: Connection) -> None:
    """Be the only one to give out list versions until the transaction ends."""
    await connection.execute(_sql("lock_snapshots"))


async def last_list_version(connection: Connection, city: str) -> int:
    """The version of a city's current snapshot; 0 if there was none."""
    version: int = await connection.fetchval(_sql("last_list_version"), city)
    return version


async def add_snapshot(
    connection: Connection, city: str, composed: Composed, *, trust_number: int, now: datetime
) -> Snapshot:
    """Make a composed snapshot the city's current one, with deltas to it; whoever listens is told at the commit."""
    sha256, size_bytes = hashlib.sha256(composed.artefact).digest(), len(composed.artefact)
    await connection.execute(_sql("add_artefact"), sha256, composed.artefact, size_bytes, now)
    values = (city, composed.list_version, sha256, size_bytes, composed.entries, trust_number, now)
    await connection.execute(_sql("add_snapshot"), *values)
    await keep_deltas(connection, city, composed.list_version, composed.artefact, now=now)
    return Snapshot(*values)


async def current_snapshot(connection: Connection, city: str) -> Snapshot | None:
    """The snapshot that a city's boxes are to have."""
    row = await connection.fetchrow(_sql("current_snapshot"), city)
    return None if row is None else Snapshot(*row.values())


async def artefact_size(connection: Connection, sha256: bytes) -> int | None:
    """How many bytes an artefact has, if it is there."""
    size: int | None = await connection.fetchval(_sql("artefact_size"), sha256)
    return size


async def artefact_part(connection: Connection, sha256: bytes, offset: int, length: int) -> bytes | None:
    """Some of an artefact's bytes; None if it is gone."""
    part: bytes | None = await connection.fetchval(_sql("artefact_part"), sha256, offset, length)
    return part


async def drop_artefacts(connection: Connection, *, replaced_before: datetime) -> int:
    """Drop the bytes of snapshots that were replaced long enough ago; how many."""
    return len(await connection.fetch(_sql("drop_artefacts"), replaced_before))


async def retire_batches(connection: Connection, *, now: datetime) -> list[str]:
    """Put batches aside that nothing can arm any more."""
    return [row["batch_id"] for row in await connection.fetch(_sql("retire_batches"), now)]


async def drop_expired_drafts(connection: Connection, *, now: datetime) -> int:
    """Drop lines that expired before an officer proposed them; how many."""
    return len(await connection.fetch(_sql("drop_expired_drafts"), now))


async def expired_between(connection: Connection, after: datetime, until: datetime) -> int:
    """How many approved entries expired in a span of time."""
    count: int = await connection.fetchval(_sql("expired_since"), after, until)
    return count


async def list_batches(connection: Connection) -> list[asyncpg.Record]:
    """Every batch: state, officers, number of entries."""
    return await connection.fetch(_sql("list_batches"))


async def list_entries(connection: Connection, batch_id: str | None, *, limit: int) -> list[asyncpg.Record]:
    """Entries of a batch, or of all. The rows hold plates: whoever shows them audits it."""
    return await connection.fetch(_sql("list_entries"), batch_id, limit)


async def _signatures(connection: Connection, batches: Sequence[str]) -> dict[str, list[CoSignature]]:
    """The signatures under each of some batches, in the order of their key ids."""
    found: dict[str, list[CoSignature]] = {}
    for row in await connection.fetch(_sql("signatures_of_batches"), batches):
        found.setdefault(row["batch_id"], []).append(CoSignature(row["protected"], row["signature"]))
    return found


async def signed_batch(connection: Connection, batch: asyncpg.Record) -> CoSigned:
    """A batch (a row with its id and payload) under the signatures it has."""
    rows = await connection.fetch(_sql("signatures"), batch["batch_id"])
    return CoSigned(batch["payload"], tuple(CoSignature(row["protected"], row["signature"]) for row in rows))


def _sql(name: str) -> str:
    return statements("hotlist")[name]
