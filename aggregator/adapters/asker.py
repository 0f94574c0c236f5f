"""The one way to ask the store, for every door: the command line, the API, exports.

1. A question runs in a READ ONLY transaction that says which cities are asked for, and is cut off after a while.
   Nothing of it outlives the transaction. Who says no city sees none (aggregator/sql/migrations/0017_ask.sql).
2. Plates are handed out after the audit of each one is committed: who asked what, why, and which hits he was shown.
3. Errors carry no values: `DatabaseUnwell`, `TooLong`, and `BadInput` of what was asked.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from aggregator.adapters.audit_log import Deed, audit_all
from aggregator.adapters.database import AWAY, Connection, Pool, unwell
from aggregator.core.asking.compiling import Compiled, compiled, described, resource_of
from aggregator.core.asking.conditions import split
from aggregator.core.asking.question import Column, Question
from aggregator.core.asking.stretches import LOCAL_BUCKETS
from aggregator.errors import BadInput, NotThere, TooLong
from protocol.names import is_id

# Cities that are asked for; none: every one.
Cities: TypeAlias = tuple[str, ...] | None

_PATIENCE_S: Final = 30.0
_ACQUIRE_S: Final = 10.0
_BATCH: Final = 2_000
_SAY: Final = "SELECT set_config('atalaya.cities', $1, true), set_config('statement_timeout', $2, true)"
# The zone that most of the cities in question follow.
_ZONE: Final = """
SELECT time_zone FROM ask.city WHERE $1::text[] IS NULL OR city = ANY ($1)
GROUP BY time_zone ORDER BY count(*) DESC, time_zone LIMIT 1
"""
_DATABASE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks at plates, and why."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, what is in them, and where they go on, if they do."""

    columns: tuple[Column, ...]
    rows: list[asyncpg.Record]
    next: str | None


class Asker:
    """Asks; raises `BadInput`, `DatabaseUnwell`, `TooLong`."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is held between questions."""
        self._pool = pool

    @asynccontextmanager
    async def asking(self, cities: Cities, *, timeout_s: float = _PATIENCE_S) -> AsyncIterator[Connection]:
        """A connection that reads those cities through the views of `ask`, and does nothing else."""
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE_S)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(_SAY, _said(cities), str(round(timeout_s * 1_000)))
                yield connection
        except asyncpg.QueryCanceledError:
            raise TooLong(f"it took longer than {timeout_s:g} s: ask for less time, or for sums") from None
        except _DATABASE as exc:
            raise unwell(exc) from None
        finally:
            await self._pool.release(connection)

    async def ask(
        self,
        question: Question,
        cities: Cities,
        *,
        look: Look | None = None,
        time_zone: str | None = None,
        timeout_s: float = _PATIENCE_S,
    ) -> Answer:
        """One page of the answer."""
        _needs_look(question, look)
        async with self.asking(cities, timeout_s=timeout_s) as connection:
            statement = await statement_of(connection, question, time_zone)
            rows = await connection.fetch(statement.sql, *statement.parameters)
        page = rows if statement.limit is None else rows[: statement.limit]
        if look is not None:
            await self._audit(question, look, page, is_first=True)
        return Answer(statement.columns, page, statement.cursor_of(page[-1]) if len(page) < len(rows) else None)

    async def stream(
        self,
        question: Question,
        cities: Cities,
        *,
        look: Look | None = None,
        time_zone: str | None = None,
        timeout_s: float = _PATIENCE_S,
    ) -> AsyncIterator[asyncpg.Record]:
        """The whole answer up to the question's limit, in flat memory. `timeout_s` is for each fetch of many rows."""
        _needs_look(question, look)
        async with self.asking(cities, timeout_s=timeout_s) as connection:
            statement = await statement_of(connection, question, time_zone)
            rows = await connection.cursor(statement.sql, *statement.parameters)
            left, is_first = statement.limit, True
            while batch := await rows.fetch(_BATCH if left is None else min(left, _BATCH)):
                if look is not None:
                    await self._audit(question, look, batch, is_first=is_first)
                for row in batch:
                    yield row
                left, is_first = None if left is None else left - len(batch), False
                if left == 0:
                    return

    async def columns(self, question: Question) -> tuple[Column, ...]:
        """What the answer's rows will hold."""
        return compiled(question, time_zone="UTC").columns

    async def _audit(self, question: Question, look: Look, rows: Iterable[asyncpg.Record], *, is_first: bool) -> None:
        deeds = [Deed("hits.query", described(question))] if is_first else []
        await self.audit([*deeds, *(Deed("hit.show", f"hit:{row['hit']}") for row in rows)], look)

    async def check(self, cities: Cities) -> None:
        """Raise `NotThere` for a city that is not registered, with those that are."""
        async with self.asking(None) as connection:
            known = [row["city"] for row in await connection.fetch("SELECT city FROM ask.city ORDER BY city")]
        unknown = sorted(set(cities or ()) - set(known))
        if unknown:
            raise NotThere(f"no city {', '.join(unknown)}: there are {', '.join(known)}")

    async def audit(self, deeds: Iterable[Deed], look: Look) -> None:
        """Record what somebody is about to be shown; doors that show alerts do it themselves."""
        try:
            async with self._pool.acquire(timeout=_ACQUIRE_S) as connection, connection.transaction():
                await audit_all(connection, deeds, actor=look.actor, reason=look.reason)
        except (*AWAY, asyncpg.PostgresError) as exc:
            raise unwell(exc) from None


async def statement_of(connection: Connection, question: Question, time_zone: str | None) -> Compiled:
    """The statement of a question, with its buckets in the zone that most of its cities follow if none is named."""
    zone = time_zone
    if zone is None and question.bucket in LOCAL_BUCKETS:
        named = [value for name, value in question.filters if split(name) == ("city", "=")]
        zone = await connection.fetchval(_ZONE, named or None)
    return compiled(question, time_zone=zone or "UTC")


def _needs_look(question: Question, look: Look | None) -> None:
    if resource_of(question.resource).reason_needed != (look is not None):
        raise BadInput(f"{question.resource}: a reason is given for plates, and for nothing else")


def _said(cities: Cities) -> str:
    """What the connection is told. A name that could be read as more than one city is refused."""
    for city in cities or ():
        if not is_id(city):
            raise BadInput(f"{city!r} is no city's id")
    return "*" if cities is None else ",".join(cities)
