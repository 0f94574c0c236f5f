"""The fast way of an export: PostgreSQL's own COPY, and a thread that writes one block while the next one gathers.

One statement is one snapshot: a row that is stored meanwhile is not in it. The protocol sends a message a row, and
asyncpg hands out whole messages, so that a block always ends where a row does. A writer that is slower than the
database holds the database back; nothing piles up here.

A copy that is cancelled while asyncpg waits for the next row may leave the connection in no state to roll back. So what
is cancelled here is the taking of rows, at the next one; only a statement that gives none for a while is cut off.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self, TypeAlias

from aggregator.adapters.database import Connection
from aggregator.adapters.export_writers import Writer
from aggregator.core.exporting import selecting
from aggregator.core.exporting.columns import Column

BLOCK_BYTES: Final = 1 << 20
_NO_ROW_S: Final = 2.0
# Told after each block: rows so far, where they are counted.
Told: TypeAlias = Callable[[int], None]


async def copy_out(
    connection: Connection,
    sql: str,
    parameters: Sequence[object],
    columns: Sequence[Column],
    writer: Writer,
    *,
    timeout_s: float,
    told: Told,
) -> int:
    """Write all rows of a SELECT, inside the caller's transaction; how many there were."""
    await connection.execute(selecting.DATE_STYLE)
    with Behind(writer, told) as behind:
        copying = connection.copy_from_query(
            writer.dressed(sql, columns), *parameters, output=behind.take, format="csv", timeout=timeout_s
        )
        tag = await _ended_in_order(copying, behind)
        await behind.settle()
    return int(tag.split()[-1])


async def _ended_in_order(copying: Coroutine[None, None, str], behind: "Behind") -> str:
    """What the copy says at its end. Who cancels ends it between two rows."""
    task = asyncio.ensure_future(copying)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        behind.give_up()
        await asyncio.wait({task}, timeout=_NO_ROW_S)
        task.cancel()  # of no effect on one that has ended
        await asyncio.gather(task, return_exceptions=True)
        raise


class GivenUp(Exception):
    """Nobody wants the rows any more."""


class Behind:
    """Gathers what comes and gives it to the writer block by block, in a thread of its own, one at a time."""

    def __init__(self, writer: Writer, told: Told) -> None:
        """Nothing runs yet."""
        self._writer, self._told = writer, told
        self._gathered = bytearray()
        self._pending: Future[int | None] | None = None
        self._rows = 0
        self._is_given_up = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="export")

    def __enter__(self) -> Self:
        """The thread starts with the first block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for the block that is being written: the file is closed next."""
        self._thread.shutdown(wait=True)

    def give_up(self) -> None:
        """Take no more."""
        self._is_given_up = True

    async def take(self, data: bytes) -> None:
        """More of the answer; returns when there is room for the next. Raises `GivenUp`."""
        if self._is_given_up:
            raise GivenUp
        self._gathered += data
        if len(self._gathered) >= BLOCK_BYTES:
            await self._pass_on()

    async def settle(self) -> None:
        """Everything that came is written."""
        if self._gathered:
            await self._pass_on()
        await self._written()

    async def _pass_on(self) -> None:
        await self._written()
        block, self._gathered = bytes(self._gathered), bytearray()
        self._pending = self._thread.submit(self._writer.block, block)

    async def _written(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        rows = await asyncio.wrap_future(pending)
        if rows is not None:
            self._rows += rows
        self._told(self._rows)
