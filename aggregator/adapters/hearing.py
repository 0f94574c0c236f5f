"""LISTEN: told at once when the database says that something changed, and woken now and then anyhow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aggregator.adapters.database import Access


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
