"""One connection to the broker: paho-mqtt in its own thread, behind asyncio.

Each connection has a client of its own, so that nothing queued in paho's memory outlives it; what is unanswered lies
in the outbox. The will is the signed death of this connection's number. No more than `MAX_ON_THE_WAY` publications
wait for the broker's acknowledgement, which means no more than that: only a receipt means anything.

The session outlives the connection at the broker for `SESSION_EXPIRY_S`, so that receipts sent meanwhile arrive. What
comes down is handed over through a bounded queue; when it is full the newest is dropped and counted: a lost receipt
costs a resend.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.errors import LinkFailed

SESSION_EXPIRY_S: Final = 3600
MAX_ON_THE_WAY: Final = 128
MAX_DOWNLINKS: Final = 256
MAX_DOWNLINK_BYTES: Final = 256 * 1024
DIAL_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 3.0
_QOS: Final = 1


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who dials."""

    host: str
    port: int
    device: str
    tls: ssl.SSLContext
    keepalive_s: int = 15


@dataclass(frozen=True, slots=True)
class Letter:
    """Bytes and the topic they go to, or came from."""

    topic: str
    payload: bytes = field(repr=False)


class Link:
    """A connection. Every method is for the event loop's thread; paho's callbacks are brought there."""

    def __init__(self, broker: Broker, will: Letter | None, on_acknowledged: Callable[[], None]) -> None:
        """Use `connected`."""
        self._broker = broker
        self._on_acknowledged = on_acknowledged
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Letter] = asyncio.Queue(MAX_DOWNLINKS)
        self._on_the_way = 0
        self._window = MAX_ON_THE_WAY
        self._has_room, self._is_ready, self._is_lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._has_room.set()
        self._why = "closed"
        self.dropped_downlinks = 0
        self.server_certificate: bytes | None = None
        """What the broker showed of itself, DER."""
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=broker.device, protocol=MQTTv5, reconnect_on_failure=False
        )
        self._client.tls_set_context(broker.tls)
        if will is not None:
            self._client.will_set(will.topic, will.payload, _QOS)
        self._client.max_inflight_messages_set(MAX_ON_THE_WAY)
        self._client.connect_timeout = DIAL_TIMEOUT_S

    async def publish(self, letter: Letter) -> None:
        """Hand a letter to the broker once there is room on the wire; raises `LinkFailed`."""
        while not self._has_room.is_set():
            await self._until(self._has_room)
        if self._is_lost.is_set() or self._client.publish(letter.topic, letter.payload, _QOS).rc != MQTT_ERR_SUCCESS:
            raise LinkFailed(f"the connection was lost: {self._why}")
        self._on_the_way += 1
        if self._on_the_way >= self._window:
            self._has_room.clear()

    async def receive(self) -> Letter:
        """The next letter that came down."""
        return await self._inbox.get()

    async def lost(self) -> None:
        """Wait until the connection is gone, then raise `LinkFailed`."""
        await self._is_lost.wait()
        raise LinkFailed(f"the connection was lost: {self._why}")

    async def open(self, filters: Sequence[str]) -> None:
        """Dial and subscribe; raises `LinkFailed`."""
        self._wire(filters)
        dialling = self._loop.run_in_executor(None, self._dial)
        try:
            await asyncio.shield(dialling)
        except asyncio.CancelledError:
            # A thread cannot be cancelled; what it opens would leak. It ends within its own time limits.
            await asyncio.wait([dialling])
            raise
        self._client.loop_start()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._until(self._is_ready)
        except TimeoutError as exc:
            raise LinkFailed(f"the broker did not answer within {ANSWER_TIMEOUT_S:.0f} s") from exc

    async def close(self) -> None:
        """Say good-bye so that the broker publishes the will, and end paho's thread; cut the line if it hangs."""
        goodbye = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
        if self._client.disconnect(goodbye) == MQTT_ERR_SUCCESS:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._is_lost.wait()
        line = self._client.socket()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # under the TLS layer: nothing is waited for
        await asyncio.to_thread(self._client.loop_stop)
        self._client._reset_sockets()  # noqa: SLF001  paho closes its wake-up pair only when it is collected

    def _dial(self) -> None:
        connect: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's are dynamic
        connect.SessionExpiryInterval = SESSION_EXPIRY_S
        connect.MaximumPacketSize = MAX_DOWNLINK_BYTES
        broker = self._broker
        try:
            self._client.connect(broker.host, broker.port, broker.keepalive_s, clean_start=False, properties=connect)
        except (OSError, ValueError) as exc:
            raise LinkFailed(f"no connection to the broker: {exc}") from exc
        line = self._client.socket()
        if isinstance(line, ssl.SSLSocket):
            self.server_certificate = line.getpeercert(binary_form=True)

    def _wire(self, filters: Sequence[str]) -> None:
        """Set paho's callbacks, which run in its thread. `Any`: paho leaves user data untyped."""
        client = self._client

        def on_connect(_c: Client, _u: Any, _f: Any, code: ReasonCode, properties: Properties | None) -> None:
            if code.is_failure:
                self._soon(self._on_lost, f"refused: {code}")
                return
            self._soon(self._on_accepted, getattr(properties, "ReceiveMaximum", MAX_ON_THE_WAY))
            client.subscribe([(name, SubscribeOptions(qos=_QOS)) for name in filters])

        def on_message(_c: Client, _u: Any, message: MQTTMessage) -> None:
            self._soon(self._on_letter, Letter(message.topic, bytes(message.payload)))

        client.on_connect = on_connect
        client.on_message = on_message
        client.on_subscribe = lambda *_: self._soon(self._is_ready.set)
        client.on_publish = lambda *_: self._soon(self._on_puback)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self._soon(self._on_lost, str(code))

    def _soon(self, call: Callable[..., None], *args: object) -> None:
        """From paho's thread to the loop's; a loop that is being closed needs no news."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)

    def _on_accepted(self, receive_maximum: int) -> None:
        self._window = min(MAX_ON_THE_WAY, receive_maximum)

    def _on_lost(self, why: str) -> None:
        self._why = why
        self._is_lost.set()

    def _on_letter(self, letter: Letter) -> None:
        try:
            self._inbox.put_nowait(letter)
        except asyncio.QueueFull:
            self.dropped_downlinks += 1

    def _on_puback(self) -> None:
        self._on_the_way -= 1
        self._has_room.set()
        self._on_acknowledged()

    async def _until(self, event: asyncio.Event) -> None:
        """Wait for an event of this connection, but not past its end: then raises `LinkFailed`."""
        waits = [asyncio.create_task(e.wait(), name="link_event") for e in (event, self._is_lost)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._is_lost.is_set():
            raise LinkFailed(f"no connection to the broker: {self._why}")


@contextlib.asynccontextmanager
async def connected(
    broker: Broker,
    *,
    will: Letter | None = None,
    filters: Sequence[str],
    on_acknowledged: Callable[[], None] = lambda: None,
) -> AsyncIterator[Link]:
    """A connection with its subscriptions made; raises `LinkFailed`. Leaving it lets the broker publish the will."""
    link = Link(broker, will, on_acknowledged)
    try:
        await link.open(filters)
        yield link
    finally:
        await link.close()
