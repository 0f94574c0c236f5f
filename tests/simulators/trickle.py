"""A TCP line to a local port that is cut or stalls after so many bytes from the server; TLS passes through unseen."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

CHUNK_BYTES = 16 * 1024


class Trickle:
    """`cut_at[n]` ends the n-th connection after that many bytes; `stall_at` holds the first one until `go_on`."""

    def __init__(self, target_port: int, *, cut_at: Sequence[int] = (), stall_at: int | None = None) -> None:
        self._target_port = target_port
        self._cut_at, self._stall_at = list(cut_at), stall_at
        self._may_go_on = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.sent_bytes = 0
        self.is_stalled = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def go_on(self) -> None:
        """Let the stalled connection run on."""
        self._may_go_on.set()

    async def _accept(self, box: asyncio.StreamReader, to_box: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        up = asyncio.create_task(_pump(box, to_server), name="trickle-up")
        self._tasks.add(up)
        try:
            await self._down(server, to_box, number)
        except ConnectionError:
            pass  # the box hung up
        finally:
            up.cancel()
            for writer in (to_box, to_server):
                writer.transport.abort()

    async def _down(self, server: asyncio.StreamReader, to_box: asyncio.StreamWriter, number: int) -> None:
        limit = self._cut_at[number] if number < len(self._cut_at) else None
        sent = 0
        while data := await server.read(CHUNK_BYTES):
            if limit is not None and sent + len(data) > limit:
                return
            if self._stall_at is not None and number == 0 and sent + len(data) > self._stall_at:
                self.is_stalled = True
                await self._may_go_on.wait()
            to_box.write(data)
            await to_box.drain()
            sent += len(data)
            self.sent_bytes += len(data)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK_BYTES):
        sink.write(data)
        await sink.drain()
