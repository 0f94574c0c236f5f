"""What there is to copy in a database, and how a table is read so that it means the same on another server.

Numbers of transactions (`xid8`) mean nothing elsewhere, and a new server's begin low: a chain auditor that remembered
the old ones would wait for years. So they are copied as what they are there for: 0 for what the auditor has read, 1, 2,
3, ... for the transactions that it has not, in their order, and 1 for how far it has read. Read so again, a copy gives
the same.

Where TimescaleDB keeps the counts, they are copied as the plain tables that they are elsewhere: a backup made there is
restored anywhere, and on a server with the extension the service turns it on again.
"""

from dataclasses import dataclass

import asyncpg

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import Partition, Sequence, Step, load_order
from aggregator.errors import DatabaseUnwell, NotThere

_CURSOR = "public.chain_cursor"
_READ_UPTO = "(SELECT read_upto FROM public.chain_cursor)"
_ALL_READ = "'0'::xid8 AS {0}"
_ONE = "'1'::xid8 AS {0}"
_IN_ORDER = "(dense_rank() OVER (ORDER BY {0}))::text::xid8 AS {0}"


@dataclass(frozen=True, slots=True)
class Source:
    """A table to copy: its quoted name, its columns, the statement that reads it, how large it is."""

    name: str
    columns: tuple[str, ...]
    sql: str
    size_bytes: int

    @property
    def place(self) -> tuple[str, str]:
        """Schema and table without quotes, as asyncpg wants them. Our own names hold neither dots nor quotes."""
        schema, _, table = self.name.replace('"', "").partition(".")
        return schema, table

    @property
    def fingerprint_sql(self) -> str:
        """Counts the rows, and adds up 64 bits of the SHA-256 of each as text: the same in whatever order."""
        row = f"ROW({', '.join(self.columns)})::text"
        bits = f"('x' || encode(substring(sha256(convert_to({row}, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint"
        return f"SELECT count(*), coalesce(sum(({bits})::numeric), 0)::text FROM ({self.sql}) AS copied"  # noqa: S608


async def settle(connection: Connection) -> None:
    """Make values look the same on every server, for this transaction; rows that a policy hides are an error."""
    await connection.execute(statements("copying")["settle"])


async def sources(connection: Connection) -> tuple[Source, ...]:
    """Every table, each after those that it refers to."""
    sql = statements("copying")
    found = {row["name"]: _source(row) for row in await connection.fetch(sql["tables"])}
    references = [(row["name"], row["points_to"]) for row in await connection.fetch(sql["references"])]
    return tuple(found[name] for name in load_order(found, references))


async def fingerprint(connection: Connection, source: Source) -> tuple[int, str]:
    """How many rows, and the sum over them."""
    rows, total = await connection.fetchrow(source.fingerprint_sql) or (0, "0")
    return rows, total


async def steps(connection: Connection) -> tuple[Step, ...]:
    """The migrations that the database has; raises `NotThere`."""
    sql = statements("copying")
    if not await connection.fetchval(sql["is_migrated"]):
        raise NotThere("the database is empty: there is nothing to copy")
    return tuple(Step(row["number"], row["name"], row["sha256"]) for row in await connection.fetch(sql["steps"]))


async def sequences(connection: Connection) -> tuple[Sequence, ...]:
    """Where every sequence stands. They are ahead of the snapshot, never behind it."""
    found = []
    for row in await connection.fetch(statements("copying")["sequences"]):
        at = await connection.fetchrow(f"SELECT last_value, is_called FROM {row['name']}")  # noqa: S608  quoted by format()
        assert at is not None  # noqa: S101  a sequence has one row
        found.append(Sequence(row["name"], at["last_value"], at["is_called"]))
    return tuple(found)


async def partitions(connection: Connection) -> tuple[Partition, ...]:
    """Every partition that holds rows itself."""
    sql = statements("copying")
    found = await connection.fetch(sql["chunks" if await connection.fetchval(sql["has_chunks"]) else "partitions"])
    return tuple(Partition(row["name"], row["parent"], row["bounds"]) for row in found)


def _source(row: asyncpg.Record) -> Source:
    name, columns, moving = row["name"], tuple(row["columns"]), row["transaction_columns"]
    listed = ", ".join(columns)
    plain = f"SELECT {listed} FROM {name}"  # noqa: S608  names quoted by format()
    if not moving:
        return Source(name, columns, plain, row["size_bytes"])
    if len(moving) > 1:
        raise DatabaseUnwell(f"{name} has two columns of transactions; nobody said how they are to be copied")
    (column,) = moving
    return Source(name, columns, _translated(name, columns, column), row["size_bytes"])


def _translated(name: str, columns: tuple[str, ...], column: str) -> str:
    """The statement that reads a table with numbers of transactions as what they are there for."""
    listed = {by: _with(columns, column, by.format(column)) for by in (_ALL_READ, _ONE, _IN_ORDER)}
    if name == _CURSOR:
        return f"SELECT {listed[_ONE]} FROM {name}"  # noqa: S608  names quoted by format()
    read = f"SELECT {listed[_ALL_READ]} FROM {name} WHERE {column} < {_READ_UPTO}"  # noqa: S608
    unread = f"SELECT {listed[_IN_ORDER]} FROM {name} WHERE {column} >= {_READ_UPTO}"  # noqa: S608
    return f"{read} UNION ALL {unread}"


def _with(columns: tuple[str, ...], replaced: str, by: str) -> str:
    return ", ".join(by if column == replaced else column for column in columns)
