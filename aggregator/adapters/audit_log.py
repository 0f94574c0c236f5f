"""The audit's table: rows are appended one at a time, in the transaction of what they are about.

`audit` waits for its turn and holds it until the caller's transaction ends, so that the chain has no forks. Append
late in a transaction, and show nothing before it is committed.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.audit import AuditRow, Finding, findings, next_row, problem_with_reason
from aggregator.errors import BadInput

_BATCH: Final = 5_000


async def audit(connection: Connection, *, actor: str, action: str, subject: str, reason: str) -> None:
    """Record that somebody did something to something, and why, inside the caller's transaction."""
    sql = statements("audit")
    await connection.execute(sql["take_turn"])
    last = await connection.fetchrow(sql["last"])
    now = max(datetime.now(UTC), last["at"]) if last else datetime.now(UTC)
    row = next_row(row_of(last) if last else None, at=now, actor=actor, action=action, subject=subject, reason=reason)
    await connection.execute(
        sql["append"],
        *(row.number, row.at, row.actor, row.action, row.subject, row.reason, row.previous_hash, row.hash),
    )


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


async def verify(connection: Connection) -> tuple[int, list[Finding]]:
    """How many rows there are, and everything that is wrong with them. Holds one batch in memory at a time."""
    count = 0
    problems: list[Finding] = []
    last: AuditRow | None = None
    async for batch in _batches(connection):
        problems += findings(batch, after=last)
        count += len(batch)
        last = batch[-1]
    return count, problems


async def _batches(connection: Connection) -> AsyncIterator[list[AuditRow]]:
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
