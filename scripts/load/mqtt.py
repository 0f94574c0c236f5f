"""As much of MQTT 5 as a load generator needs, over non-blocking TLS: frames out in bulk, frames in one by one.

A general client costs more per message than the whole city behind the broker. This one takes ready-made frames, writes
hundreds in one call, and reads acknowledgements without an object for each.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

CONNACK: Final = 0x20
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
SUBACK: Final = 0x90
PINGREQ: Final = b"\xc0\x00"
DISCONNECT_WITH_WILL: Final = b"\xe0\x01\x04"
FAILURE: Final = 0x80  # reason codes from here on
_WITH_WILL: Final = 0x0C  # no clean start; a will, at QoS 1, not retained
_READ_BYTES: Final = 64 * 1024


class LoadError(Exception):
    """The load could not be brought, or was not answered; the text says what to look at."""


def connect_frame(client_id: str) -> bytes:
    """CONNECT with a clean start and no keep-alive."""
    return _frame(0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00" + _text(client_id))


def lasting_connect_frame(
    client_id: str, *, will_topic: str, will: bytes, keep_alive_s: int, session_expiry_s: int
) -> bytes:
    """CONNECT as the agent does: a session that outlives the connection, and a will at QoS 1."""
    head = b"\x00\x04MQTT\x05" + bytes((_WITH_WILL,)) + keep_alive_s.to_bytes(2, "big")
    expiry = b"\x05\x11" + session_expiry_s.to_bytes(4, "big")  # five bytes of properties: the one is 0x11
    return _frame(0x10, head + expiry + _text(client_id) + b"\x00" + _text(will_topic) + _binary(will))


def subscribe_frame(*topics: str) -> bytes:
    """SUBSCRIBE at QoS 1 under packet id 1."""
    return _frame(0x82, b"\x00\x01\x00" + b"".join(_text(topic) + b"\x01" for topic in topics))


def publish_frame(topic: str, packet_id: int, payload: bytes) -> bytes:
    """PUBLISH at QoS 1."""
    return _frame(PUBLISH | 0x02, _text(topic) + packet_id.to_bytes(2, "big") + b"\x00" + payload)


class LoadLine:
    """One box's connection. `send` never waits: what the socket does not take yet stays in `unsent`."""

    def __init__(self, client_id: str, address: tuple[str, int], context: ssl.SSLContext, topic: str) -> None:
        """Connect, subscribe to a topic, and wait for both answers."""
        plain = socket.create_connection(address, timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=address[0])
        self._received, self.unsent = bytearray(), b""
        for frame, answer in ((connect_frame(client_id), CONNACK), (subscribe_frame(topic), SUBACK)):
            self.socket.sendall(frame)
            self._expect(answer, client_id)
        self.socket.setblocking(False)

    def send(self, data: bytes = b"") -> None:
        """Write what is there to write, as far as the socket takes it."""
        self.unsent += data
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent[:_READ_BYTES]) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What came in: kind and content of each frame."""
        try:
            while data := self.socket.recv(_READ_BYTES):
                self._received += data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            yield from split(self._received)
            return
        raise LoadError("the broker closed a box's connection; see its log")

    def _expect(self, kind: int, client_id: str) -> None:
        while not (frames := list(split(self._received))):
            data = self.socket.recv(_READ_BYTES)
            if not data:
                break
            self._received += data
        reason_at = 1 if kind == CONNACK else -1
        if len(frames) != 1 or frames[0][0] != kind or frames[0][1][reason_at] >= FAILURE:
            raise LoadError(f"the broker refused {client_id}; see its log")


def split(received: bytearray) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each frame that has come in whole; what is left stays in the buffer."""
    at = 0
    while (place := _content(received, at)) is not None:
        kind, (at, end) = received[at], place
        yield kind, bytes(received[at:end])
        at = end
    del received[:at]


def topic_of(content: bytes) -> str:
    """The topic of a PUBLISH."""
    return content[2 : 2 + int.from_bytes(content[:2], "big")].decode()


def delivered(content: bytes, kind: int) -> tuple[bytes, bytes | None]:
    """The payload of a PUBLISH, and the acknowledgement that it wants."""
    at = 2 + int.from_bytes(content[:2], "big")
    acknowledgement = None
    if kind & 0x06:
        acknowledgement = bytes((PUBACK, 2)) + content[at : at + 2]
        at += 2
    length, start = _varint(content, at)
    return content[start + length :], acknowledgement


def _content(data: bytearray, at: int) -> tuple[int, int] | None:
    """Where the content of the frame at a place begins and ends; none if it is not all there."""
    for width in range(1, 5):
        if at + width >= len(data):
            return None
        if data[at + width] < 0x80:
            length, start = _varint(data, at + 1)
            return (start, start + length) if start + length <= len(data) else None
    raise LoadError("the broker sent a frame of no form")


def _varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """A variable byte integer and the place after it (MQTT 5, section 1.5.5)."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def _frame(head: int, content: bytes) -> bytes:
    length, encoded = len(content), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        encoded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes((head,)) + bytes(encoded) + content


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
