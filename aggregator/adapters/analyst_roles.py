"""Analysts' roles: made, listed and removed, each audited in its own transaction.

A role may log in, use the schema `ask`, and nothing else: it owns nothing, has no grant on a table, makes not even
temporary ones, reads only by default and is cut off after a minute. Which cities it sees stands in `city_reader`. The
grants are the group's, so that a role can be dropped at once.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import AWAY, Pool, unwell
from aggregator.adapters.embedded_postgres import ANALYSTS
from aggregator.adapters.statements import statements
from aggregator.core.analysts import role_name
from aggregator.errors import AlreadyThere, BadInput, NotAllowed, NotThere

_GROUP: Final = f"""
DO $$ BEGIN CREATE ROLE {ANALYSTS} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE ON SCHEMA ask TO {ANALYSTS};
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
"""
_MAKE: Final = """
CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10 {password}
    IN ROLE {group};
ALTER ROLE {name} SET default_transaction_read_only = on;
ALTER ROLE {name} SET statement_timeout = '60s';
ALTER ROLE {name} SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE {name} SET timezone = 'UTC';
"""


@dataclass(frozen=True, slots=True)
class Analyst:
    """A role and what it may read."""

    name: str
    cities: tuple[str, ...]
    can_login: bool


class AnalystRoles:
    """The roles of one database; raises `DatabaseUnwell`, and `NotAllowed` where the service may make no roles."""

    def __init__(self, pool: Pool, *, actor: str) -> None:
        """Nothing is held between calls. `actor`: who does it, for the audit."""
        self._pool = pool
        self._actor = actor
        self._sql = statements("analysts")

    async def add(self, name: str, cities: tuple[str, ...], *, verifier: str | None, reason: str) -> Analyst:
        """Make a role that sees some cities; its password by its verifier, or none: the server knows it otherwise."""
        role, wanted = role_name(name), tuple(sorted(set(cities)))
        if not wanted:
            raise BadInput("say which city the analyst may read, with --city")
        password = f"PASSWORD '{verifier}'" if verifier else "PASSWORD NULL"
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                if await connection.fetchval(self._sql["is_there"], role):
                    raise AlreadyThere(
                        f"there is a role {role} in this PostgreSQL; remove it first, or take another name"
                    )
                unknown = await connection.fetch(self._sql["unknown_cities"], wanted)
                if unknown:
                    raise NotThere(
                        f"no city {', '.join(row['city'] for row in unknown)}; `aggregator city list` has all"
                    )
                await connection.execute(_GROUP)
                await connection.execute(_MAKE.format(name=role, password=password, group=ANALYSTS))
                await connection.execute(self._sql["forget"], role)  # what a restore brought of another server's role
                await connection.execute(self._sql["may_read"], role, wanted)
                subject = f"role:{role} cities:{','.join(wanted)}"
                await audit(connection, actor=self._actor, action="analyst.add", subject=subject, reason=reason)
        except asyncpg.InsufficientPrivilegeError:
            raise NotAllowed("the service's own role may make no roles here: give it CREATEROLE") from None
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None
        return Analyst(role, wanted, can_login=True)

    async def list(self) -> list[Analyst]:
        """All analysts' roles."""
        try:
            found = await self._pool.fetch(self._sql["list"], ANALYSTS)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None
        return [Analyst(row["analyst"], tuple(row["cities"]), row["can_login"]) for row in found]

    async def remove(self, name: str, *, reason: str) -> None:
        """Drop a role. Sessions of it that are open see nothing from then on."""
        role = role_name(name)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval(self._sql["is_analyst"], ANALYSTS, role):
                    raise NotThere(f"no analyst {role}; `aggregator analyst list` has all")
                await connection.execute(self._sql["forget"], role)
                await connection.execute(f"DROP ROLE {role}")
                subject = f"role:{role}"
                await audit(connection, actor=self._actor, action="analyst.remove", subject=subject, reason=reason)
        except asyncpg.DependentObjectsStillExistError:
            raise NotAllowed(f"{role} owns something in this PostgreSQL, or reads another database of it") from None
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None
