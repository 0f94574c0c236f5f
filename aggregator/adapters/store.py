"""The store: one transaction per batch, in which the ledger decides what is new.

    ledger_written   INSERT ... ON CONFLICT DO NOTHING RETURNING: what came back is new
    rows_written     the rows of the new ones, presence, redeliveries, equivocations
    committed        now, and only now, may a receipt say `stored`

A batch is sorted by key, so that two workers never wait for each other in a ring. Rows of what the ledger called new go
in by COPY, at two thirds of the price of INSERT. What fails because of a row, or where COPY is not to be had, is tried
again message by message with INSERT ... ON CONFLICT DO NOTHING (`write_each`): one poisonous message must not hold up a
batch.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

import asyncpg

from aggregator.adapters.database import AWAY, Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.rows import Cell, Row, Table, Taken, ledger_row, rows_of
from protocol.clock import from_ms
from protocol.presence import Line, Presence
from protocol.refusals import Refusal
from protocol.steps import Step, no_step

# What a row can be at fault for, and a server that knows no COPY here (row security); everything else passes by itself.
POISON: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.RaiseError,
    asyncpg.FeatureNotSupportedError,
)
RETRY: Final = (*AWAY, asyncpg.PostgresError)

_KEY_COLUMNS: Final = 4
_INTO: Final = re.compile(r"INSERT INTO \w+ \(([^)]*)\)")
# Two messages may bring the same piece, or tell of the same loss: only INSERT passes over what is there.
_TOLD_AGAIN: Final = frozenset({Table.PIECE, Table.TOMBSTONE})


@dataclass(frozen=True, slots=True)
class Said:
    """A verified birth or death."""

    presence: Presence
    raw: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """What is kept of a refused delivery. `sealed` only the evidence authority opens."""

    sha256: bytes
    reason: Refusal
    topic: str
    key_id: bytes | None
    algorithm: int | None
    length_bytes: int
    received_at: datetime
    sealed: bytes | None = None
    sealed_to: bytes | None = None


class Store:
    """Writes batches. Holds no state but the pool."""

    def __init__(self, pool: Pool, rules: TimeRules, step: Step = no_step) -> None:
        """`step` names the crash points of the transaction."""
        self._pool = pool
        self._rules = rules
        self._step = step
        self._sql = statements("ingest")

    async def write(self, taken: Sequence[Taken], said: Sequence[Said]) -> dict[bytes, Fate]:
        """Store a batch; the fate of each envelope, by hash. Raises what asyncpg raises, with nothing stored."""
        return await self._write(taken, said, is_careful=False)

    async def _write(self, taken: Sequence[Taken], said: Sequence[Said], *, is_careful: bool) -> dict[bytes, Fate]:
        copies = Counter(each.hash for each in taken)
        distinct = {each.hash: each for each in sorted(taken, key=_order)}
        async with self._pool.acquire() as connection, connection.transaction():
            new = await self._ledger(connection, distinct)
            self._step("ingest.ledger_written")
            await self._rows(connection, [distinct[each] for each in new], is_careful=is_careful)
            known = await self._known(connection, distinct, new, copies)
            others = [each for each in distinct.values() if each.hash not in new and each.hash not in known]
            await self._equivocations(connection, others)
            await self._presence(connection, said)
            self._step("ingest.rows_written")
        self._step("ingest.committed")
        return {each: _fate(each, new, known) for each in distinct}

    async def write_each(self, taken: Sequence[Taken], said: Sequence[Said]) -> dict[bytes, Fate]:
        """Store a batch message by message; what is poisonous has no fate."""
        fates: dict[bytes, Fate] = {}
        for part in [*(([each], []) for each in taken), *(([], [each]) for each in said)]:
            try:
                fates |= await self._write(*part, is_careful=True)
            except POISON:
                continue  # the caller answers INTERNAL to what has no fate, and counts it
        return fates

    async def write_refused(self, refused: Iterable[Refused]) -> None:
        """Keep what is kept of refused deliveries."""
        rows = [
            (
                r.sha256,
                int(r.reason),
                r.topic,
                r.key_id,
                r.algorithm,
                r.length_bytes,
                r.received_at,
                r.sealed,
                r.sealed_to,
            )
            for r in refused
        ]
        if rows:
            async with self._pool.acquire() as connection:
                await connection.executemany(self._sql["refused"], rows)

    async def _ledger(self, connection: Connection, distinct: Mapping[bytes, Taken]) -> set[bytes]:
        if not distinct:
            return set()
        columns = _columns(ledger_row(each) for each in distinct.values())
        return {row["envelope_hash"] for row in await connection.fetch(self._sql["ledger"], *columns)}

    async def _rows(self, connection: Connection, new: Iterable[Taken], *, is_careful: bool) -> None:
        by_table: dict[Table, list[Row]] = defaultdict(list)
        for each in new:
            for table, row in rows_of(each, self._rules):
                by_table[table].append(row)
        for table in Table:
            if table in by_table:
                insert = inserted if is_careful or table in _TOLD_AGAIN else copied
                await insert(connection, table, by_table[table])

    async def _known(
        self, connection: Connection, distinct: Mapping[bytes, Taken], new: set[bytes], copies: Counter[bytes]
    ) -> set[bytes]:
        """The envelopes that were stored before; counts every copy that brought nothing new."""
        again = [
            (*ledger_row(each)[:_KEY_COLUMNS], each.hash, copies[each.hash] - (each.hash in new))
            for each in distinct.values()
            if each.hash not in new or copies[each.hash] > 1
        ]
        if not again:
            return set()
        rows = await connection.fetch(self._sql["redelivered"], *_columns(again))
        return {row["envelope_hash"] for row in rows} - new

    async def _equivocations(self, connection: Connection, others: Sequence[Taken]) -> None:
        if others:
            rows = ((*ledger_row(each)[:_KEY_COLUMNS], each.hash, each.received_at) for each in others)
            await connection.execute(self._sql["equivocation"], *_columns(rows))

    async def _presence(self, connection: Connection, said: Sequence[Said]) -> None:
        if not said:
            return
        devices = sorted({each.presence.device for each in said})
        found = await connection.fetch(self._sql["presence_lines"], devices)
        before = {row["device_id"]: Line(row["connection"], row["is_online"], row["outbox"]) for row in found}
        changed = _changed_lines(before, said)
        if changed:
            rows = (_presence_row(line, each) for line, each in changed.values())
            await connection.execute(self._sql["presence"], *_columns(rows))


async def copied(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Rows into their table, none of which may be there already."""
    await connection.copy_records_to_table(table, records=rows, columns=_names(table))


