"""One box's connection to its broker: MQTT 5 over mTLS in the event loop, at a cost that lets thousands live here.

Frames and rules are `load.mqtt`'s; the session, the will and the subscriptions are the agent's. What comes down goes
to `on_letter`, word and bytes; the end of the line, whoever ended it, to `on_lost`.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from load import mqtt
from load.mqtt import LoadError
from typing_extensions import override

KEEP_ALIVE_S: Final = 60
HANDSHAKE_S: Final = 120.0  # thousands may knock at once
ANSWER_S: Final = 60.0
_PACKETS: Final = 65_535
_REASON_AT: Final = 2  # in a PUBACK, behind the packet id; left out where all is well


class Line(asyncio.Protocol):
    """A connection. Use `opened`."""

    def __init__(
        self,
        hello: bytes,
        topics: tuple[str, ...],
        on_letter: Callable[[str, bytes], None],
        on_lost: Callable[[], None],
    ) -> None:
        """`hello` is the CONNECT frame, `topics` what is subscribed to once it was answered."""
        self._hello, self._topics, self._on_letter, self._on_lost = hello, topics, on_letter, on_lost
        self._loop = asyncio.get_running_loop()
        self.is_ready: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._received, self._packet = bytearray(), 0
        self._ping: asyncio.TimerHandle | None = None

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand over a message at QoS 1."""
        self._packet = self._packet % _PACKETS + 1
        self._write(mqtt.publish_frame(topic, self._packet, payload))

    def close(self) -> None:
        """Say good-bye, so that the broker publishes the will."""
        self._write(mqtt.DISCONNECT_WITH_WILL)
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End it as a line ends that somebody cuts."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is up: say who we are."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for mypy: TLS over TCP is one
        self._transport = transport
        self._write(self._hello)

    @override
    def data_received(self, data: bytes) -> None:
        """Take what has come in whole."""
        self._received += data
        try:
            for kind, content in mqtt.split(self._received):
                self._take(kind, content)
        except LoadError as exc:
            self._fail(exc)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if self._ping is not None:
            self._ping.cancel()
        self._fail(exc or ConnectionResetError("the broker closed the connection"))
        self._on_lost()

    def _take(self, kind: int, content: bytes) -> None:
        match kind & 0xF0:
            case mqtt.CONNACK:
                _check(content[1])
                self._write(mqtt.subscribe_frame(*self._topics))
            case mqtt.SUBACK:
                _check(max(content[-len(self._topics) :]))
                self._later()
                if not self.is_ready.done():
                    self.is_ready.set_result(None)
            case mqtt.PUBLISH:
                payload, acknowledgement = mqtt.delivered(content, kind)
                if acknowledgement is not None:
                    self._write(acknowledgement)
                self._on_letter(mqtt.topic_of(content).rpartition("/")[2], payload)
            case mqtt.PUBACK if len(content) > _REASON_AT:
                _check(content[_REASON_AT])
            case _:
                pass  # an acknowledgement proves nothing; a pong says what everything else says, too

    def _fail(self, why: Exception) -> None:
        if not self.is_ready.done():
            self.is_ready.set_exception(why)
        self.cut()

    def _later(self) -> None:
        """Let the broker hear of us within the keep-alive."""
        self._ping = self._loop.call_later(KEEP_ALIVE_S / 2, self._pinged)

    def _pinged(self) -> None:
        self._write(mqtt.PINGREQ)
        self._later()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def opened(line: Line, host: str, port: int, context: ssl.SSLContext) -> None:
    """Connect and subscribe; raises `OSError`, `TimeoutError` or `LoadError`."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(
        lambda: line, host, port, ssl=context, server_hostname=host, ssl_handshake_timeout=HANDSHAKE_S
    )
    async with asyncio.timeout(ANSWER_S):
        await line.is_ready


def _check(reason: int) -> None:
    if reason >= mqtt.FAILURE:
        raise LoadError(f"the broker refused a box (reason {reason:#x}); see its log and its access list")
