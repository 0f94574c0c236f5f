"""The broker's bytes: a PUBLISH is read as paho reads it, and TLS that reads ahead loses and reorders nothing."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from aggregator.adapters.broker_client import ReadAhead, read_publish
from aggregator.adapters.mosquitto import ClosingSocket

TOPIC = "atalaya/v1/saltillo/p-1/box-1/hit"
letters = st.characters(min_codepoint=32, max_codepoint=0xFFF)  # what MQTT takes in a text
topics, texts = st.text(letters, min_size=1, max_size=40), st.text(letters, max_size=60)


def make_publish(topic: str, payload: bytes, *, packet_id: int, properties: bytes = b"\0") -> bytes:
    """A PUBLISH behind its length; at QoS 1 if it has a packet id."""
    name = topic.encode()
    number = packet_id.to_bytes(2, "big") if packet_id else b""
    return len(name).to_bytes(2, "big") + name + number + properties + payload


@given(topics, st.binary(max_size=300), st.integers(0, 65_535), st.lists(st.tuples(texts, texts), max_size=4))
def test_a_publish_is_read_as_paho_reads_it(
    topic: str, payload: bytes, packet_id: int, said: list[tuple[str, str]]
) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.MessageExpiryInterval = 60
    if said:
        properties.UserProperty = said
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    packet, head = make_publish(topic, payload, packet_id=packet_id, properties=packed), 0x32 if packet_id else 0x30
    theirs = decode_publish(head, packet, MQTTProtocolVersion.MQTTv5)
    assert read_publish(head, bytearray(packet)) == (theirs.topic.decode(), payload, packet_id, theirs.qos)


@pytest.mark.parametrize("properties", [b"\0", b"\x05\x02\0\0\0\x3c", b"\x80\x01" + bytes(128)])
def test_a_publish_that_is_cut_in_its_head_is_refused(properties: bytes) -> None:
    packet = make_publish(TOPIC, b"", packet_id=7, properties=properties)
    assert read_publish(0x32, packet) == (TOPIC, b"", 7, 1)
    for end in range(len(packet)):
        with pytest.raises(IndexError):
            read_publish(0x32, packet[:end])


@contextlib.contextmanager
def tls_pair(folder: Path) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Both ends of a TLS connection; ours reads ahead, and does not wait."""
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.load_cert_chain(self_signed(folder))
    ours.load_verify_locations(folder / "server.pem")
    ours.sslsocket_class = ReadAhead
    near, far = socket.socketpair()
    server = theirs.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    shaking = Thread(target=server.do_handshake)
    shaking.start()
    client = ours.wrap_socket(near, server_hostname="broker")
    shaking.join()
    client.setblocking(False)
    with server, client:
        yield server, client


def self_signed(folder: Path) -> Path:
    """A server's certificate and key in one file."""
    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("broker")]), critical=False)
        .sign(key, None)
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    return path


def test_what_has_come_is_given_out_in_pieces_of_any_size(tmp_path: Path) -> None:
    said = [bytes([number]) * (1 + 997 * number % 20_000) for number in range(40)]
    with tls_pair(tmp_path) as (server, client):
        for each in said:
            server.sendall(each)
            assert client.recv(1) == each[:1]
            left = each[1:]
            while left:
                piece = client.recv(7_000)
                assert piece
                assert left.startswith(piece)
                left = left[len(piece) :]
            assert client.pending() == 0
        with pytest.raises(ssl.SSLWantReadError):
            client.recv(1)


def test_several_records_are_read_at_once_and_counted_as_pending(tmp_path: Path) -> None:
    with tls_pair(tmp_path) as (server, client):
        for each in (b"one", b"two", b"three"):
            server.sendall(each)
        assert client.recv(2) == b"on"
        assert client.pending() == len(b"etwothree")
        assert client.recv(100) == b"etwothree"
        server.close()
        assert client.recv(1) == b""


@pytest.mark.parametrize("kind", [ClosingSocket, ReadAhead])
def test_a_line_whose_handshake_gets_no_answer_is_closed(kind: type[ssl.SSLSocket]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = kind
    near, far = socket.socketpair()
    with far:
        near.settimeout(0.05)
        line = context.wrap_socket(near, server_hostname="broker", do_handshake_on_connect=False)
        with pytest.raises(TimeoutError):
            line.do_handshake()
        assert line.fileno() == -1
