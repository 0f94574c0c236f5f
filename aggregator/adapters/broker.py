"""A worker's line to the broker: deliveries in, receipts out, each delivery acknowledged by hand.

1. Every up filter is subscribed as `$share/ingest/...`: workers share the deliveries, each under its own certificate.
2. A delivery is acknowledged only after its commit. Un-acknowledged ones are bounded by the Receive Maximum, and that
   is the back-pressure: the broker stops sending, and keeps what it can.
3. Packet ids belong to a connection. What was delivered over an earlier one is not acknowledged over this one; the
   broker sends it again, and the ledger sees that it is known.
4. Deliveries below QoS 1 stand outside that bound. They are dropped beyond it; their sender keeps what has no receipt.
5. A region's workers share what its cities say for themselves, too; that goes into an inbox of its own (`links`).

paho runs in a thread of its own and makes the connection again by itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from aggregator.adapters.broker_client import BrokerClient
from aggregator.settings import Broker
from protocol.topics import ALL, Direction, patterns

GROUP: Final = "ingest"
_MAX_RECEIVE: Final = 65_535
_SESSION_EXPIRY_S: Final = 3600
_KEEPALIVE_S: Final = 30
_OUT_INFLIGHT: Final = 2_000
_OUT_QUEUED: Final = 50_000
_OF_A_CITY: Final = f"/{ALL}/{ALL}/"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the broker handed over, and the connection that its packet id belongs to."""

    topic: str
    payload: bytes
    received_at: datetime
    packet_id: int
    qos: int
    connection: int


class Inbox:
    """Deliveries on their way from paho's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bound: int) -> None:
        """`bound` holds for deliveries without acknowledgement; the others are bounded by the broker."""
        self._loop = loop
        self._bound = bound
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, delivery: Delivery) -> None:
        """Take a delivery in, from any thread."""
        if delivery.qos == 0 and len(self._waiting) >= self._bound:
            self.dropped += 1
            return
        self._waiting.append(delivery)
        if len(self._waiting) == 1:  # the loop empties it whole: only the first has to wake it
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self, most: int, wait_s: float) -> list[Delivery]:
        """Some deliveries: a lone one at once, of several as many as asked for or as came within a moment."""
        while not self._waiting:
            self._arrived.clear()
            if not self._waiting:
                await self._arrived.wait()
        if 1 < len(self._waiting) < most:
            await asyncio.sleep(wait_s)
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


class BrokerLine:
    """The connection. `opened` makes one."""

    def __init__(self, settings: Broker, inbox: Inbox, links: Inbox | None = None) -> None:
        """Prepare the client; nothing is connected yet. With `links` it also reads what cities say for themselves."""
        self.inbox, self.links = inbox, links
        self._host, self._port = settings.host, settings.port
        self._connection = 0
        self.is_subscribed = False
        self._client = BrokerClient(settings.worker, self._on_arrival)
        self._client.speak_tls(settings.ca, settings.certificate, settings.key)
        self._client.max_inflight_messages_set(_OUT_INFLIGHT)
        self._client.max_queued_messages_set(_OUT_QUEUED)
        self._client.reconnect_delay_set(1, 15)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect

    def start(self, receive_maximum: int) -> None:
        """Begin to connect, and keep at it."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.ReceiveMaximum = min(receive_maximum, _MAX_RECEIVE)
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S
        self._client.connect_async(
            self._host, self._port, keepalive=_KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker; un-acknowledged deliveries stay with it."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1, from memory: a receipt that is lost is asked for again by a resend."""
        self._client.publish(topic, payload, qos=1)

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that deliveries are stored."""
        ids = [each.packet_id for each in deliveries if each.qos > 0 and each.connection == self._connection]
        self._client.acknowledge(ids)

    # `userdata` is paho's: of any type, and None here.
    def _on_connect(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("broker_refused_us", reason=str(reason))
            return
        self._client.forget()
        self._connection += 1
        options = SubscribeOptions(qos=1)
        topics = patterns(Direction.UP) + (patterns(Direction.LINK_UP) if self.links is not None else [])
        client.subscribe([(f"$share/{GROUP}/{topic}", options) for topic in topics])

    def _on_subscribe(
        self, client: Client, userdata: Any, packet_id: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        self.is_subscribed = not any(reason.is_failure for reason in reasons)
        log.info("broker_subscribed", host=self._host, port=self._port, is_granted=self.is_subscribed)

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self.is_subscribed = False
        log.info("broker_disconnected", reason=str(reason))

    def _on_arrival(self, topic: str, payload: bytes, packet_id: int, qos: int) -> None:
        inbox = self.links if self.links is not None and _OF_A_CITY in topic else self.inbox
        inbox.put(Delivery(topic, payload, datetime.now(UTC), packet_id, qos, self._connection))


def certified_workers(settings: Broker) -> frozenset[str]:
    """The clients of the first worker's kind whose certificate and key are here."""
    stem, end = settings.worker.rpartition(".")[0], ".crt.pem"
    found = (path.name.removesuffix(end) for path in settings.clients_dir.glob(f"{stem}.*{end}"))
    return frozenset(name for name in found if settings.key_of(name).exists())


@asynccontextmanager
async def opened(settings: Broker, *, receive_maximum: int, has_links: bool = False) -> AsyncIterator[BrokerLine]:
    """A line to the broker, connecting in the background; a region's has links."""
    loop = asyncio.get_running_loop()
    links = Inbox(loop, receive_maximum) if has_links else None
    line = BrokerLine(settings, Inbox(loop, receive_maximum), links)
    line.start(receive_maximum)
    try:
        yield line
    finally:
        await asyncio.to_thread(line.stop)
