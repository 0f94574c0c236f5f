"""The outbox: everything this box has said and nobody has receipted yet, in one SQLite file.

1. `append` gives each message its place in the order, signs it and commits it, all or nothing. What is not committed
   was never said: the same place is taken by the next message, and nothing is published before its commit.
2. Rows leave by a receipt (`settle`), or are given up for want of room (`core.giving_up`); those leave a tombstone,
   told in a signed `Dropped`. A row refused for good goes to the dead letters, of which the newest are kept.
3. A hit whose picture is still being made is noted with its place only. After a crash the notes that are left are
   hits whose picture is lost.
4. What a sender must remember of having said something (`keeps`) is written with it, in one transaction: so it is never
   said twice, nor believed said when it was not.
5. Each opening raises the epoch. One process has the file at a time (SQLite's exclusive lock), one thread writes.

The disk holds hits and what belongs to them, never a read that matched nothing. Deleted bytes are overwritten
(`secure_delete`), and a commit is on disk when it returns (`synchronous=FULL`).
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlite_utils import Database

from edge_agent.adapters import outbox_sql as sql
from edge_agent.core.delivery import Row
from edge_agent.core.giving_up import place_of, victims
from edge_agent.errors import OutboxBroken, OutboxFailed, OutboxFull
from protocol.delivery import Bury, Forget, Outcome, outcome_of
from protocol.envelope import envelope_hash
from protocol.keys import Signer
from protocol.messages import KINDS, Body, Clock, Dropped, HitKey, Kind, Tombstone
from protocol.order import Identity, Position, seal_message
from protocol.receipts import Range, ReceiptItem
from protocol.steps import Step, no_step

STEPS: Final = ("outbox.sealed", "outbox.written", "outbox.committed", "outbox.settling", "outbox.settled")
MAX_TOLD_AT_ONCE: Final = 256
MAX_TOMBSTONES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the outbox."""

    max_rows: int
    max_bytes: int
    max_dead_letters: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time that a message says it was made."""

    ms: int
    clock: Clock = Clock.GOOD


@dataclass(frozen=True, slots=True)
class Appended:
    """What was committed, and what was given up for it."""

    rows: tuple[Row, ...]
    given_up: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """A row that a receipt named, and what became of it."""

    row: Row
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class KeptTime:
    """The time floor as it is kept over a restart (`protocol.clock`); 0 for never."""

    floor_ms: int
    vouched_ms: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much the outbox holds."""

    rows: int
    size_bytes: int
    dead_letters: int
    untold: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A small thing that is kept under a name; a later one of the name takes its place."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class _Notes:
    """What is written beside new rows, in the same transaction."""

    owes_picture: bool = False
    settles: HitKey | None = None
    keeps: Kept | None = None
    tells: tuple[Tombstone, ...] = ()


_Sealed: TypeAlias = tuple[Row, bytes]


