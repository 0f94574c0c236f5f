"""The audit's table: rows are appended one at a time, in the transaction of what they are about.

`audit` waits for its turn and holds it until the caller's transaction ends, so that the chain has no forks. Append
late in a transaction, and show nothing before it is committed.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.audit import AuditRow, Finding, findings, next_row, problem_with_reason
from aggregator.errors import BadInput

_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, and to what: ids only."""

    action: str
    subject: str


async def audit(connection: Connection, *, actor: str, action: str, subject: str, reason: str) -> None:
    """Record that somebody did something to something, and why, inside the caller's transaction."""
    await audit_all(connection, [Deed(action, subject)], actor=actor, reason=reason)


async def audit_all(connection: Connection, deeds: Iterable[Deed], *, actor: str, reason: str) -> None:
    """Record several deeds for one reason, inside the caller's transaction."""
    sql = statements("audit")
    await connection.execute(sql["take_turn"])
    found = await connection.fetchrow(sql["last"])
    last = row_of(found) if found else None
    now = max(datetime.now(UTC), last.at) if last else datetime.now(UTC)
    added: list[AuditRow] = []
    for deed in deeds:
        last = next_row(last, at=now, actor=actor, action=deed.action, subject=deed.subject, reason=reason)
        added.append(last)
    await connection.executemany(sql["append"], [astuple(row) for row in added])


def checked_reason(reason: str) -> str:
    """A reason that the audit takes; raises `BadInput`."""
    problem = problem_with_reason(reason)
    if problem is not None:
        raise BadInput(problem)
    return reason.strip()


async def rows(
    connection: Connection, *, subject: str | None = None, actor: str | None = None, limit: int = 100
) -> list[AuditRow]:
    """The newest rows about a subject or by an actor, or of all, oldest first."""
    found = await connection.fetch(statements("audit")["newest"], subject, actor, limit)
    return [row_of(row) for row in reversed(found)]


async def last_row(connection: Connection) -> AuditRow | None:
    """The newest row."""
    found = await connection.fetchrow(statements("audit")["last"])
    return row_of(found) if found else None


async def hashes_of(connection: Connection, numbers: Iterable[int]) -> dict[int, bytes]:
    """The hashes of some rows, of those that are there."""
    found = await connection.fetch(statements("audit")["hashes"], sorted(numbers))
    return {row["number"]: row["hash"] for row in found}


async def rows_of_hit(connection: Connection, hit: bytes) -> list[AuditRow]:
    """Every row about a hit, its exports or its pictures, oldest first."""
    sql = statements("audit")
    pictures = [row["subject"] for row in await connection.fetch(sql["pictures_of_hit"], hit)]
    return [row_of(row) for row in await connection.fetch(sql["of_hit"], f"hit:{hit.hex()}", pictures)]


async def rows_of_entry(connection: Connection, entry: str, limit: int) -> list[AuditRow]:
    """The newest rows about an entry, its batch, its hits or their pictures, oldest first."""
    found = await connection.fetch(statements("audit")["of_entry"], entry, limit)
    return [row_of(row) for row in reversed(found)]


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole record checked: how many rows, what is wrong with them, and the hashes of the rows asked for."""

    rows: int
    findings: list[Finding]
    hashes: dict[int, bytes]


async def verify(connection: Connection) -> tuple[int, list[Finding]]:
    """How many rows there are, and everything that is wrong with them."""
    found = await survey(connection)
    return found.rows, found.findings


async def survey(connection: Connection, wanted: frozenset[int] = frozenset()) -> Survey:
    """Check every row. Holds one batch in memory at a time."""
    count, problems, hashes = 0, list[Finding](), dict[int, bytes]()
    last: AuditRow | None = None
    async for batch in batches(connection):
        problems += findings(batch, after=last)
        hashes.update((row.number, row.hash) for row in batch if row.number in wanted)
        count += len(batch)
        last = batch[-1]
    return Survey(count, problems, hashes)


async def batches(connection: Connection) -> AsyncIterator[list[AuditRow]]:
    """Every row in order, some at a time."""
    after = 0
    while found := await connection.fetch(statements("audit")["after"], after, _BATCH):
        batch = [row_of(row) for row in found]
        after = batch[-1].number
        yield batch


def row_of(row: asyncpg.Record) -> AuditRow:
    """An audit row from its record."""
    return AuditRow(
        row["number"], row["at"], row["actor"], row["action"], row["subject"], row["reason"],
        row["previous_hash"], row["hash"],
    )  # fmt: skip
