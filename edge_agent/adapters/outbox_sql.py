"""The outbox's tables and statements. `place` is a row's place in the order of giving up (core.giving_up)."""

from typing import Final

SCHEMA_VERSION: Final = 1
PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 4194304",
)
TABLES: Final = (
    """
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1), outbox BLOB NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
        previous BLOB NOT NULL, connection INTEGER NOT NULL, floor_ms INTEGER NOT NULL,
        vouched_ms INTEGER NOT NULL, list_version INTEGER NOT NULL) STRICT
    """,
    """
    CREATE TABLE row (
        sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, kind INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE,
        created_ms INTEGER NOT NULL, size_bytes INTEGER NOT NULL, place INTEGER NOT NULL,
        envelope BLOB NOT NULL) STRICT
    """,
    "CREATE INDEX row_by_place ON row (place, sequence)",
    """
    CREATE TABLE tombstone (
        sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, kind INTEGER NOT NULL, hash BLOB NOT NULL,
        is_told INTEGER NOT NULL DEFAULT 0) STRICT
    """,
    """
    CREATE TABLE dead_letter (
        sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, kind INTEGER NOT NULL, hash BLOB NOT NULL,
        reason INTEGER NOT NULL, envelope BLOB NOT NULL) STRICT
    """,
    "CREATE TABLE picture_owed (sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
)
# Small things of the agent's own that must be told no more than once, under a name. Made in outboxes of before, too.
KEPT_TABLE: Final = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT"

NEW_META: Final = "INSERT INTO meta VALUES (1, ?, ?, ?, ?, 0, 0, 0, 0)"
RAISE_EPOCH: Final = "UPDATE meta SET epoch = epoch + 1"
POSITION: Final = "SELECT outbox, epoch, sequence, previous FROM meta"
MOVE_ON: Final = "UPDATE meta SET sequence = ?, previous = ?, floor_ms = ?"
KEEP_TIME: Final = "UPDATE meta SET floor_ms = ?, vouched_ms = ?"
KEPT_TIME: Final = "SELECT floor_ms, vouched_ms FROM meta"
KEEP_LIST_VERSION: Final = "UPDATE meta SET list_version = max(list_version, ?)"
KEPT_LIST_VERSION: Final = "SELECT list_version FROM meta"
KEEP: Final = "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
KEPT: Final = "SELECT value FROM kept WHERE name = ?"
NEXT_CONNECTION: Final = "UPDATE meta SET connection = connection + 1 RETURNING connection"

ADD_ROW: Final = """
    INSERT INTO row (sequence, epoch, kind, hash, created_ms, size_bytes, place, envelope)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    """
DELETE_ROW: Final = "DELETE FROM row WHERE sequence = ?"
ALL_ROWS: Final = "SELECT sequence, epoch, kind, hash, created_ms, size_bytes FROM row ORDER BY sequence"
ROW_BY_HASH: Final = "SELECT sequence, epoch, kind, hash, created_ms, size_bytes FROM row WHERE hash = ?"
EXPENDABLE: Final = """
    SELECT sequence, epoch, kind, hash, created_ms, size_bytes FROM row WHERE place <= ? ORDER BY place, sequence
    """
SEQUENCES_BETWEEN: Final = "SELECT sequence FROM row WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
ENVELOPE: Final = "SELECT envelope FROM row WHERE sequence = ?"
TOTALS: Final = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM row"
OLDEST: Final = "SELECT min(created_ms) FROM (SELECT created_ms FROM row ORDER BY sequence LIMIT 1)"

ADD_TOMBSTONE: Final = "INSERT INTO tombstone (sequence, epoch, kind, hash) VALUES (?, ?, ?, ?)"
UNTOLD: Final = "SELECT sequence, epoch, kind, hash FROM tombstone WHERE NOT is_told ORDER BY sequence LIMIT ?"
MARK_TOLD: Final = "UPDATE tombstone SET is_told = 1 WHERE sequence = ?"
TELL_AGAIN: Final = "UPDATE tombstone SET is_told = 0 WHERE sequence BETWEEN ? AND ?"
COUNT_UNTOLD: Final = "SELECT count(*) FROM tombstone WHERE NOT is_told"
TRIM_TOMBSTONES: Final = """
    DELETE FROM tombstone WHERE sequence IN (SELECT sequence FROM tombstone ORDER BY sequence DESC LIMIT -1 OFFSET ?)
    """

# A piece's bytes are of no use without the others, and are many: its letter is kept empty.
BURY: Final = """
    INSERT INTO dead_letter (sequence, epoch, kind, hash, reason, envelope)
    SELECT sequence, epoch, kind, hash, ?, CASE kind WHEN 6 THEN x'' ELSE envelope END FROM row WHERE sequence = ?
    """
COUNT_DEAD: Final = "SELECT count(*) FROM dead_letter"
TRIM_DEAD: Final = """
    DELETE FROM dead_letter
    WHERE sequence IN (SELECT sequence FROM dead_letter ORDER BY sequence DESC LIMIT -1 OFFSET ?)
    """

OWE_PICTURE: Final = "INSERT INTO picture_owed (sequence, epoch, hash) VALUES (?, ?, ?)"
PICTURE_SETTLED: Final = "DELETE FROM picture_owed WHERE sequence = ?"
PICTURES_OWED: Final = "SELECT epoch, sequence, hash FROM picture_owed ORDER BY sequence"