class Outbox:
    """One open outbox. Not thread-safe: one thread opens, uses and closes it."""

    def __init__(self, db: Database, who: Identity, signer: Signer, limits: Limits, step: Step) -> None:
        """Use `Outbox.open`."""
        self._db = db
        self._who = who
        self._signer = signer
        self._limits = limits
        self._step = step
        self._position = Position(*self._one(sql.POSITION))
        self._rows, self._size_bytes = self._one(sql.TOTALS)

    @classmethod
    def open(cls, path: Path, who: Identity, signer: Signer, limits: Limits, *, step: Step = no_step) -> "Outbox":
        """Open or make the outbox of a box and raise its epoch; raises `OutboxBroken`."""
        try:
            return cls(_connect(path), who, signer, limits, step)
        except (sqlite3.Error, OSError) as exc:
            raise OutboxBroken(
                f"{path}: {exc}. Is another agent running? Is the disk full? A damaged outbox must be moved "
                "away by hand: it may hold messages that nobody else has"
            ) from exc

    def close(self) -> None:
        """Fold the log into the file and close it."""
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._db.close()

    @property
    def position(self) -> Position:
        """Where the next message goes."""
        return self._position

    def append(
        self,
        bodies: Sequence[Body],
        stamp: Stamp,
        *,
        owes_picture: bool = False,
        settles: HitKey | None = None,
        keeps: Kept | None = None,
    ) -> Appended:
        """Commit messages, in this order, all or nothing; raises `OutboxFailed` or `OutboxFull`.

        `owes_picture`: they are hits whose picture follows. `settles`: they are what a hit's picture came to. `keeps`:
        what their sender must remember of having said them.
        """
        with _translated():
            return self._commit(bodies, stamp, _Notes(owes_picture, settles, keeps))

    def tell_dropped(self, stamp: Stamp) -> Appended:
        """Commit a `Dropped` for the oldest tombstones that were not told yet, if there are any."""
        with _translated():
            found = self._all(sql.UNTOLD, MAX_TOLD_AT_ONCE)
            stones = tuple(Tombstone(sequence=s, epoch=e, kind=Kind(k), hash=h) for s, e, k, h in found)
            if not stones:
                return Appended(())
            return self._commit([Dropped(reason="outbox_full", tombstones=stones)], stamp, _Notes(tells=stones))

    def settle(self, items: Iterable[ReceiptItem], time: KeptTime) -> tuple[Settled, ...]:
        """Apply a verified receipt: each named row is deleted, buried, or left to wait; raises `OutboxFailed`."""
        with _translated():
            with self._db.atomic():
                settled = tuple(s for item in items if (s := self._settle(item)))
                self._db.execute(sql.TRIM_DEAD, [self._limits.max_dead_letters])
                self._db.execute(sql.KEEP_TIME, [time.floor_ms, time.vouched_ms])
                self._step("outbox.settling")
            self._step("outbox.settled")
        self._count(gone=[s.row for s in settled if isinstance(s.outcome, Forget | Bury)])
        return settled

    def retell(self, ranges: Iterable[Range]) -> tuple[int, ...]:
        """Sequence numbers still held within ranges; tombstones within them are to be told again."""
        held: list[int] = []
        with _translated(), self._db.atomic():
            for wanted in ranges:
                held += [sequence for (sequence,) in self._all(sql.SEQUENCES_BETWEEN, wanted.first, wanted.last)]
                self._db.execute(sql.TELL_AGAIN, [wanted.first, wanted.last])
        return tuple(held)

    def keep_time(self, time: KeptTime) -> None:
        """Keep the time floor, which others may have lowered; raises `OutboxFailed`."""
        with _translated(), self._db.atomic():
            self._db.execute(sql.KEEP_TIME, [time.floor_ms, time.vouched_ms])

    def keep_list_version(self, version: int) -> None:
        """Keep the version of the last hotlist taken; it never falls. Raises `OutboxFailed`."""
        with _translated(), self._db.atomic():
            self._db.execute(sql.KEEP_LIST_VERSION, [version])

    def keep(self, keeps: Kept) -> None:
        """Keep a small thing without saying anything; raises `OutboxFailed`."""
        with _translated(), self._db.atomic():
            self._db.execute(sql.KEEP, [keeps.name, keeps.value])

    def kept(self, name: str) -> bytes | None:
        """What is kept under a name."""
        found = self._all(sql.KEPT, name)
        return bytes(found[0][0]) if found else None

    def next_connection(self) -> int:
        """Take the next connection number."""
        with _translated(), self._db.atomic():
            return int(self._one(sql.NEXT_CONNECTION)[0])

    def rows(self) -> tuple[Row, ...]:
        """Every row that waits for a receipt, oldest first."""
        return tuple(map(_to_row, self._all(sql.ALL_ROWS)))

    def envelope(self, sequence: int) -> bytes | None:
        """A row's bytes, or None if it has gone."""
        with _translated():
            found = self._all(sql.ENVELOPE, sequence)
        return bytes(found[0][0]) if found else None

    def pictures_owed(self) -> tuple[HitKey, ...]:
        """Hits whose picture has neither been committed nor said to be unavailable."""
        found = self._all(sql.PICTURES_OWED)
        return tuple(HitKey(outbox=self._position.outbox, epoch=e, sequence=s, hash=h) for e, s, h in found)

    def kept_time(self) -> KeptTime:
        """The time floor of the last run."""
        return KeptTime(*self._one(sql.KEPT_TIME))

    def kept_list_version(self) -> int:
        """Version of the last hotlist taken; 0 for none."""
        return int(self._one(sql.KEPT_LIST_VERSION)[0])

    def holdings(self) -> Holdings:
        """How much there is of everything."""
        dead, untold, oldest = (self._one(query)[0] for query in (sql.COUNT_DEAD, sql.COUNT_UNTOLD, sql.OLDEST))
        return Holdings(self._rows, self._size_bytes, dead, untold, oldest)

    def _commit(self, bodies: Sequence[Body], stamp: Stamp, notes: _Notes) -> Appended:
        at, sealed = self._seal(bodies, stamp)
        self._step("outbox.sealed")
        rows = tuple(row for row, _ in sealed)
        given_up = self._make_room(rows)
        with self._db.atomic():
            self._give_up(given_up)
            self._db.conn.executemany(sql.ADD_ROW, map(_columns, sealed))
            self._note(rows, notes)
            self._db.execute(sql.MOVE_ON, [at.sequence, at.previous, stamp.ms])
            self._step("outbox.written")
        self._position = at
        self._count(new=rows, gone=given_up)
        self._step("outbox.committed")
        return Appended(rows, given_up)

    def _seal(self, bodies: Sequence[Body], stamp: Stamp) -> tuple[Position, list[_Sealed]]:
        at = self._position
        sealed: list[_Sealed] = []
        for body in bodies:
            raw = seal_message(body, at, self._who, self._signer, created_ms=stamp.ms, clock=stamp.clock)
            row = Row(at.sequence, at.epoch, KINDS[type(body)], envelope_hash(raw), stamp.ms, len(raw))
            sealed.append((row, raw))
            at = at.after(raw)
        return at, sealed

    def _make_room(self, new: Sequence[Row]) -> tuple[Row, ...]:
        """Rows to be given up for new ones. A `dropped` always fits: it is small, and makes gaps explained."""
        rows = self._rows + len(new) - self._limits.max_rows
        size_bytes = self._size_bytes + sum(row.size_bytes for row in new) - self._limits.max_bytes
        if new[0].kind is Kind.DROPPED:
            return ()
        place = max(place_of(row.kind) for row in new)
        candidates = map(_to_row, self._db.execute(sql.EXPENDABLE, [place]))
        found = victims(candidates, rows=rows, size_bytes=size_bytes)
        if found is None:
            raise OutboxFull(f"no room in the outbox for a message of kind {new[0].kind.slug}")
        return found

    def _give_up(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        conn = self._db.conn
        conn.executemany(sql.DELETE_ROW, [(row.sequence,) for row in rows])
        conn.executemany(sql.ADD_TOMBSTONE, [(row.sequence, row.epoch, int(row.kind), row.hash) for row in rows])
        self._db.execute(sql.TRIM_TOMBSTONES, [MAX_TOMBSTONES])

    def _note(self, rows: Sequence[Row], notes: _Notes) -> None:
        conn = self._db.conn
        conn.executemany(sql.MARK_TOLD, [(stone.sequence,) for stone in notes.tells])
        if notes.owes_picture:
            conn.executemany(sql.OWE_PICTURE, [(row.sequence, row.epoch, row.hash) for row in rows])
        if notes.settles is not None:
            self._db.execute(sql.PICTURE_SETTLED, [notes.settles.sequence])
        if notes.keeps is not None:
            self._db.execute(sql.KEEP, [notes.keeps.name, notes.keeps.value])

    def _settle(self, item: ReceiptItem) -> Settled | None:
        found = self._all(sql.ROW_BY_HASH, item.hash)
        if not found:
            return None
        row, outcome = _to_row(found[0]), outcome_of(item)
        if isinstance(outcome, Bury):
            self._db.execute(sql.BURY, [outcome.reason, row.sequence])
        if isinstance(outcome, Forget | Bury):
            self._db.execute(sql.DELETE_ROW, [row.sequence])
        return Settled(row, outcome)

    def _count(self, *, new: Sequence[Row] = (), gone: Sequence[Row] = ()) -> None:
        self._rows += len(new) - len(gone)
        self._size_bytes += sum(row.size_bytes for row in new) - sum(row.size_bytes for row in gone)

    def _all(self, query: str, *values: object) -> list[Any]:  # a row's columns are what the query says
        return list(self._db.execute(query, values).fetchall())

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchall()[0]


@contextmanager
def _translated() -> Iterator[None]:
    """What SQLite could not write now is an `OutboxFailed`; damage is an `OutboxBroken`. Its words hold no value."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise OutboxFailed(f"the outbox could not be written: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        raise OutboxBroken(f"the outbox is damaged: {exc}; move it away by hand and start again") from exc


def _connect(path: Path) -> Database:
    """Open the file with its pragmas, make the tables of a new one, raise the epoch."""
    path.touch(mode=0o600, exist_ok=True)
    conn = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        db = Database(conn)
        for pragma in sql.PRAGMAS:
            db.execute(pragma).fetchall()
        with db.atomic():
            _make_tables(db)
            db.execute(sql.KEPT_TABLE)
            db.execute(sql.RAISE_EPOCH)
    except BaseException:  # nobody has the connection yet who could close it, and it holds the lock; raised again
        conn.close()
        raise
    return db


def _make_tables(db: Database) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == sql.SCHEMA_VERSION:
        return
    if version != 0:
        raise OutboxBroken(f"the outbox has schema {version}, this agent knows {sql.SCHEMA_VERSION}; update the agent")
    for statement in sql.TABLES:
        db.execute(statement)
    first = Position.first(os.urandom(16))
    db.execute(sql.NEW_META, [first.outbox, first.epoch, first.sequence, first.previous])
    db.execute(f"PRAGMA user_version = {sql.SCHEMA_VERSION}")


def _columns(sealed: _Sealed) -> tuple[int, int, int, bytes, int, int, int, bytes]:
    row, raw = sealed
    kind = int(row.kind)
    return row.sequence, row.epoch, kind, row.hash, row.created_ms, row.size_bytes, place_of(row.kind), raw


def _to_row(found: tuple[int, int, int, bytes, int, int]) -> Row:
    sequence, epoch, kind, row_hash, created_ms, size_bytes = found
    return Row(sequence, epoch, Kind(kind), row_hash, created_ms, size_bytes)
