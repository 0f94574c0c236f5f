"""The way to the database: a server of one's own by DSN, else the embedded one; always at this release's schema.

    async with opened(settings.database, role=settings.role) as database:
        async with database.pool.acquire() as connection: ...

asyncpg's errors carry the values that offended, plates among them, in their text. `unwell` wraps them by class and
SQLSTATE only; nobody else may log or print one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from aggregator.adapters.embedded_postgres import MAINTENANCE_DATABASE, EmbeddedPostgres
from aggregator.adapters.migrations import migrate
from aggregator.adapters.timescale import PLAIN, Engine, turned_on
from aggregator.errors import BadSettings, DatabaseUnwell
from aggregator.settings import Database as DatabaseSettings

NAME: Final = "atalaya"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_CONNECT_TIMEOUT_S: Final = 15.0
_COMMAND_TIMEOUT_S: Final = 300.0
# What asyncpg raises when the server is away, starting or going down: worth another try as it is.
AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    # The connection died while a statement was being sent; and of several servers none takes writes yet (a failover).
    asyncpg.InternalClientError,
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the database is and how to be let in."""

    dsn: str
    password: str | None = None

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection outside the pool, for LISTEN and for migrations; raises `DatabaseUnwell`."""
        try:
            return await asyncpg.connect(self.dsn, password=self.password, timeout=_CONNECT_TIMEOUT_S)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None  # asyncpg's own text may carry values


@dataclass(frozen=True, slots=True)
class Database:
    """A pool onto a migrated database, the way to it, the server itself if it is the embedded one, and its engine."""

    pool: Pool
    access: Access
    embedded: EmbeddedPostgres | None = None
    engine: Engine = PLAIN


@asynccontextmanager
async def opened(settings: DatabaseSettings, *, role: str = "city", is_demo: bool = False) -> AsyncIterator[Database]:
    """The installation's database, migrated; raises `DatabaseUnwell` or `BadSettings`."""
    async with AsyncExitStack() as stack:
        access, embedded = await stack.enter_async_context(reached(settings, role=role, is_demo=is_demo))
        engine = await _migrated(access)
        pool = await stack.enter_async_context(pooled(access, settings.pool_connections))
        yield Database(pool, access, embedded, engine)


@asynccontextmanager
async def reached(
    settings: DatabaseSettings, *, role: str = "city", is_demo: bool = False
) -> AsyncIterator[tuple[Access, EmbeddedPostgres | None]]:
    """The way to the database as it is, for backups: not migrated. Raises `DatabaseUnwell` or `BadSettings`."""
    if settings.dsn is not None:
        yield Access(settings.dsn, _password(settings)), None
        return
    if role == "region" and not is_demo:
        raise BadSettings("a region needs a PostgreSQL server of its own: set database.dsn")
    async with AsyncExitStack() as stack:
        embedded = EmbeddedPostgres(settings.data_dir)
        await asyncio.to_thread(embedded.__enter__)
        stack.push_async_callback(asyncio.to_thread, embedded.__exit__, None, None, None)
        await _create_database(embedded)
        yield Access(embedded.dsn(NAME)), embedded


@asynccontextmanager
async def pooled(access: Access, connections: int) -> AsyncIterator[Pool]:
    """A pool of connections; those still busy at the end are cut after a moment."""
    pool = await asyncpg.create_pool(
        access.dsn,
        password=access.password,
        min_size=1,
        max_size=connections,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=_COMMAND_TIMEOUT_S,
    )
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), timeout=5)
        except TimeoutError:
            pool.terminate()


def unwell(exc: Exception) -> DatabaseUnwell:
    """An error of the database without the values it carries. Raise it `from None`."""
    state = getattr(exc, "sqlstate", None)
    return DatabaseUnwell(f"the database said {type(exc).__name__}" + (f" (SQLSTATE {state})" if state else ""))


async def _migrated(access: Access) -> Engine:
    connection = await access.connect()
    try:
        await migrate(connection)
        return await turned_on(connection)
    finally:
        await connection.close()


async def _create_database(embedded: EmbeddedPostgres) -> None:
    connection = await Access(embedded.dsn(MAINTENANCE_DATABASE)).connect()
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", NAME):
            await connection.execute(f"CREATE DATABASE {NAME}")
    except asyncpg.DuplicateDatabaseError:
        pass  # another process made it in between
    finally:
        await connection.close()


def _password(settings: DatabaseSettings) -> str | None:
    if settings.password_file is None:
        return None
    try:
        return settings.password_file.read_text(encoding="utf-8").rstrip("\n")
    except OSError as exc:
        raise BadSettings(f"database.password_file cannot be read: {exc}") from exc
