"""A move: one database into another server's, table by table, without a file between them.

The first is read in one snapshot, the second is filled in one transaction and held to what the first said. The first
stays as it is. Nobody else may be connected to it: what a running service stored after the snapshot would be lost.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from aggregator.adapters import database_tables as tables
from aggregator.adapters.database import Access, unwell
from aggregator.adapters.database_backup import Order, Tell, announced, described, settled
from aggregator.adapters.database_loading import Copy, fill
from aggregator.adapters.database_tables import Source
from aggregator.adapters.migrations import LOCK
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import Manifest, Table
from aggregator.errors import Overtaken

MOVE: Final = "database.move"
LEAVING_S: Final = 5.0
"""How long those who have just hung up may take to be gone: the server ends their processes in its own time."""
_END: Final = b""
_LOOK_AGAIN_S: Final = 0.05
_WAITING: Final = 16  # pieces of COPY between the two servers
_Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def move(origin: Access, target: Access, order: Order, tell: Tell) -> Manifest:
    """Copy a database into an empty one; what was moved. Raises `Overtaken`, `AlreadyThere` or `DatabaseUnwell`."""
    connection = await origin.connect()
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)  # whoever starts now waits, as for a migration
        await require_alone(connection)
        manifest = await announced(connection, order, MOVE)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await tables.settle(connection)
            copying = _Copying(connection, await described(connection, manifest), tell)
            await fill(target, Copy(copying.manifest, copying.rows, settled=copying.settled))
    except asyncpg.PostgresError as exc:
        raise unwell(exc) from None  # its text may hold a row
    finally:
        await connection.close()
    return copying.manifest


async def require_alone(connection: _Raw) -> None:
    """Raise `Overtaken` if anybody else stays connected."""
    deadline = asyncio.get_running_loop().time() + LEAVING_S
    while others := await connection.fetchval(statements("copying")["others_connected"]):
        if asyncio.get_running_loop().time() >= deadline:
            raise Overtaken(
                f"{others} others are connected to the database; stop the service and whoever reads it, then move again"
            )
        await asyncio.sleep(_LOOK_AGAIN_S)


class _Copying:
    """The first database, as it is read."""

    def __init__(self, connection: _Raw, manifest: Manifest, tell: Tell) -> None:
        self._connection, self.manifest, self._tell = connection, manifest, tell

    @asynccontextmanager
    async def rows(self, target: Source) -> AsyncIterator[AsyncIterator[bytes]]:
        """A table's bytes, as the first server sends them."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(target, waiting), name=f"copy {target.name}")
                yield _until_empty(waiting)
        except BaseExceptionGroup as found:  # of one task: callers tell its error, or a cancel, by its own type
            raise found.exceptions[0] from None

    async def settled(self) -> Manifest:
        """Rows, fingerprints and sequences of the snapshot."""
        copied = []
        for source in await tables.sources(self._connection):
            rows, total = await tables.fingerprint(self._connection, source)
            copied.append(Table(source.name, source.columns, rows, total))
        self.manifest = await settled(self._connection, self.manifest, copied)
        return self.manifest

    async def _send(self, source: Source, waiting: "asyncio.Queue[bytes]") -> None:
        async def put(data: bytes) -> None:
            self._tell(source.name, len(data))
            await waiting.put(data)

        await self._connection.copy_from_query(source.sql, output=put, format="binary")
        await waiting.put(_END)


async def _until_empty(waiting: "asyncio.Queue[bytes]") -> AsyncIterator[bytes]:
    while (data := await waiting.get()) != _END:
        yield data
