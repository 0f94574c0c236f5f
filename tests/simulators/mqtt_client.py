"""An MQTT client that tells all: what it received, whether it is connected, why it was refused or let go.

    with MqttClient(settings, files) as client:
        client.subscribe("$share/ingest/atalaya/v1/saltillo/+/+/hit")
        message = client.take()

Acknowledging is by hand (`acknowledge`) when asked for, as the ingest worker does it.
"""

import contextlib
import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows to the broker, and what it holds the broker to. Without a certificate it is anonymous."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Its TLS side."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca))
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class NotConnected(AssertionError):
    """The broker did not let this client in."""


class MqttClient:
    """One connection, as a context manager; the client id may claim to be anybody's."""

    def __init__(
        self,
        port: int,
        credentials: Credentials,
        client_id: str,
        *,
        session_s: int = 0,
        window: int = 1000,
        manual: bool = False,
    ) -> None:
        """Take what is needed; nothing is dialled yet."""
        self._port, self._session_s, self._window = port, session_s, window
        self.received: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        self.is_up, self.is_down = threading.Event(), threading.Event()
        self.reason: ReasonCode | None = None
        self._subscribed: queue.SimpleQueue[list[ReasonCode]] = queue.SimpleQueue()
        self._acknowledged: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=manual)
        client.reconnect_delay_set(1, 1)
        client.max_inflight_messages_set(window)
        client.connect_timeout = TIMEOUT_S
        client.tls_set_context(credentials.context())
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message = lambda _c, _u, message: self.received.put(message)
        client.on_subscribe = lambda _c, _u, _mid, codes, _p: self._subscribed.put(codes)
        client.on_publish = lambda _c, _u, _mid, code, _p: self._acknowledged.put(code)
        self.paho = client

    def __enter__(self) -> Self:
        """Connect; raises `NotConnected`."""
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect and end paho's thread."""
        self.close()

    def connect(self) -> None:
        """Connect once; raises `NotConnected`."""
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's are dynamic
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._window
        try:
            self.paho.connect("127.0.0.1", self._port, clean_start=not self._session_s, properties=properties)
        except OSError as exc:
            self.close()
            raise NotConnected(str(exc)) from exc
        self.paho.loop_start()
        while not self.is_up.wait(0.05):
            if self.is_down.is_set():
                self.close()
                raise NotConnected(str(self.reason))

    def close(self) -> None:
        """Disconnect and end paho's thread. Its callbacks go, or the cycle through them would keep its sockets open."""
        self.paho.disconnect()
        self.paho.loop_stop()
        self.paho.on_connect = self.paho.on_disconnect = self.paho.on_message = None
        self.paho.on_subscribe = self.paho.on_publish = None

    def vanish(self) -> None:
        """Cut the line without a word, as a power cut does."""
        self.paho.loop_stop()
        line = self.paho.socket()
        if line is not None:
            line.close()

    def subscribe(self, *filters: str) -> list[ReasonCode]:
        """Subscribe at QoS 1 and wait for the answer."""
        self.paho.subscribe([(name, 1) for name in filters])
        return self._subscribed.get(timeout=TIMEOUT_S)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> ReasonCode:
        """Publish at QoS 1 and wait for the acknowledgement; what it says. Not beside publications of `paho`'s own."""
        self.paho.publish(topic, payload, qos=1, retain=retain)
        return self._acknowledged.get(timeout=TIMEOUT_S)

    def take(self, timeout_s: float = TIMEOUT_S) -> MQTTMessage:
        """The next message."""
        return self.received.get(timeout=timeout_s)

    def take_all(self, count: int) -> list[MQTTMessage]:
        """The next so many messages."""
        return [self.take() for _ in range(count)]

    def acknowledge(self, message: MQTTMessage) -> None:
        """Acknowledge by hand."""
        self.paho.ack(message.mid, message.qos)

    def heard(self) -> set[bytes]:
        """What has come so far and was not taken yet."""
        payloads: set[bytes] = set()
        with contextlib.suppress(queue.Empty):
            while True:
                payloads.add(bytes(self.received.get_nowait().payload))
        return payloads

    def _on_connect(self, _c: Client, _u: Any, _f: Any, code: ReasonCode, _p: Properties | None) -> None:
        self.reason = code
        (self.is_down if code.is_failure else self.is_up).set()

    def _on_disconnect(self, _c: Client, _u: Any, _f: Any, code: ReasonCode, _p: Properties | None) -> None:
        self.reason = code
        self.is_down.set()


@contextlib.contextmanager
def gathered(*clients: MqttClient) -> Iterator[tuple[MqttClient, ...]]:
    """Several clients, connected together and closed together."""
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(client) for client in clients)
