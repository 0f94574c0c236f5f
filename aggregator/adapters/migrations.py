"""The schema, step by step: numbered SQL files that only ever go forward.

1. `aggregator/sql/migrations/NNNN_name.sql` are applied in the order of their numbers, each in one transaction that
   also records its number and the SHA-256 of its text. A failed one leaves nothing behind.
2. An advisory lock lets one process migrate at a time; the others wait and find the work done.
3. A recorded migration whose file has changed since is refused: two installations must not differ in silence.
4. A database that is ahead of the code is left alone. Migrations keep old code running (columns are added, never
   renamed), so that the servers of one installation can be upgraded one after the other.

`aggregator/sql/schema.sql` shows the outcome for readers; a test holds it to the migrations. Steps for TimescaleDB lie
in a folder of their own, are recorded in a table of their own and follow the same rules (`timescale`).
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from aggregator.errors import DatabaseUnwell

LOCK = 0x617461_6C6179  # any fixed number: "atalay"
RECORD = "schema_migration"
_CREATE = """
CREATE TABLE IF NOT EXISTS {record} (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_APPLIED = "SELECT number, name, sha256 FROM {record}"
_RECORD = "INSERT INTO {record} (number, name, sha256) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One step: its number, its name, its SQL."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """The hash that is recorded beside the number."""
        return hashlib.sha256(self.sql.encode()).digest()


def all_migrations(folder: str = "migrations") -> tuple[Migration, ...]:
    """The steps of this release, in order."""
    steps = []
    for file in files("aggregator").joinpath("sql", folder).iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            steps.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    if len({step.number for step in steps}) != len(steps):
        raise DatabaseUnwell("two migrations of this release carry one number")
    return tuple(sorted(steps))


async def migrate(
    connection: "asyncpg.Connection[asyncpg.Record]",
    steps: tuple[Migration, ...] | None = None,
    *,
    record: str = RECORD,
) -> tuple[Migration, ...]:
    """Bring a database to this release's schema; what was applied. Raises `DatabaseUnwell`."""
    wanted = all_migrations() if steps is None else steps
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(_CREATE.format(record=record))
        missing = _missing(wanted, await connection.fetch(_APPLIED.format(record=record)))
        for step in missing:
            await _apply(connection, step, record)
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


def _missing(wanted: tuple[Migration, ...], applied: list[asyncpg.Record]) -> tuple[Migration, ...]:
    recorded = {row["number"]: row["sha256"] for row in applied}
    for step in wanted:
        if recorded.get(step.number, step.sha256) != step.sha256:
            raise DatabaseUnwell(
                f"migration {step.number:04d}_{step.name} is not what this database was made with; "
                "install the release that the database belongs to, or restore it into an empty one"
            )
    return tuple(step for step in wanted if step.number not in recorded)


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", step: Migration, record: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(_RECORD.format(record=record), step.number, step.name, step.sha256)
    except asyncpg.PostgresError as exc:
        raise DatabaseUnwell(f"migration {step.number:04d}_{step.name} failed: {exc.args[0]}") from exc
