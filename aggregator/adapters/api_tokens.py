"""Tokens of the HTTP API in the database: made, listed and revoked by administrators, looked up by the API.

Every call asks the database, and nothing is kept between two of them: a token that is revoked opens nothing from the
commit on. When one was last used is kept to the minute.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Found
from aggregator.adapters.statements import statements
from aggregator.core.api_tokens import SECRET_BYTES, Scope, Token, checked_name, digest_of, token_text
from aggregator.errors import AlreadyThere, NotThere

_USED_EVERY: Final = timedelta(minutes=1)


class TokenDesk:
    """All that is done with tokens. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between calls."""
        self._pool = pool
        self._sql = statements("api")

    async def add(
        self, name: str, scopes: Iterable[Scope], cities: tuple[str, ...] | None, *, expires_at: datetime, actor: str,
        reason: str, now: datetime,
    ) -> str:  # fmt: skip
        """Make one; its text, which nobody can show again. Raises `AlreadyThere`, `NotThere` or `BadInput`."""
        text = token_text(secrets.token_bytes(SECRET_BYTES))
        wanted = sorted(set(scopes))
        async with transaction(self._pool) as connection:
            unknown = await connection.fetchval(self._sql["unknown_cities"], list(cities or ()))
            if unknown is not None:
                raise NotThere(f"{unknown} is not registered; see: aggregator city list")
            row = (checked_name(name), digest_of(text), wanted, cities, actor, now, expires_at)
            if await connection.fetchval(self._sql["add_token"], *row) is None:
                raise AlreadyThere(f"there is a token {name}, or was: take another name, the audit names tokens by it")
            where = "every city" if cities is None else ", ".join(cities)
            said = f"{reason}; {', '.join(wanted)} of {where} until {expires_at:%Y-%m-%d}"
            await audit(connection, actor=actor, action="token.add", subject=f"token:{name}", reason=said)
        return text

    async def revoke(self, name: str, *, actor: str, reason: str, now: datetime) -> None:
        """Let it open nothing more; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            if await connection.fetchval(self._sql["revoke_token"], name, now, actor) is None:
                raise NotThere(f"there is no token {name} that could be revoked; see: aggregator token list")
            await audit(connection, actor=actor, action="token.revoke", subject=f"token:{name}", reason=reason)

    async def listed(self) -> Found:
        """Every token there ever was."""
        async with transaction(self._pool) as connection:
            return await connection.fetch(self._sql["tokens"])

    async def of_text(self, text: str, *, now: datetime) -> Token | None:
        """The token of a text, noted as used now."""
        digest = digest_of(text)
        if digest is None:
            return None
        async with transaction(self._pool) as connection:
            row = await connection.fetchrow(self._sql["token_by_hash"], digest)
            if row is None:
                return None
            if row["last_used_at"] is None or row["last_used_at"] < now - _USED_EVERY:
                await connection.execute(self._sql["token_used"], row["token"], now)
        return _token_of(row)

    async def named(self, name: str) -> Token | None:
        """A token as it is now."""
        async with transaction(self._pool) as connection:
            row = await connection.fetchrow(self._sql["token_by_name"], name)
        return None if row is None else _token_of(row)


def _token_of(row: asyncpg.Record) -> Token:
    cities = None if row["cities"] is None else tuple(row["cities"])
    scopes = frozenset(map(Scope, row["scopes"]))
    return Token(row["token"], scopes, cities, row["expires_at"], row["revoked_at"] is not None)
