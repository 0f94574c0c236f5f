"""paho, as a worker needs it: for thousands of messages a second, each of them small.

paho asks the socket for a packet's first byte, for each byte of its length and for the rest, waits on the socket before
every packet, and makes objects for a message's properties and its completion that nobody here looks at. With TLS and
the interpreter lock all that costs a third of checking a signature. So:

1. What has come is taken from TLS in one go, and handed to paho in pieces out of memory.
2. Packets are read until there are none, and only then is the socket waited on.
3. A PUBLISH is told of by its topic, payload, packet id and QoS, and no more.
4. Acknowledgements are sent from paho's own thread, those of a batch in one write. Each one sent from another thread
   costs a hand-over of the interpreter lock, and each one sent alone two system calls and a TLS record: several times
   what it takes, here and at the broker.

Points 3 and 4 reach into paho where it has no door; the tests on the real broker hold them.
"""

import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from typing_extensions import override

from aggregator.adapters.mosquitto import ClosingSocket, tls_context

# What arrived: topic, payload, packet id (0 below QoS 1), QoS.
Arrived: TypeAlias = Callable[[str, bytes, int, int], None]

_PUBACK: Final = 0x40
_RECORD_BYTES: Final = 16 * 1024  # the most that a TLS record holds
_MOST_RECORDS: Final = 64  # then what waits to be sent has its turn
_CONTINUES: Final = 0x80


class ReadAhead(ClosingSocket):
    """A TLS socket that reads what there is, and gives it out in pieces as small as they are asked for."""

    _ahead: bytes = b""
    _at: int = 0

    @override
    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Some bytes; raises as `SSLSocket` does when there are none."""
        if self._at >= len(self._ahead):
            self._ahead, self._at = self._all_there_is(), 0
        start = self._at
        self._at = start + buflen
        return self._ahead[start : self._at]

    @override
    def pending(self) -> int:
        """How many bytes can be had without asking the system."""
        return max(len(self._ahead) - self._at, 0) + super().pending()

    def _all_there_is(self) -> bytes:
        records = [super().recv(_RECORD_BYTES)]
        try:
            while records[-1] and len(records) < _MOST_RECORDS:
                records.append(super().recv(_RECORD_BYTES))
        except ssl.SSLWantReadError:
            pass
        return b"".join(records)


class BrokerClient(Client):
    """A client whose arrivals go to `arrived`; nothing is acknowledged before `acknowledge`."""

    def __init__(self, client_id: str, arrived: Arrived) -> None:
        """Not connected yet. `arrived` is called from paho's thread."""
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        self._arrived = arrived
        self._unsent: deque[int] = deque()

    def speak_tls(self, ca: Path, certificate: Path, key: Path) -> None:
        """Show this certificate, and read ahead."""
        context = tls_context(ca, certificate, key)
        context.sslsocket_class = ReadAhead
        self.tls_set_context(context)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Say of what arrived over this connection that it is safe."""
        if packet_ids:
            self._unsent.extend(packet_ids[:-1])
            self.ack(packet_ids[-1], 1)  # wakes paho's thread, which sends the others

    def forget(self) -> None:
        """Acknowledge nothing of an earlier connection."""
        self._unsent.clear()

    @override
    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """What paho calls when there is something to read."""
        code = super().loop_read(max_packets)
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._has_more():
            code = super().loop_read(max_packets)
        return code

    @override
    def loop_misc(self) -> MQTTErrorCode:
        """What paho calls at every turn of its loop."""
        if self._unsent:
            ids = [self._unsent.popleft() for _ in range(len(self._unsent))]
            # paho's own queue of packets takes bytes as they are: several packets are one write.
            self._packet_queue(_PUBACK, b"".join(map(_puback, ids)), ids[-1], 1)
        return super().loop_misc()

    @override
    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet
        try:
            topic, payload, packet_id, qos = read_publish(packet["command"], packet["packet"])
        except (IndexError, UnicodeDecodeError):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._arrived(topic, payload, packet_id, qos)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _has_more(self) -> bool:
        line = self.socket()
        return isinstance(line, ReadAhead) and line.pending() > 0


def read_publish(head: int, packet: bytes | bytearray) -> tuple[str, bytes, int, int]:
    """Topic, payload, packet id, QoS of a PUBLISH (MQTT 5, section 3.3) behind its length. `IndexError`: cut."""
    qos, end = head >> 1 & 3, 2 + (packet[0] << 8 | packet[1])
    topic, packet_id = packet[2:end].decode(), 0
    if qos:
        packet_id = packet[end] << 8 | packet[end + 1]
        end += 2
    properties_bytes, shift = packet[end] & ~_CONTINUES, 0
    while packet[end] & _CONTINUES:  # a number of seven bits a byte, the lowest first
        end, shift = end + 1, shift + 7
        properties_bytes |= (packet[end] & ~_CONTINUES) << shift
    start = end + 1 + properties_bytes
    if start > len(packet):
        raise IndexError
    return topic, bytes(packet[start:]), packet_id, qos


def _puback(packet_id: int) -> bytes:
    """PUBACK with success (MQTT 5, section 3.4)."""
    return bytes((_PUBACK, 2)) + packet_id.to_bytes(2, "big")
