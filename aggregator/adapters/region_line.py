"""A city's line to its region's broker: envelopes and transit records up, receipts and the log's head down.

paho runs in a thread of its own, behind asyncio; each connection has a client of its own, so that nothing queued in
paho's memory outlives it: what is unanswered lies in the queue (`forward_queue`). The session outlives the connection
at the broker, so that receipts given meanwhile arrive. MQTT's acknowledgement makes room for more, and means no more.

What comes down waits in a bounded queue; beyond it the newest is dropped and counted: a lost receipt costs a resend.
The head is kept by the broker and comes again with the next connection.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from typing_extensions import override

from aggregator.adapters.federation_link import Link, ended
from aggregator.adapters.mosquitto import ClosingSocket
from aggregator.errors import RegionAway
from protocol.topics import RECEIPT, Direction, patterns

SESSION_EXPIRY_S: Final = 3600
MOST_UNACKNOWLEDGED: Final = 1_000
MOST_WAITING: Final = 2_000
_DIAL_TIMEOUT_S: Final = 5.0
_ANSWER_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 3.0
_KEEPALIVE_S: Final = 15
_QOS: Final = 1


@dataclass(frozen=True, slots=True)
class Letter:
    """Bytes that came down, and the topic they came by."""

    topic: str
    payload: bytes = field(repr=False)


class _NamedContext(ssl.SSLContext):
    """Expects a fixed name in the peer's certificate, whatever address was dialled."""

    server_name: str = ""
    sslsocket_class = ClosingSocket

    @override
    def wrap_socket(self, sock, *args, **kwargs):  # type: ignore[no-untyped-def]  # signature is the base's
        """As the base does, under the fixed name."""
        kwargs["server_hostname"] = self.server_name
        return super().wrap_socket(sock, *args, **kwargs)


def tls_of(link: Link) -> ssl.SSLContext:
    """The line's side of TLS 1.3; raises `RegionAway` if a file of the link cannot be used."""
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.server_name = link.facts.server_name
    try:
        context.load_verify_locations(link.ca)
        context.load_cert_chain(link.certificate, link.key)
    except (OSError, ssl.SSLError) as exc:
        raise RegionAway(f"the link's files in {link.folder} cannot be used: {exc}") from exc
    return context


class RegionLine:
    """A connection. Every method is for the event loop's thread; paho's callbacks are brought there."""

    def __init__(self, link: Link) -> None:
        """Use `connected`."""
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[Letter] = asyncio.Queue(MOST_WAITING)
        self._unacknowledged, self._window = 0, MOST_UNACKNOWLEDGED
        self._has_room, self._is_ready, self._is_lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._has_room.set()
        self._why = "closed"
        self.dropped = 0
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=link.client,
            protocol=MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(tls_of(link))
        self._client.max_inflight_messages_set(MOST_UNACKNOWLEDGED)
        self._client.connect_timeout = _DIAL_TIMEOUT_S

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand bytes to the broker once there is room on the wire; raises `RegionAway`."""
        while not self._has_room.is_set():
            await self._until(self._has_room)
        if self._is_lost.is_set() or self._client.publish(topic, payload, _QOS).rc != MQTT_ERR_SUCCESS:
            raise RegionAway(f"the line to the region was lost: {self._why}")
        self._unacknowledged += 1
        if self._unacknowledged >= self._window:
            self._has_room.clear()

    async def receive(self) -> list[Letter]:
        """What has come down and was not taken yet: one letter at least."""
        letters = [await self._waiting.get()]
        while not self._waiting.empty():
            letters.append(self._waiting.get_nowait())
        return letters

    async def lost(self) -> None:
        """Wait until the connection is gone, then raise `RegionAway`."""
        await self._is_lost.wait()
        raise RegionAway(f"the line to the region was lost: {self._why}")

    async def open(self) -> None:
        """Dial and subscribe; raises `RegionAway`."""
        self._wire()
        dialling = self._loop.run_in_executor(None, self._dial)
        try:
            await asyncio.shield(dialling)
        except asyncio.CancelledError:
            # A thread cannot be cancelled; what it opens would leak. It ends within its own time limits.
            await asyncio.wait([dialling])
            raise
        self._client.loop_start()
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await self._until(self._is_ready)
        except TimeoutError as exc:
            raise RegionAway(f"the region's broker did not answer within {_ANSWER_TIMEOUT_S:.0f} s") from exc

    async def close(self) -> None:
        """Say good-bye and end paho's thread; cut the line if it hangs."""
        if self._client.disconnect() == MQTT_ERR_SUCCESS:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
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
        host, port = self._link.facts.broker_host, self._link.facts.broker_port
        try:
            self._client.connect(host, port, _KEEPALIVE_S, clean_start=False, properties=connect)
        except (OSError, ValueError) as exc:
            raise RegionAway(f"no connection to the region's broker at {host}:{port}: {exc}") from exc

    def _wire(self) -> None:
        """Set paho's callbacks, which run in its thread. `Any`: paho leaves user data untyped."""
        client, filters = self._client, link_filters(self._link.city)

        def on_connect(_c: Client, _u: Any, _f: Any, code: ReasonCode, properties: Properties | None) -> None:
            if code.is_failure:
                self._soon(self._on_lost, f"refused: {code}")
                return
            self._soon(self._on_accepted, getattr(properties, "ReceiveMaximum", MOST_UNACKNOWLEDGED))
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
        self._window = min(MOST_UNACKNOWLEDGED, receive_maximum)

    def _on_lost(self, why: str) -> None:
        self._why = why
        self._is_lost.set()

    def _on_letter(self, letter: Letter) -> None:
        try:
            self._waiting.put_nowait(letter)
        except asyncio.QueueFull:
            self.dropped += 1

    def _on_puback(self) -> None:
        self._unacknowledged -= 1
        self._has_room.set()

    async def _until(self, event: asyncio.Event) -> None:
        """Wait for an event of this connection, but not past its end: then raises `RegionAway`."""
        waits = [asyncio.create_task(each.wait(), name="region-line-event") for each in (event, self._is_lost)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._is_lost.is_set():
            raise RegionAway(f"no connection to the region's broker: {self._why}")


def link_filters(city: str) -> list[str]:
    """What a link reads: answers to its city's devices, and the city's own words."""
    receipts = [name for name in patterns(Direction.DOWN, city=city) if name.endswith(f"/{RECEIPT}")]
    return [*receipts, *patterns(Direction.LINK_DOWN, city=city)]


@contextlib.asynccontextmanager
async def connected(link: Link) -> AsyncIterator[RegionLine]:
    """A connection with its subscriptions made; raises `RegionAway`."""
    line = RegionLine(link)
    try:
        try:
            await line.open()
        except RegionAway as exc:
            raise RegionAway(ended(link) or str(exc)) from exc
        yield line
    finally:
        await line.close()
