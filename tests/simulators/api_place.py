"""The HTTP API over a test's database, on a free port of loopback, and an analyst who asks it.

async with serving(settings, access) as place:
    ana = await place.analyst("ana", "counts", cities=("saltillo",))
    answer = await ana.get("counts", bucket="hour")
    answer.status, answer.rows
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.picture_store import pictures_of
from aggregator.core.api_tokens import Scope
from aggregator.http.api.problems import ApiTally
from aggregator.service.api import open_api
from aggregator.settings import Api, Settings
from tests.simulators.broker import free_port

# What an answer says is JSON of any resource.
Told = Any
EVERYTHING = tuple(Scope)


def with_api(settings: Settings, **changes: object) -> Settings:
    """Settings with the API on a free port, plain."""
    own = msgspec.structs.replace(Api(enabled=True, is_plain=True, port=free_port()), **changes)
    return msgspec.structs.replace(settings, api=own)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Told:
        """Its JSON."""
        return msgspec.json.decode(self.body)

    @property
    def rows(self) -> list[dict[str, Told]]:
        """Its rows."""
        assert self.status == 200, self.body
        rows: list[dict[str, Told]] = self.told["rows"]
        return rows

    @property
    def problem(self) -> str:
        """The word of its problem, once its form has been looked at."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.headers
        told = self.told
        assert told["status"] == self.status
        assert all(isinstance(told[name], str) and told[name] for name in ("type", "title", "detail", "remedy"))
        return str(told["type"]).rpartition("#")[2]


@dataclass(frozen=True, slots=True)
class Analyst:
    """Somebody with a token, or with none."""

    session: aiohttp.ClientSession
    token: str | None

    async def get(self, path: str, headers: Mapping[str, str] | None = None, /, **query: str) -> Answered:
        """What a path of the API answers."""
        return await self.ask("GET", f"/api/v1/{path}", headers=headers, query=query)

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None, data: bytes | None = None,
    ) -> Answered:  # fmt: skip
        """What the server answers."""
        sent = {**self.headers, **(headers or {})}
        async with self.session.request(method, path, params=query, headers=sent, data=data) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}


@dataclass
class ApiPlace:
    """A served API."""

    settings: Settings
    pool: Pool
    session: aiohttp.ClientSession
    tally: ApiTally

    async def analyst(
        self, name: str, *scopes: str, cities: tuple[str, ...] | None = ("saltillo",),
        valid: timedelta = timedelta(hours=1),
    ) -> Analyst:  # fmt: skip
        """Somebody with a new token; of all scopes if none is named."""
        now, wanted = datetime.now(UTC), map(Scope, scopes or EVERYTHING)
        token = await TokenDesk(self.pool).add(
            name, wanted, cities, expires_at=now + valid, actor="os:ana", reason="a test", now=now
        )
        return Analyst(self.session, token)

    @property
    def stranger(self) -> Analyst:
        """Somebody without a token."""
        return Analyst(self.session, None)

    async def audited(self) -> list[tuple[str, str, str, str]]:
        """What the audit has, but for the making of tokens: who, what, of what, why."""
        rows = await self.pool.fetch("SELECT * FROM audit WHERE action NOT LIKE 'token.%' ORDER BY number")
        return [(row["actor"], row["action"], row["subject"], row["reason"]) for row in rows]


@asynccontextmanager
async def serving(settings: Settings, access: Access) -> AsyncIterator[ApiPlace]:
    """The API, on the port that the settings say."""
    async with AsyncExitStack() as stack:
        port = await open_api(stack, settings, access, pictures_of(settings))
        assert port is not None
        pool = await stack.enter_async_context(pooled(access, 4))
        base = f"http://{settings.api.host}:{settings.api.port}"
        session = await stack.enter_async_context(aiohttp.ClientSession(base))
        listening = asyncio.create_task(port.run(), name="api-live")
        try:
            yield ApiPlace(settings, pool, session, port.tally)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
