"""Everything that crosses the broker, as far as any certificate may hear it.

A second worker hears all that boxes say, a second publisher all that goes to a city. What goes down to one box
(receipts and requests to send again) nobody but that box may hear; it is made of hashes and numbers
(`protocol/receipts.py`).
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from paho.mqtt.client import MQTTMessage

from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.hotlist import MAX_MANIFEST_BYTES, Manifest
from protocol.messages import body_of, decode_message
from protocol.presence import decode_presence
from protocol.topics import HOTLIST, PRESENCE, Direction, parse_topic, patterns
from protocol.wire import from_versioned
from tests.simulators.mqtt_client import Credentials, MqttClient, gathered

WORKER: Final = "worker.99"  # no service takes this one for its own
PUBLISHER: Final = "publisher.2"


@dataclass(frozen=True, slots=True)
class Crossed:
    """One message that crossed the broker."""

    topic: str
    payload: bytes

    @property
    def hash(self) -> bytes:
        """The envelope's name in the ledger."""
        return envelope_hash(self.payload)

    def told(self) -> str:
        """All that the envelope says, read through the contract."""
        envelope, topic = parse(self.payload, max_bytes=len(self.payload)), parse_topic(self.topic)
        if topic.word == PRESENCE:
            return repr(decode_presence(envelope))
        if topic.kind is not None:
            message = decode_message(envelope.payload)
            return f"{message!r} {body_of(message)!r}"
        if topic.word == HOTLIST:
            return repr(from_versioned(envelope.payload, Manifest, max_bytes=MAX_MANIFEST_BYTES))
        return repr(envelope.payload)


@dataclass
class Recorder:
    """A context; needs a running broker that knows `WORKER` and `PUBLISHER`."""

    settings: Settings
    _taken: list[Crossed] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Connect and subscribe."""
        up, broadcast = self._client(WORKER), self._client(PUBLISHER)
        self._lines = gathered(up, broadcast)
        self._clients = self._lines.__enter__()
        up.subscribe(*patterns(Direction.UP, city=self.settings.city))
        broadcast.subscribe(*patterns(Direction.BROADCAST, city=self.settings.city))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._lines.__exit__(kind, value, trace)

    def crossed(self) -> tuple[Crossed, ...]:
        """All so far."""
        for client in self._clients:
            while not client.received.empty():
                self._taken.append(_crossed(client.received.get_nowait()))
        return tuple(self._taken)

    def list_version(self) -> int:
        """The newest hotlist that boxes have been told of."""
        manifests = (each for each in self.crossed() if parse_topic(each.topic).word == HOTLIST)
        payloads = (parse(each.payload).payload for each in manifests)
        found = (from_versioned(payload, Manifest, max_bytes=MAX_MANIFEST_BYTES) for payload in payloads)
        return max((manifest.list_version for manifest in found), default=0)

    def _client(self, name: str) -> MqttClient:
        broker = self.settings.broker
        return MqttClient(broker.port, Credentials(broker.ca, broker.certificate_of(name), broker.key_of(name)), name)


def _crossed(message: MQTTMessage) -> Crossed:
    return Crossed(message.topic, bytes(message.payload))
