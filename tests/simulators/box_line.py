"""A box's end of the line, for tests: publishes envelopes over real mTLS and collects signed receipts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from aggregator.adapters.mosquitto import tls_context
from protocol.envelope import Context, parse
from protocol.keys import PublicKey
from protocol.messages import Kind
from protocol.order import Identity
from protocol.receipts import ReceiptItem, Resend, decode_receipt, decode_resend
from protocol.topics import RECEIPT, RESEND, device_topic, message_topic

TIMEOUT_S = 30.0


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Poll a condition; fail with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.01)


@dataclass
class BoxLine:
    """A connected box."""

    client: Client
    who: Identity
    server: PublicKey
    receipts: dict[bytes, list[ReceiptItem]] = field(default_factory=dict)
    resends: list[Resend] = field(default_factory=list)

    def publish(self, raw: bytes, kind: Kind, *, topic: str | None = None) -> None:
        """Publish at QoS 1, and wait for the broker's word."""
        self.client.publish(topic or str(message_topic(self.who, kind)), raw, qos=1).wait_for_publish(TIMEOUT_S)

    def receipt(self, envelope_hash: bytes, nth: int = 1) -> ReceiptItem:
        """The n-th receipt for an envelope, once it is here."""
        wait_until(lambda: len(self.receipts.get(envelope_hash, [])) >= nth, "a receipt")
        return self.receipts[envelope_hash][nth - 1]

    def take(self, message: MQTTMessage) -> None:
        """Verify and keep what came down."""
        envelope = parse(bytes(message.payload))
        if message.topic.endswith(f"/{RECEIPT}"):
            assert envelope.check(self.server, Context.RECEIPT) is None
            for item in decode_receipt(envelope).items:
                self.receipts.setdefault(item.hash, []).append(item)
        else:
            assert envelope.check(self.server, Context.RESEND) is None
            self.resends.append(decode_resend(envelope))


@contextmanager
def box_line(
    who: Identity, certificate: Path, key: Path, *, ca: Path, port: int, server: PublicKey
) -> Iterator[BoxLine]:
    """Connect a box and subscribe to what is said to it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=who.device, protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set_context(tls_context(ca, certificate, key))
    client.max_inflight_messages_set(1000)
    client.connect_timeout = TIMEOUT_S
    line = BoxLine(client, who, server)
    subscribed: list[int] = []

    # `Any`: paho's callbacks pass a userdata that nobody sets.
    def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        line.take(message)

    def on_connect(*_: Any) -> None:  # at every connection: a killed broker has forgotten the session
        client.subscribe([(str(device_topic(who, word)), 1) for word in (RECEIPT, RESEND)])

    def on_subscribe(*_: Any) -> None:
        subscribed.append(1)

    client.on_message, client.on_connect, client.on_subscribe = on_message, on_connect, on_subscribe
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_until(lambda: bool(subscribed), "the broker's SUBACK")
        yield line
    finally:
        client.disconnect()
        client.loop_stop()