async def inserted(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Rows into their table, those passed over that are there already."""
    await connection.execute(statements("ingest")[table], *_columns(rows))


@cache
def _names(table: Table) -> tuple[str, ...]:
    """The columns of a table's statement, in the order of its rows."""
    found = _INTO.match(statements("ingest")[table])
    assert found is not None  # noqa: S101  a statement of ours, and the tests run each
    return tuple(name.strip() for name in found[1].split(","))


def _order(taken: Taken) -> tuple[str, bytes, int, int]:
    message = taken.message
    return (message.device, message.outbox, message.sequence, message.epoch)


def _fate(envelope_hash: bytes, new: set[bytes], known: set[bytes]) -> Fate:
    if envelope_hash in new:
        return Fate.NEW
    return Fate.REDELIVERED if envelope_hash in known else Fate.EQUIVOCATION


def _columns(rows: Iterable[Row]) -> list[tuple[Cell, ...]]:
    """One array per column. Lists of texts become lines of one: arrays of arrays do not pass through `unnest`."""
    return [
        tuple("\n".join(cell) for cell in column if isinstance(cell, tuple)) if isinstance(column[0], tuple) else column
        for column in zip(*rows, strict=True)
    ]


def _changed_lines(before: Mapping[str, Line], said: Sequence[Said]) -> dict[str, tuple[Line, Said]]:
    """Each device's line after what was said, with what said it, where that changes anything."""
    lines_now = dict(before)
    changed: dict[str, tuple[Line, Said]] = {}
    for each in said:
        device = each.presence.device
        old = lines_now.get(device, Line())
        line = old.after(each.presence)
        if line != old:
            lines_now[device] = line
            changed[device] = (line, each)
    return dict(sorted(changed.items()))


def _presence_row(line: Line, said: Said) -> Row:
    presence = said.presence
    return (
        *(presence.device, line.connection, line.is_online, line.outbox, said.received_at),
        *(from_ms(presence.time_ms), presence.versions, said.raw),
    )
