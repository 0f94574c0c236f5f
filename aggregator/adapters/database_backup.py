"""A backup: every table of one moment, read while the service goes on, into one archive.

One transaction that only reads (REPEATABLE READ) sees the database as it was at one moment, whatever is stored
meanwhile; nobody waits for it. Each table goes out by COPY in PostgreSQL's binary form, which every server from 15 on
reads, so that no `pg_dump` of the right version is needed. The database is not migrated for it: a backup before an
upgrade is one of what there is.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import asyncpg
import msgspec

from aggregator.adapters import audit_log, database_pictures
from aggregator.adapters import database_tables as tables
from aggregator.adapters.database import Access, unwell
from aggregator.adapters.database_archive import ArchiveWriter, PartWriter
from aggregator.adapters.database_pictures import Taking
from aggregator.adapters.database_tables import Source
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import Manifest, Table

_Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Tell: TypeAlias = Callable[[str, int], None]
BACKUP = "database.backup"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: by whom and why, whose database it is, with what it is made."""

    actor: str
    reason: str
    city: str
    release: str
    made_at: datetime


async def back_up(access: Access, archive: ArchiveWriter, order: Order, taking: Taking, tell: Tell) -> Manifest:
    """Write a database into an archive; what it came to. Raises `NotThere` or `DatabaseUnwell`.

    `tell` hears of each table's (or the pictures') bytes as they go out.
    """
    connection = await access.connect()
    try:
        manifest = await announced(connection, order, BACKUP)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await tables.settle(connection)
            manifest = await described(connection, manifest)
            copied = [await _copy(connection, archive, each, tell) for each in await tables.sources(connection)]
            manifest = await settled(connection, manifest, copied)
            pictures = await database_pictures.take(connection, archive, taking, tell)
        manifest = msgspec.structs.replace(manifest, pictures=pictures)
        archive.finish(manifest)
    except asyncpg.PostgresError as exc:
        raise unwell(exc) from None  # its text may hold a row
    finally:
        await connection.close()
    return manifest


async def announced(connection: _Raw, order: Order, deed: str) -> Manifest:
    """An empty manifest with its name, after the audit has it that all plates were copied; raises `NotThere`."""
    server, backup_id = await connection.fetchrow(statements("copying")["server"]), secrets.token_hex(8)
    assert server is not None  # noqa: S101  a server has one version
    steps = await tables.steps(connection)
    async with connection.transaction():
        await audit_log.audit(
            connection, actor=order.actor, action=deed, subject=f"backup:{backup_id}", reason=order.reason
        )
    return Manifest(
        backup_id=backup_id, made_at=order.made_at, release=order.release, city=order.city, server=server["version"],
        steps=steps, tables=(), sequences=(), partitions=(), readers=(),
    )  # fmt: skip


async def described(connection: _Raw, manifest: Manifest) -> Manifest:
    """The manifest with the schema of the snapshot: tables without their rows."""
    listed = [Table(each.name, each.columns, 0, "0") for each in await tables.sources(connection)]
    return msgspec.structs.replace(
        manifest,
        steps=await tables.steps(connection),
        tables=tuple(listed),
        partitions=await tables.partitions(connection),
        readers=tuple(row["role_name"] for row in await connection.fetch(statements("copying")["readers"])),
    )


async def settled(connection: _Raw, manifest: Manifest, copied: list[Table]) -> Manifest:
    """The manifest with rows, fingerprints and sequences."""
    return msgspec.structs.replace(manifest, tables=tuple(copied), sequences=await tables.sequences(connection))


async def _copy(connection: _Raw, archive: ArchiveWriter, source: Source, tell: Tell) -> Table:
    schema, name = source.place
    parts = PartWriter(archive, f"tables/{schema}.{name}/{{}}.copy")

    async def take(data: bytes) -> None:
        parts.put(data)
        tell(source.name, len(data))

    await connection.copy_from_query(source.sql, output=take, format="binary")
    rows, total = await tables.fingerprint(connection, source)
    return Table(source.name, source.columns, rows, total, parts.finish())
