"""Which engine keeps the counts: TimescaleDB where the database has it, else PostgreSQL by itself.

1. TimescaleDB counts if it is installed in our database (`CREATE EXTENSION timescaledb`: a superuser's decision, since
   the server must preload it), from `OLDEST` on, in its community edition. The Apache edition has hypertables but
   neither compression nor continuous aggregates, which are what we want of it: there we stay with plain PostgreSQL, and
   say so.
2. Turning it on is a step like a migration: forward only, in one transaction, recorded in `timescale_step`, one process
   at a time. `camera_minute` and the sums keep their names and columns; the views of schema `ask` are the same.
3. There is no way back: a database that was turned and has lost the extension's community part is refused.
"""

import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

import asyncpg

from aggregator.adapters.migrations import all_migrations, migrate
from aggregator.errors import DatabaseUnwell

# The first with statement triggers that see their rows on hypertables: count_due depends on it.
OLDEST: Final = (2, 18)
_COMMUNITY: Final = "timescale"
_RECORD: Final = "timescale_step"
_LOAD: Final = """
SELECT format('SELECT %I.time_bucket(interval ''1 hour'', now())', nspname)
FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb'
"""
_WHAT_THERE_IS: Final = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS version,
       coalesce((SELECT extnamespace::regnamespace::name = ANY (current_schemas(false))
                 FROM pg_extension WHERE extname = 'timescaledb'), true) AS is_in_reach,
       current_setting('timescaledb.license', true) AS license,
       to_regclass('timescale_step') IS NOT NULL AS is_turned,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') AS is_offered
"""


@unique
class Kind(StrEnum):
    """What keeps the counts."""

    PLAIN = "plain"
    TIMESCALE = "timescale"


@dataclass(frozen=True, slots=True)
class Engine:
    """The kind, the extension's version if it is used, and why it is not if it might be."""

    kind: Kind
    version: str | None = None
    why_not: str | None = None

    @property
    def text(self) -> str:
        """The engine in a few words, for logs and health."""
        if self.kind is Kind.TIMESCALE:
            return f"TimescaleDB {self.version}"
        return f"PostgreSQL ({self.why_not})" if self.why_not else "PostgreSQL"


PLAIN: Final = Engine(Kind.PLAIN)


@dataclass(frozen=True, slots=True)
class Found:
    """What a database says of the extension."""

    version: str | None = None
    license: str | None = None
    is_in_reach: bool = True
    is_turned: bool = False
    is_offered: bool = False


def chosen(found: Found) -> Engine:
    """The engine by what was found; raises `DatabaseUnwell` where a turned database cannot be read any more."""
    problem = _problem(found)
    if problem is None:
        return Engine(Kind.TIMESCALE, found.version)
    if found.is_turned:
        raise DatabaseUnwell(f"the counts of this database are kept by TimescaleDB, but {problem}")
    return Engine(Kind.PLAIN, why_not=problem if found.version or found.is_offered else None)


def _problem(found: Found) -> str | None:
    """Why TimescaleDB cannot keep the counts."""
    if found.version is None:
        return "TimescaleDB is not installed in it: CREATE EXTENSION timescaledb, as a superuser, then start again"
    if version_of(found.version) < OLDEST:
        return f"TimescaleDB {found.version} is older than {OLDEST[0]}.{OLDEST[1]}"
    if found.license != _COMMUNITY:
        return "its TimescaleDB is the Apache edition, which neither compresses nor aggregates"
    if not found.is_in_reach:
        return "its TimescaleDB is in a schema that our search_path does not have"
    return None


def version_of(text: str) -> tuple[int, int]:
    """Major and minor number of a version such as 2.23.0-dev."""
    numbers = re.match(r"(\d+)\.(\d+)", text)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


async def turned_on(connection: "asyncpg.Connection[asyncpg.Record]") -> Engine:
    """The engine of a migrated database, TimescaleDB turned on if it is there. Raises `DatabaseUnwell`."""
    if load := await connection.fetchval(_LOAD):
        await connection.execute(load)  # from here on its settings can be seen
    engine = chosen(Found(**dict(await connection.fetchrow(_WHAT_THERE_IS) or {})))
    if engine.kind is Kind.TIMESCALE:
        await migrate(connection, all_migrations("timescale/migrations"), record=_RECORD)
    return engine
