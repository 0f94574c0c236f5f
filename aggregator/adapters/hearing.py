"""LISTEN: told at once when the database says that something changed, and woken now and then anyhow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, Access
from aggregator.errors import DatabaseUnwell

_REREAD_S: Final = 30.0
_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Hearing:
    """Channels that are listened to, for as long as their connection lasts."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False

    async def wait(self, most_s: float) -> None:
        """Wait for news, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self.news.wait()
        self.news.clear()

    def lose(self) -> None:
        """The connection has ended."""
        self.is_lost = True
        self.news.set()


@asynccontextmanager
async def hearing(access: Access, *channels: str) -> AsyncIterator[Hearing]:
    """Listen on a connection of its own; raises `DatabaseUnwell` if there is none to be had."""
    connection, heard = await access.connect(), Hearing()
    try:
        connection.add_termination_listener(lambda *_: heard.lose())
        for channel in channels:
            await connection.add_listener(channel, lambda *_: heard.news.set())
        yield heard
    finally:
        await connection.close()


async def stay_abreast(access: Access, channel: str, read: Callable[[], Awaitable[None]]) -> None:
    """Have something read now, whenever the channel tells, and once in a while, until cancelled.

    A lost connection is made again, and then it is read again.
    """
    while True:
        with suppress(*AWAY, asyncpg.PostgresError, DatabaseUnwell):
            async with hearing(access, channel) as heard:
                while not heard.is_lost:
                    await read()
                    await heard.wait(_REREAD_S)
        log.warning("listener_lost", channel=channel, retry_s=_RETRY_S)
        await asyncio.sleep(_RETRY_S)
