"""How much may be asked at once: so many queries in the database, and so many open streams.

Who comes when all turns are taken waits a moment for one, and is then told to come back. So a crowd of analysts costs
the analysts time, and never the ingest its connections: the API has a pool of its own, as large as there are turns.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from aggregator.http.api.problems import Problem

WAIT_S: Final = 5.0
_COME_BACK_S: Final = 2.0


@dataclass(slots=True)
class Turns:
    """The turns at the database. `wait_s` is how long somebody waits for his."""

    at_once: int
    wait_s: float = WAIT_S
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        """All are free."""
        self._free = asyncio.Semaphore(self.at_once)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold one; raises `Problem` if none comes free."""
        try:
            async with asyncio.timeout(self.wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Problem(
                "busy", f"{self.at_once} questions are being answered already", retry_after_s=_COME_BACK_S
            ) from None
        try:
            yield
        finally:
            self._free.release()


@dataclass(slots=True)
class Streams:
    """The places for open streams."""

    most: int
    open: int = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place; raises `Problem` if all are taken."""
        if self.open >= self.most:
            raise Problem("busy", f"{self.most} streams are open already", retry_after_s=10)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
