"""Purging by the rules of `aggregator.core.retention`, in bounded batches.

    due rows found, holds locked -> rows removed, files noted, receipt chained   one transaction
    noted files removed          -> note forgotten                               with nobody writing files

A crash before the commit leaves everything; one after it leaves notes, which the next run works off with its own.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.count_days import CountDays
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.retention import RECEIPT, Gone, Keeping, Receipt, Rule, read_receipt, receipt_of
from aggregator.errors import FilesLeft
from protocol.steps import Step, no_step

STEPS: Final = ("retention.rows_removed", "retention.committed", "retention.file_removed")
BATCH: Final = 1_000
_FILES: Final = 100
_START: Final = (datetime(1, 1, 2, tzinfo=UTC), b"")
# Where each kind's rows are found. The first of a kind is what it is named after.
_SOURCES: Final[dict[Keeping, tuple[str, ...]]] = {
    Keeping.HITS: ("hits", "parts"),
    Keeping.REJECTED: ("rejected", "elsewhere"),
    Keeping.PIECES: ("pieces", "pictures"),
    Keeping.NOTICES: ("notices", "notices_sent"),
}
_OF_ALERTS: Final = frozenset({Keeping.REJECTED, Keeping.ALERTS, Keeping.LAPSED, Keeping.NOTICES})
# What goes of a row that stays.
_IN_PART: Final = {"lapsed": ("notice", "forget_lapsed"), "refused": ("refused", "forget_refused_bytes")}
_TABLE: Final = {
    "alarms": "alarm",
    "conditions": "camera_condition",
    "acceptances": "acceptance",
    "settings": "settings_result",
    "reports": "report",
    "notices": "notice",
    "transits": "transit_record",
    "notices_sent": "notice_sent",
}


class Pictures(Protocol):
    """Where the files of pictures lie."""

    def remove(self, sha256: bytes) -> None:
        """Take a picture away for good, if it is there; blocks."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a purge would take now."""

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt with its place in the audit."""

    number: int
    at: datetime
    actor: str
    receipt: Receipt


class RetentionStore:
    """Finds and purges. Holds no state but the pool and the pictures."""

    def __init__(self, pool: Pool, files: Pictures, step: Step = no_step, *, batch: int = BATCH) -> None:
        """`step` names the crash points; `batch` is how many rows of a kind one transaction takes."""
        self._pool, self._files, self._step, self._batch = pool, files, step, batch
        self._sql = statements("retention")
        self._days = CountDays(pool)

    async def last_run(self) -> datetime | None:
        """When retention last ran."""
        return await self._pool.fetchval(self._sql["last_run"])  # type: ignore[no-any-return]  # a record's cell

    async def begin(self, now: datetime) -> None:
        """Note that retention runs now."""
        await self._pool.execute(self._sql["ran"], now)

    async def due(self, rule: Rule, now: datetime) -> Due:
        """What a purge would take; changes nothing."""
        cutoff, count, times = rule.cutoff(now), 0, []
        for source in _sources(rule) if cutoff is not None else ():
            after = _START
            while rows := await self._pool.fetch(self._sql[f"due_{source}"], cutoff, *after, self._batch):
                count += len(rows)
                times += [rows[0]["at"], rows[-1]["at"]]
                after = _place(rows[-1])
        return Due(count, min(times), max(times)) if times else Due()

    async def purge(self, rule: Rule, now: datetime, *, actor: str) -> AsyncIterator[Receipt]:
        """Purge what is due, batch by batch; a receipt of each once it is committed."""
        cutoff = rule.cutoff(now)
        if cutoff is None:
            return
        if rule.kind is Keeping.COUNTS:
            async for of_day in self._days.purge(rule, cutoff, actor=actor):
                yield of_day
            cutoff = await self._days.rows_before(cutoff)
        for source in _sources(rule):
            after: tuple[datetime, bytes] | None = _START
            while after is not None:
                receipt, after = await self._purge_batch(rule, source, cutoff, now, after, actor=actor)
                if receipt is not None:
                    yield receipt

    async def bound_refused(self, keep_bytes: int, now: datetime, *, actor: str) -> Receipt | None:
        """Drop the oldest sealed bytes of refused deliveries beyond a bound."""
        rule = Rule(Keeping.REFUSED, None, limit_bytes=keep_bytes)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["take_turn"])
            rows = await connection.fetch(self._sql["refused_beyond"], keep_bytes, self._batch)
            gone = await self._take(connection, "refused", rows, now)
            return await self._keep_receipt(connection, receipt_of(rule, gone), actor)

    async def remove_files(self) -> None:
        """Remove the files that this run noted or one that was cut off; raises `FilesLeft` after the last."""
        left: list[OSError] = []
        after: bytes | None = b""
        while after is not None:
            after = await self._remove_some_files(after, left)
        if left:
            problem = left[0].strerror or left[0]
            raise FilesLeft(f"{len(left)} files of purged rows cannot be removed ({problem}); the next run tries again")

    async def receipts(self, limit: int) -> list[Kept]:
        """The newest receipts, oldest first."""
        rows = await self._pool.fetch(self._sql["receipts"], limit)
        found = ((row, read_receipt(row["reason"])) for row in reversed(rows))
        return [Kept(row["number"], row["at"], row["actor"], receipt) for row, receipt in found if receipt is not None]

    async def _purge_batch(
        self, rule: Rule, source: str, cutoff: datetime, now: datetime, after: tuple[datetime, bytes], *, actor: str
    ) -> tuple[Receipt | None, tuple[datetime, bytes] | None]:
        """One transaction; its receipt, and from where to go on if there may be more."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["take_turn"])
            await connection.execute(self._sql["keep_holds"])
            if rule.kind in _OF_ALERTS:  # nobody takes a rejection back meanwhile
                await connection.execute(statements("alerts")["take_turn"])
            rows = await connection.fetch(self._sql[f"due_{source}"], cutoff, *after, self._batch)
            gone = await self._take(connection, source, rows, now)
            if rule.kind is Keeping.REJECTED and rows:
                await connection.execute(self._sql["note_erased"], [row["id"] for row in rows], now, actor)
            self._step("retention.rows_removed")
            receipt = await self._keep_receipt(connection, receipt_of(rule, gone), actor)
        self._step("retention.committed")
        return receipt, _place(rows[-1]) if len(rows) == self._batch else None

    async def _keep_receipt(self, connection: Connection, receipt: Receipt | None, actor: str) -> Receipt | None:
        if receipt is not None:
            subject = f"retention:{receipt.kind}"
            await audit(connection, actor=actor, action=RECEIPT, subject=subject, reason=receipt.text)
        return receipt

    async def _take(self, connection: Connection, source: str, rows: Sequence[asyncpg.Record], now: datetime) -> Gone:
        gone, ids = Gone(), [row["id"] for row in rows]
        gone.add_times([row["at"] for row in rows])
        match source:
            case "hits":
                await self._take_hits(connection, ids, now, gone)
            case "parts":
                await self._take_parts(connection, ids, now, gone)
            case "rejected" | "elsewhere" | "alerts":
                await self._take_of_alerts(connection, source, rows, now, gone)
            case "sealed" | "redacted":
                purged = await self._forget(connection, gone, "picture", "purge_picture", *_named(rows))
                await self._note(connection, purged, now)
            case "pieces":
                await self._forget(connection, gone, "piece", "forget_unfinished", *_named(rows))
            case "pictures":
                await self._take_pictures(connection, *_named(rows), now, gone)
            case "counts" | "hourly" | "daily":
                await self._take_counts(connection, source, rows, gone)
            case "lapsed" | "refused":
                await self._forget(connection, gone, *_IN_PART[source], ids)
            case "refusals":
                await self._forget(connection, gone, "refused", "forget_refusal", ids, gone.last_at)
            case _:
                table = _TABLE[source]
                await self._forget(connection, gone, table, f"forget_{table}", ids)
        return gone

    async def _take_counts(
        self, connection: Connection, source: str, rows: Sequence[asyncpg.Record], gone: Gone
    ) -> None:
        times, whose = [row["at"] for row in rows], [row["id" if source == "counts" else "point_id"] for row in rows]
        table = {"counts": "camera_minute", "hourly": "camera_hour", "daily": "camera_day"}[source]
        await self._forget(connection, gone, table, f"forget_{table}", times, whose)
        if source == "hourly":
            await self._forget(connection, gone, "city_hour", "forget_city_hour", times)

    async def _take_hits(self, connection: Connection, hits: list[bytes], now: datetime, gone: Gone) -> None:
        parts = await connection.fetch(self._sql["parts_of_hits"], hits)
        await self._take_parts(connection, [row["envelope_hash"] for row in parts], now, gone)
        await connection.execute(self._sql["forget_matches"], hits)
        await self._forget(connection, gone, "hit", "forget_hit", hits)

    async def _take_of_alerts(
        self, connection: Connection, source: str, rows: Sequence[asyncpg.Record], now: datetime, gone: Gone
    ) -> None:
        if source == "alerts":
            await self._forget(connection, gone, "alert", "forget_alert", [row["alert_id"] for row in rows])
            return
        for is_held in (False, True):
            hits = [row["id"] for row in rows if row["is_held"] is is_held]
            await self._take_plates(connection, hits, now, gone, is_held=is_held)

    async def _take_plates(
        self, connection: Connection, hits: list[bytes], now: datetime, gone: Gone, *, is_held: bool
    ) -> None:
        """Of rejected hits all that shows a plate. Their evidence stays, and knows a picture that comes late."""
        amendments = [row[0] for row in await connection.fetch(self._sql["amendments_of_hits"], hits)]
        pictures = await connection.fetch(self._sql["pictures_of_hits"], hits, not is_held)
        await self._forget(connection, gone, "piece", "forget_unfinished", *_named(pictures))
        purged = await self._forget(connection, gone, "picture", "purge_picture", *_named(pictures))
        await self._note(connection, purged, now)
        await self._forget(connection, gone, "hit_amendment", "forget_hit_amendment", amendments)
        await self._forget(connection, gone, "hit", "forget_hit", hits)
        if not is_held:  # a hold on an entry finds its hits by their matches
            await connection.execute(self._sql["forget_matches"], [*hits, *amendments])

    async def _take_parts(self, connection: Connection, parts: list[bytes], now: datetime, gone: Gone) -> None:
        await connection.execute(self._sql["forget_matches"], parts)
        await self._forget(connection, gone, "hit_amendment", "forget_hit_amendment", parts)
        await self._forget(connection, gone, "evidence_unavailable", "forget_evidence_unavailable", parts)
        evidence = await connection.fetch(self._sql["forget_evidence"], parts)
        gone.add("evidence", [row["id"] for row in evidence])
        named = [(row["device_id"], row[name]) for row in evidence for name in ("redacted_sha256", "sealed_sha256")]
        await self._take_pictures(connection, [each[0] for each in named], [each[1] for each in named], now, gone)

    async def _take_pictures(
        self, connection: Connection, devices: list[str], pictures: list[bytes], now: datetime, gone: Gone
    ) -> None:
        await self._forget(connection, gone, "piece", "forget_piece", devices, pictures)
        removed = await self._forget(connection, gone, "picture", "forget_picture", devices, pictures)
        await self._note(connection, removed, now)

    async def _forget(
        self, connection: Connection, gone: Gone, table: str, statement: str, *arguments: object
    ) -> list[bytes]:
        ids = [row["id"] for row in await connection.fetch(self._sql[statement], *arguments)]
        gone.add(table, ids)
        return ids

    async def _note(self, connection: Connection, pictures: list[bytes], now: datetime) -> None:
        if pictures:
            await connection.execute(self._sql["note_files"], pictures, now)

    async def _remove_some_files(self, after: bytes, left: list[OSError]) -> bytes | None:
        """Go on after a picture; the last one looked at, if there may be more."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["files_alone"])
            noted = await connection.fetch(self._sql["noted_files"], after, _FILES)
            done = [row["sha256"] for row in noted if row["is_needed"] or await self._removed(row["sha256"], left)]
            await connection.execute(self._sql["forget_noted"], done)
        return noted[-1]["sha256"] if noted else None

    async def _removed(self, sha256: bytes, left: list[OSError]) -> bool:
        try:
            await asyncio.to_thread(self._files.remove, sha256)
        except OSError as exc:  # one file that is locked or on a bad block keeps no other, and is tried again
            left.append(exc)
            return False
        self._step("retention.file_removed")
        return True


def _sources(rule: Rule) -> tuple[str, ...]:
    return _SOURCES.get(rule.kind, (rule.kind.value,))


def _place(row: asyncpg.Record) -> tuple[datetime, bytes]:
    return row["at"], row["id"]


def _named(rows: Sequence[asyncpg.Record]) -> tuple[list[str], list[bytes]]:
    """Devices and pictures, a column each."""
    return [row["device_id"] for row in rows], [row["picture"] for row in rows]
