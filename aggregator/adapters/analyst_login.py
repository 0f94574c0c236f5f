"""An analyst's own login, and a statement of his run under it.

1. It is a login of its own, never the service's connection under another role: that one could put its role back.
2. The embedded PostgreSQL lets the owner of its folder in as any analyst's role, with no password. At a server the
   analyst logs in as he does from anywhere: a DSN or a service of libpq's, the password from its file or environment.
3. A login that is the service's own, or a superuser's, is refused: the views would show it nothing, the tables all.
4. One statement, in a READ ONLY transaction, so many rows. What the database says of it is shown: it is his own.
5. On the embedded PostgreSQL each statement is audited, by its hash: its text may name a plate. A server has a log.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import AWAY, Connection, Pool, opened, unwell
from aggregator.errors import BadInput, NotAllowed, TooLong
from aggregator.settings import Settings

_TIMEOUT_S: Final = 15.0
_IS_SERVICE: Final = """
SELECT rolsuper OR pg_has_role(current_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'ask'), 'MEMBER')
FROM pg_roles WHERE rolname = current_user
"""
Row = dict[str, Any]  # of any statement


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in: a role of the embedded PostgreSQL, or whoever a DSN says; neither: as libpq's environment says."""

    role: str | None
    dsn: str | None


@asynccontextmanager
async def as_analyst(settings: Settings | None, login: Login, *, sql: str, actor: str) -> AsyncIterator[Connection]:
    """A connection of the analyst's own, for a statement; raises `BadInput`, `NotAllowed`, `DatabaseUnwell`."""
    async with AsyncExitStack() as stack:
        dsn = login.dsn
        if dsn is not None and urlsplit(dsn).password:
            raise BadInput("--dsn carries a password, and others see it: put it into ~/.pgpass, or a service file")
        if dsn is None and settings is not None and settings.database.dsn is None:
            database = await stack.enter_async_context(opened(settings.database, role=settings.role))
            dsn = database.access.dsn
            if login.role is None:
                raise BadInput("say whose role it is, with --role; `aggregator analyst list` names them")
            await _audited(database.pool, f"role:{login.role} sha256:{sha256(sql.encode()).hexdigest()}", actor)
        elif dsn is None and settings is not None:
            raise BadInput(
                "the database is a server's: say your own login with --dsn, such as postgresql:///?service=me"
            )
        connection = await _connected(dsn, login.role)
        stack.push_async_callback(connection.close)
        if await connection.fetchval(_IS_SERVICE):
            raise NotAllowed(
                "this is a login of the service, not of an analyst: make one with `aggregator analyst add`"
            )
        yield connection


async def run_sql(connection: Connection, sql: str, limit: int) -> tuple[list[str], list[Row]]:
    """A statement's columns and its first rows; raises `BadInput` with what the database says, and `TooLong`."""
    try:
        async with connection.transaction(readonly=True):
            statement = await connection.prepare(sql)
            names = [attribute.name for attribute in statement.get_attributes()]
            rows = await (await statement.cursor()).fetch(limit) if names else await statement.fetch()
    except asyncpg.QueryCanceledError:
        raise TooLong("it took longer than the role may: ask for less time, or for sums") from None
    except AWAY as exc:
        raise unwell(exc) from None
    except asyncpg.PostgresError as exc:
        raise BadInput(f"the database says: {exc.args[0]}") from None
    return names, [{str(n): _plain(value) for n, value in enumerate(row.values())} for row in rows]


async def _audited(pool: Pool, subject: str, actor: str) -> None:
    try:
        async with pool.acquire() as connection, connection.transaction():
            await audit(connection, actor=actor, action="sql.query", subject=subject, reason=NO_PLATES)
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise unwell(exc) from None


async def _connected(dsn: str | None, role: str | None) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        return await asyncpg.connect(dsn, user=role, timeout=_TIMEOUT_S)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError) as exc:
        raise NotAllowed(f"the database does not let {role or 'you'} in ({type(exc).__name__})") from None
    except (*AWAY, asyncpg.PostgresError, ValueError) as exc:
        raise unwell(exc) from None


def _plain(value: object) -> Any:  # what JSON and a table can hold
    match value:
        case None | bool() | int() | float() | str() | datetime() | date():
            return value
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)
