"""Connections to the panic port: few from each address, few in all, and none for long.

A press is two small requests. Who opens connections and says nothing must not use up the descriptors that cameras and
outbox need, nor keep the buttons of other addresses out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

PER_ADDRESS: Final = 4
IN_ALL: Final = 128
LIFETIME_S: Final = 15.0


@dataclass(slots=True)
class Lines:
    """Makes a protocol for each connection, around one that `inner` makes; for `loop.create_server`."""

    inner: Callable[[], asyncio.Protocol]
    lifetime_s: float = LIFETIME_S
    open: Counter[str] = field(default_factory=Counter)

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        return _Line(self, self.inner())

    def admit(self, address: str) -> bool:
        """Whether one more connection from an address may be; it is counted if so."""
        if self.open[address] >= PER_ADDRESS or self.open.total() >= IN_ALL:
            return False
        self.open[address] += 1
        return True

    def forget(self, address: str) -> None:
        """A connection has ended."""
        self.open[address] -= 1
        if self.open[address] <= 0:
            del self.open[address]


class _Line(asyncio.Protocol):
    """One connection: hands everything through, and is cut in time."""

    def __init__(self, lines: Lines, inner: asyncio.Protocol) -> None:
        self._lines, self._inner = lines, inner
        self._address = ""
        self._end: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "?"
        if not isinstance(transport, asyncio.Transport) or not self._lines.admit(self._address):
            transport.close()
            return
        self._end = asyncio.get_running_loop().call_later(self._lines.lifetime_s, transport.abort)
        self._inner.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
            self._lines.forget(self._address)
            self._inner.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._end is not None:
            self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._end is not None else None

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()
