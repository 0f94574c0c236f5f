"""An empty database filled with rows that were copied elsewhere: all of them, or none.

Everything happens in one transaction under the lock that migrations take, so that a service which is started meanwhile
waits, and a restore that ends half way leaves the database as empty as it was:

1. The database is empty: no table, no view of anybody's. Its schema is made by our own migrations, by exactly those
   that the copy names.
2. Our triggers are off while rows come in: what they note (alerts that are due, webhooks to be told) was noted when it
   happened, and comes along as rows. Foreign keys are not off; tables come in an order that satisfies them. That needs
   no more than owning the tables, which a managed server grants.
3. Numbers go on where they were, or a leap further. Rows and fingerprint of each table are held to the copy's.
4. After the commit, migrations that are newer than the copy run as on any other database.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from aggregator.adapters.database import Access, Connection, unwell
from aggregator.adapters.database_tables import Source, fingerprint, settle, sources
from aggregator.adapters.migrations import LOCK, all_migrations, migrate
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import Manifest, Partition, Sequence, Step, Table, wanted_steps
from aggregator.errors import AlreadyThere, BadBackup, BadInput

OLDEST_SERVER: Final = 150_000
_Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Rows: TypeAlias = Callable[[Source], AbstractAsyncContextManager[AsyncIterator[bytes]]]
_NAME = r'[a-z_0-9]+|"[^"]+"'
_PARTITION: Final = re.compile(rf"({_NAME})\.({_NAME})")
_BOUNDS: Final = re.compile(r"DEFAULT|FOR VALUES FROM \((MINVALUE|'[0-9:.+ -]+')\) TO \((MAXVALUE|'[0-9:.+ -]+')\)")


@dataclass(frozen=True, slots=True)
class Copy:
    """What is loaded: a manifest, the bytes of each table, and what is written beside them in the end.

    Where the copy is made while it is loaded, the first manifest knows tables only, and `settled` the rest.
    """

    manifest: Manifest
    rows: Rows
    leap: int = 0
    settled: Callable[[], Awaitable[Manifest]] | None = None
    note: Callable[[Connection], Awaitable[None]] | None = None


async def fill(access: Access, copy: Copy) -> None:
    """Fill an empty database, and bring it to this release; raises `AlreadyThere`, `BadBackup` or `DatabaseUnwell`."""
    connection = await access.connect()
    try:
        await require_empty(connection)
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await require_empty(connection)  # whoever held the lock may have made the schema
        async with connection.transaction():
            await _load(connection, copy)
        await migrate(connection)
        await connection.execute("ANALYZE")
    except asyncpg.PostgresError as exc:
        raise unwell(exc) from None  # its text may hold a row
    finally:
        await connection.close()


async def require_empty(connection: _Raw) -> None:
    """Raise unless a database is one that may be filled: new enough, of UTF-8, without a table."""
    sql = statements("copying")
    server = await connection.fetchrow(sql["server"])
    if server is None or server["number"] < OLDEST_SERVER:
        raise BadInput("the server is older than PostgreSQL 15")
    if server["encoding"] != "UTF8":
        raise BadInput(f"the database's encoding is {server['encoding']}; make one with ENCODING 'UTF8'")
    if await connection.fetchval(sql["relations"]):
        raise AlreadyThere(
            "the database is not empty, and nothing is restored over anything; name an empty one in database.dsn "
            "(of the embedded server: a data_dir that is not there yet)"
        )


def steps_here() -> tuple[Step, ...]:
    """The migrations of this release, as a manifest names them."""
    return tuple(Step(step.number, step.name, step.sha256.hex()) for step in all_migrations())


async def _load(connection: _Raw, copy: Copy) -> None:
    await _make_schema(connection, copy.manifest)
    await settle(connection)
    targets = {source.name: source for source in await sources(connection)}
    triggered = [row["name"] for row in await connection.fetch(statements("copying")["with_triggers"])]
    await _toggle_triggers(connection, triggered, "DISABLE")
    for table in copy.manifest.tables:
        await _load_table(connection, _target(targets, table), copy.rows)
    await _toggle_triggers(connection, triggered, "ENABLE")
    made = copy.manifest if copy.settled is None else await copy.settled()
    for table in made.tables:
        await _hold_to(connection, _target(targets, table), table)
    await _set_sequences(connection, made.sequences, copy.leap)
    if copy.note is not None:
        await copy.note(connection)


async def _make_schema(connection: _Raw, manifest: Manifest) -> None:
    """Exactly the copy's migrations, and the partitions that it had."""
    numbers = wanted_steps(manifest, steps_here())
    await migrate(connection, tuple(step for step in all_migrations() if step.number in numbers))
    there = {row["name"] for row in await connection.fetch(statements("copying")["partitions"])}
    for partition in manifest.partitions:
        if partition.name not in there:
            await connection.execute(_partition_sql(partition))


def _partition_sql(partition: Partition) -> str:
    """Only names and times: the text comes out of a file."""
    names = (partition.name, partition.parent)
    if not all(_PARTITION.fullmatch(name) for name in names) or not _BOUNDS.fullmatch(partition.bounds):
        raise BadBackup(f"partition {partition.name} is not one that a backup of ours names")
    return f"CREATE TABLE {partition.name} PARTITION OF {partition.parent} {partition.bounds}"


def _target(targets: dict[str, Source], table: Table) -> Source:
    target = targets.get(table.name)
    if target is None or target.columns != table.columns:
        raise BadBackup(f"table {table.name} is not as the backup's migrations make it")
    return target


async def _load_table(connection: _Raw, target: Source, rows: Rows) -> None:
    schema, name = target.place
    columns = [column.replace('"', "") for column in target.columns]
    await connection.execute(f"DELETE FROM {target.name}")  # noqa: S608  what migrations put there, triggers off
    async with rows(target) as source:
        await connection.copy_to_table(name, schema_name=schema, columns=columns, source=source, format="binary")


async def _toggle_triggers(connection: _Raw, tables: list[str], what: str) -> None:
    for name in tables:
        await connection.execute(f"ALTER TABLE {name} {what} TRIGGER USER")


async def _set_sequences(connection: _Raw, found: tuple[Sequence, ...], leap: int) -> None:
    for each in found:
        last = each.last_value + leap if each.is_called else each.last_value
        await connection.execute("SELECT setval($1::text::regclass, $2, $3)", each.name, last, each.is_called)


async def _hold_to(connection: _Raw, source: Source, table: Table) -> None:
    rows, total = await fingerprint(connection, source)
    if rows != table.rows:
        raise BadBackup(f"table {table.name}: {rows:,} rows arrived of {table.rows:,}; nothing was kept")
    if total != table.fingerprint:
        raise BadBackup(f"table {table.name}: its rows are not those of the backup; nothing was kept")
