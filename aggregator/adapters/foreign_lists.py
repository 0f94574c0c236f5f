"""What cities share, in the database: batches, withdrawals, and of each city the newest of its documents.

At the region it is what each city handed up, in a city what came down of the others. Each function is a statement or a
few, on a connection whose transaction is the caller's. The signed bytes lie beside the rows, by their hash; whoever
stores a batch has verified it, or had it from somebody who did: what boxes arm is judged anew from the bytes
(`aggregator.core.hotlist_snapshot`).

An entry belongs to the city whose batch brought it first: no other city can bring it again, or withdraw it.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.hotlist_snapshot import Ingredients
from protocol.clock import from_ms
from protocol.cosign import parse_cosigned
from protocol.federation import ItemKind
from protocol.hotlist import MAX_SNAPSHOT_BYTES, Batch, Withdrawal
from protocol.wire import from_versioned

ENTRIES_KEPT: Final = timedelta(days=400)
"""Longer than hits are kept by default: whose an entry was is asked as long as there are hits of it."""
SPARE: Final = timedelta(hours=24)
"""How long a body stays that nothing names any more: somebody may be fetching it."""
_SEPARATOR: Final = ";"


def batch_in(raw: bytes) -> Batch:
    """What a signed batch says, whoever signed it; raises `BadEnvelope` or `DecodeError`. Blocks for a long one."""
    payload = parse_cosigned(raw, max_bytes=MAX_SNAPSHOT_BYTES).payload
    return from_versioned(payload, Batch, max_bytes=MAX_SNAPSHOT_BYTES)


async def keep_body(connection: Connection, body: bytes, *, now: datetime) -> bytes:
    """Keep bytes under their hash; the hash."""
    sha256 = hashlib.sha256(body).digest()
    await connection.execute(_sql("keep_body"), sha256, body, len(body), now)
    return sha256


async def body(connection: Connection, sha256: bytes) -> bytes | None:
    """The bytes of a hash."""
    found: bytes | None = await connection.fetchval(_sql("body"), sha256)
    return found


async def has_batch(connection: Connection, sha256: bytes) -> bool:
    """Whether a batch is here already."""
    return bool(await connection.fetchval(_sql("has_batch"), sha256))


async def has_withdrawal(connection: Connection, sha256: bytes) -> bool:
    """Whether a withdrawal is here already."""
    return bool(await connection.fetchval(_sql("has_withdrawal"), sha256))


async def is_anothers(connection: Connection, city: str, batch: Batch) -> bool:
    """Whether an entry of a batch belongs to another city."""
    entries = [entry.entry for entry in batch.entries]
    return bool(await connection.fetchval(_sql("other_owner"), city, entries))


async def add_batch(connection: Connection, city: str, raw: bytes, batch: Batch, *, now: datetime) -> None:
    """Keep a city's batch and what there is to know of its entries, but for their plates."""
    sha256 = await keep_body(connection, raw, now=now)
    await connection.execute(_sql("replace_batch"), city, batch.batch)
    await connection.execute(_sql("add_batch"), sha256, city, batch.batch, batch.created_ms, now)
    await connection.execute(
        _sql("add_entries"),
        city,
        sha256,
        [entry.entry for entry in batch.entries],
        [entry.reason for entry in batch.entries],
        [from_ms(entry.expires_ms) for entry in batch.entries],
        [_SEPARATOR.join(entry.scope) for entry in batch.entries],
    )


async def add_withdrawal(
    connection: Connection, city: str, raw: bytes, withdrawal: Withdrawal, *, now: datetime
) -> None:
    """Keep a city's withdrawal, and which entries of that city it takes out."""
    sha256 = await keep_body(connection, raw, now=now)
    await connection.execute(_sql("add_withdrawal"), sha256, city, withdrawal.created_ms, now)
    await connection.execute(_sql("add_withdrawn"), city, sha256, list(withdrawal.entries))


async def add_document(connection: Connection, city: str, kind: ItemKind, raw: bytes, *, now: datetime) -> None:
    """Keep the newest of a city's documents of a kind, in place of the one before."""
    sha256 = await keep_body(connection, raw, now=now)
    await connection.execute(_sql("add_document"), city, int(kind), sha256, now)


async def document(connection: Connection, city: str, kind: ItemKind) -> bytes | None:
    """The newest of a city's documents of a kind."""
    found: bytes | None = await connection.fetchval(_sql("document"), city, int(kind))
    return found


async def scopes(connection: Connection, sha256: bytes) -> list[tuple[str, ...]]:
    """The scopes of what a batch brought, or of what a withdrawal takes out. Empty: the whole region."""
    return [tuple(row["scope"]) for row in await connection.fetch(_sql("scopes"), sha256)]


async def shared(connection: Connection, *, but: str, now: datetime) -> list[asyncpg.Record]:
    """What all cities but one share now: whose, of which kind, under which hash."""
    return await connection.fetch(_sql("shared"), but, now)


async def ingredients(connection: Connection, city: str, *, now: datetime) -> Ingredients:
    """What others share that a box of the city could arm: their batches, the oldest first, and what is withdrawn."""
    rows = await connection.fetch(_sql("batches_of_city"), city, now)
    batches = [row["sha256"] for row in rows]
    withdrawals = await connection.fetch(_sql("withdrawals_of_batches"), batches)
    withdrawn = await connection.fetch(_sql("withdrawn_of_batches"), batches)
    return Ingredients(
        {row["name"]: row["bytes"] for row in rows},
        tuple(row["bytes"] for row in withdrawals),
        frozenset(row["entry_id"] for row in withdrawn),
    )


async def judge(connection: Connection, verdicts: Mapping[str, str | None], *, now: datetime) -> None:
    """Note which batches, by the names of `ingredients`, our list leaves out, and why; None: it does not."""
    await connection.execute(_sql("judge"), list(verdicts), list(verdicts.values()), now)


async def expired_between(connection: Connection, after: datetime, until: datetime) -> int:
    """How many entries of others expired in a span of time."""
    count: int = await connection.fetchval(_sql("expired_between"), after, until)
    return count


async def tidy(connection: Connection, *, now: datetime) -> None:
    """Drop what can be armed no more, and bodies that nothing names."""
    await connection.execute(_sql("retire_batches"), now)
    await connection.execute(_sql("drop_entries"), now - ENTRIES_KEPT)
    await connection.execute(_sql("drop_withdrawals"), now - ENTRIES_KEPT)
    await connection.execute(_sql("drop_bodies"), now - SPARE)


async def forget(connection: Connection) -> int:
    """Keep nobody else's batches any more: this city has left its region. How many there were."""
    return len(await connection.fetch(_sql("forget_batches")))


async def list_batches(connection: Connection, *, now: datetime) -> list[asyncpg.Record]:
    """Every batch of others: whose, how many entries, how many of them hold, and why it is left out."""
    return await connection.fetch(_sql("list_batches"), now)


async def count_batches(connection: Connection) -> int:
    """How many batches of others are kept."""
    count: int = await connection.fetchval(_sql("count_batches"))
    return count


async def left_out(connection: Connection) -> list[asyncpg.Record]:
    """How many batches of each city are left out, by reason."""
    return await connection.fetch(_sql("left_out"))


def _sql(name: str) -> str:
    return statements("foreign_lists")[name]
