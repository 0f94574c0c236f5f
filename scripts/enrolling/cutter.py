"""A line to the enrolment port that is cut in the middle, again and again, then holds.

Every connection through it may carry so many bytes, both ways together, before it is cut without a word; the list of
allowances is used up in order, and what comes after it passes whole. Connections keep the address that they came from.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

_CHUNK_BYTES = 512


class Cutter:
    """One box's line. `cuts` counts what was cut."""

    def __init__(self, target_port: int, allowances: Iterable[int]) -> None:
        """Nothing listens yet."""
        self._target_port = target_port
        self._allowances = list(allowances)
        self.cuts = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Cutter"]:
        """Listen while the context lasts."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            source = (writer.get_extra_info("peername")[0], 0)
            there = await asyncio.open_connection("127.0.0.1", self._target_port, local_addr=source)
        except OSError:
            writer.transport.abort()
            return
        budget = Budget(self._allowances.pop(0) if self._allowances else None)
        ways = [_pump(reader, there[1], budget), _pump(there[0], writer, budget)]
        tasks = [asyncio.create_task(way, name="cutter") for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.cuts += int(budget.is_spent)
        for task in tasks:
            task.cancel()
        for end in (writer, there[1]):
            end.transport.abort() if budget.is_spent else end.close()


class Budget:
    """How many bytes a connection may still carry; None: any number."""

    def __init__(self, left: int | None) -> None:
        """With so many left."""
        self._left = left
        self.is_spent = False

    def allows(self, count: int) -> int:
        """How many of these may pass."""
        if self._left is None:
            return count
        passed = min(count, self._left)
        self._left -= passed
        self.is_spent = passed < count
        return passed


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: Budget) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            passed = budget.allows(len(chunk))
            writer.write(chunk[:passed])
            await writer.drain()
            if budget.is_spent:
                return
