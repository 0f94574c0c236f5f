"""Plays the aggregator to a box: the rules of ingest in memory, over a real broker.

It verifies every envelope under the device's registered key, keeps a ledger, and answers with signed receipts. What
a test wants to go wrong is set on it: `receipts_to_drop` of each envelope, a `receipt_key` that nobody granted, an
`addressee` that is another device, a `verdict` other than stored.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from protocol.clock import to_ms
from protocol.envelope import Context, parse
from protocol.keys import KeySigner
from protocol.messages import Body, Kind, Message, body_of, decode_message
from protocol.order import Identity, OrderKey, key_of
from protocol.presence import Presence, decode_presence
from protocol.receipts import Range, ReceiptItem, Status, sign_receipt, sign_resend
from protocol.topics import (
    HOTLIST,
    PRESENCE,
    RECEIPT,
    RESEND,
    SETTINGS,
    TERMS,
    TRUST,
    Direction,
    Topic,
    broadcast_topic,
    parse_topic,
    patterns,
)
from tests.simulators.city import City

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Stored:
    """A message that was taken in."""

    message: Message
    body: Body
    hash: bytes


@dataclass
class AggregatorPeer:
    """An aggregator in memory. Use as a context; every attribute may be read at any time."""

    city: City
    port: int
    receipts_to_drop: int = 0
    receipt_key: KeySigner | None = None
    addressee: str | None = None
    verdict: Callable[[Message], tuple[Status, int, bool]] = lambda _: (Status.STORED, 0, False)
    stored: dict[OrderKey, Stored] = field(default_factory=dict)
    seen: Counter[bytes] = field(default_factory=Counter)
    arrivals: list[Kind] = field(default_factory=list)
    conflicts: list[OrderKey] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def __enter__(self) -> "AggregatorPeer":
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="peer", protocol=MQTTv5)
        folder = self.city.folder
        self._client.tls_set(
            str(folder / "ca.pem"), certfile=str(folder / "peer.crt.pem"), keyfile=str(folder / "peer.key.pem")
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_timeout = TIMEOUT_S
        self._subscribed = threading.Event()
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        assert self._subscribed.wait(TIMEOUT_S), "the peer could not subscribe"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def bodies(self, kind: type[Any]) -> list[Any]:
        """Stored bodies of a type, in the order of their sequence."""
        taken = sorted(self.stored.items(), key=lambda item: (item[0].outbox, item[0].sequence))
        return [stored.body for _, stored in taken if isinstance(stored.body, kind)]

    def sequences(self) -> list[int]:
        """Sequence numbers stored, sorted."""
        return sorted(key.sequence for key in list(self.stored))

    def publish_trust(self, bundle: bytes) -> None:
        """Retain a trust bundle for the city."""
        self._client.publish(str(broadcast_topic(self.city.name, TRUST)), bundle, 1, retain=True)

    def publish_hotlist(self, manifest: bytes) -> None:
        """Retain a manifest for the city."""
        self._client.publish(str(broadcast_topic(self.city.name, HOTLIST)), manifest, 1, retain=True)

    def publish_settings(self, who: Identity, document: bytes) -> None:
        """Retain a settings document for a box."""
        topic = Topic(who.city, who.point, who.device, SETTINGS)
        self._client.publish(str(topic), document, 1, retain=True)

    def publish_terms(self, who: Identity, document: bytes) -> None:
        """Retain the terms of a company's box."""
        self._client.publish(str(Topic(who.city, who.point, who.device, TERMS)), document, 1, retain=True)

    def ask_again(self, who: Identity, outbox: bytes, *ranges: tuple[int, int]) -> None:
        """Ask a box to send ranges again."""
        spans = tuple(Range(first=first, last=last) for first, last in ranges)
        raw = sign_resend(who.device, outbox, spans, self.city.server, time_ms=_now_ms())
        self._publish(Topic(who.city, who.point, who.device, RESEND), raw)

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe([(name, SubscribeOptions(qos=1)) for name in patterns(Direction.UP)])

    def _on_message(self, _client: Client, _user: Any, message: MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        if topic.word == PRESENCE:
            self._take_presence(topic, bytes(message.payload))
        else:
            self._take_message(topic, bytes(message.payload))

    def _take_presence(self, topic: Topic, raw: bytes) -> None:
        envelope = parse(raw)
        if envelope.check(self.city.devices[topic.device], Context.PRESENCE) is not None:
            self.bad.append("presence")
            return
        self.presences.append(decode_presence(envelope))

    def _take_message(self, topic: Topic, raw: bytes) -> None:
        envelope = parse(raw)
        message = decode_message(envelope.payload)
        if envelope.check(self.city.devices[topic.device], Context.MESSAGE) is not None or topic.kind != message.kind:
            self.bad.append("message")
            return
        self.seen[envelope.hash] += 1
        self.arrivals.append(Kind(message.kind))
        status, reason, is_final = self.verdict(message)
        if status is Status.STORED:
            known = self.stored.setdefault(key_of(message), Stored(message, body_of(message), envelope.hash))
            if known.hash != envelope.hash:
                self.conflicts.append(key_of(message))
        if self.seen[envelope.hash] > self.receipts_to_drop:
            item = ReceiptItem(hash=envelope.hash, status=status, reason=reason, is_final=is_final)
            signer = self.receipt_key or self.city.server
            receipt = sign_receipt(self.addressee or topic.device, (item,), signer, time_ms=_now_ms())
            self._publish(Topic(topic.city, topic.point, topic.device, RECEIPT), receipt)

    def _publish(self, topic: Topic, raw: bytes) -> None:
        self._client.publish(str(topic), raw, 1)


def until(claim: Callable[[], object], *, timeout_s: float = TIMEOUT_S, what: str = "") -> None:
    """Wait, on a plain thread, until a claim holds."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or claim}"
        time.sleep(0.02)


def _now_ms() -> int:
    return to_ms(datetime.now(UTC))
