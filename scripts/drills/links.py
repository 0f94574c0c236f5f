"""A line between a box and the broker that does what lines do: it slows, stalls, is cut, refuses, or dies unnoticed.

Bytes pass through unseen (TLS). It runs in a thread of its own. A connection that was half open stays so for good:
whatever comes is swallowed, and neither end is told; only a keep-alive finds out.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto, unique
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 4096
_SLOW_BYTES_PER_S = 16_000


@unique
class Mood(Enum):
    """How the line is."""

    GOOD = auto()
    SLOW = auto()
    STALLED = auto()
    HALF_OPEN = auto()
    REFUSING = auto()


@dataclass(slots=True)
class _Connection:
    box: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    is_half_open: bool = False
    is_cut: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        self.is_cut.set()
        for end in (self.box, self.broker):
            end.transport.abort()


class BadLine:
    """The line. A context manager: it listens on entry; `port` is where."""

    def __init__(self, target_port: int) -> None:
        """Nothing listens yet."""
        self.mood = Mood.GOOD
        self.met: Counter[Mood] = Counter()
        self.cuts = 0
        self.port = 0
        self._target_port = target_port
        self._open: list[_Connection] = []
        self._moves: asyncio.Event
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bad-line")

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def become(self, mood: Mood) -> None:
        """From now on."""
        self._on_loop(lambda: self._become(mood))

    def cut(self) -> int:
        """Cut every connection; how many there were."""
        return self._on_loop(self._cut)

    def _on_loop(self, call: Callable[[], int]) -> int:
        async def on_loop() -> int:
            return call()

        return asyncio.run_coroutine_threadsafe(on_loop(), self._loop).result(10)

    def _become(self, mood: Mood) -> int:
        self.mood = mood
        (self._moves.clear if mood is Mood.STALLED else self._moves.set)()
        if mood is Mood.HALF_OPEN:
            for each in self._open:
                each.is_half_open = True
        return len(self._open)

    def _cut(self) -> int:
        found = len(self._open)
        for each in self._open:
            each.cut()
        self.cuts += found
        return found

    async def _listen(self) -> int:
        self._moves = asyncio.Event()
        self._moves.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, from_box: asyncio.StreamReader, to_box: asyncio.StreamWriter) -> None:
        if self.mood is Mood.REFUSING:
            self.met[Mood.REFUSING] += 1
            to_box.transport.abort()
            return
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target_port)
        connection = _Connection(to_box, to_broker, self.mood is Mood.HALF_OPEN)
        self._open.append(connection)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(connection, from_box, to_broker), name="up")
                group.create_task(self._pump(connection, from_broker, to_box), name="down")
        except* OSError:
            pass  # one end is gone, and with it the other
        finally:
            connection.cut()
            self._open.remove(connection)

    async def _pump(self, connection: _Connection, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK_BYTES):
            self.met[Mood.HALF_OPEN if connection.is_half_open else self.mood] += 1
            if self.mood is Mood.SLOW:
                await asyncio.sleep(len(data) / _SLOW_BYTES_PER_S)
            await self._moves.wait()
            if not connection.is_half_open:
                sink.write(data)
                await sink.drain()
        if connection.is_half_open:
            await connection.is_cut.wait()
        raise ConnectionResetError
