"""What the region refused for good, at the desk: listed without plates, sent again, or dismissed; all of it audited.

A dead letter is a name and a reason. Its box is found in the message itself, as long as retention has left it there;
what is no longer there cannot be sent again, and a retry takes it off the list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.statements import statements
from aggregator.core.forwarding import word_of

_SUBJECT: Final = "forward"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the region will not take. No device: retention has taken the message."""

    event: bytes
    kind: str
    why: str
    received_at: datetime
    refused_at: datetime
    point: str | None
    device: str | None


@dataclass(frozen=True, slots=True)
class Retried:
    """How many go again, and how many could not, since the message is gone."""

    again: int
    gone: int


class DeadLetters:
    """All that people do with dead letters. Raises `DatabaseUnwell`."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between calls."""
        self._pool = pool
        self._sql = statements("forward")

    async def listed(self, limit: int, *, actor: str) -> Sequence[DeadLetter]:
        """What was refused for good, the newest first."""
        async with transaction(self._pool) as connection:
            found = await self._letters(connection, limit)
            await audit(connection, actor=actor, action="forward.dead", subject=_SUBJECT, reason=NO_PLATES)
        return found

    async def retry(self, device: str | None, why: str | None, *, actor: str, reason: str) -> Retried:
        """Put all back into the queue, or those of a device, or those refused for a word."""
        async with transaction(self._pool) as connection:
            letters = await self._meant(connection, device, why)
            again = [each.event for each in letters if each.device is not None]
            gone = [each.event for each in letters if each.device is None]
            await connection.execute(self._sql["retry_dead"], again)
            await connection.execute(self._sql["forget_dead"], gone)
            await audit(connection, actor=actor, action="forward.retry", subject=_subject(device), reason=reason)
        return Retried(len(again), len(gone))

    async def dismiss(self, device: str | None, why: str | None, *, actor: str, reason: str) -> int:
        """Take them off the list, since they are refused as they should be; how many. The messages stay in the city."""
        async with transaction(self._pool) as connection:
            letters = await self._meant(connection, device, why)
            await connection.execute(self._sql["forget_dead"], [each.event for each in letters])
            await audit(connection, actor=actor, action="forward.dismiss", subject=_subject(device), reason=reason)
        return len(letters)

    async def _meant(self, connection: Connection, device: str | None, why: str | None) -> list[DeadLetter]:
        letters = await self._letters(connection)
        return [each for each in letters if device in (None, each.device) and why in (None, each.why)]

    async def _letters(self, connection: Connection, limit: int | None = None) -> list[DeadLetter]:
        rows = await connection.fetch(self._sql["dead_letters"], limit)
        events, kinds = [row["event"] for row in rows], [row["kind"] for row in rows]
        said = {row["event"]: row for row in await connection.fetch(self._sql["said"], events, kinds)}
        return list(_read(rows, said))


def _read(rows: Sequence[asyncpg.Record], said: dict[bytes, asyncpg.Record]) -> Iterator[DeadLetter]:
    for row in rows:
        by = said.get(row["event"])
        point, device = (None, None) if by is None else (by["point_id"], by["device_id"])
        why, times = word_of(row["reason"]), (row["received_at"], row["refused_at"])
        yield DeadLetter(row["event"], row["kind"], why, *times, point, device)


def _subject(device: str | None) -> str:
    return _SUBJECT if device is None else f"device:{device}"
