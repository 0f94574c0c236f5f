"""The line between two namespaces does to packets what it says, and TCP on both ends is the kernel's own."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.simulators.aggregator_peer import until
from tests.simulators.packet_line import CAN_RUN, CLEAR, CUT, FAR, NEAR, PacketLine, Weather, flapping

pytestmark = pytest.mark.skipif(not CAN_RUN, reason="needs root and /dev/net/tun")
PORT = 7000
PATIENCE_S = 60.0  # TCP waits twice as long after each packet that is lost once more
A_LOT = bytes(range(256)) * 800


@pytest.fixture
def line() -> Iterator[PacketLine]:
    with PacketLine() as line:
        yield line


@contextlib.contextmanager
def talk(line: PacketLine) -> Iterator[socket.socket]:
    """A connection from the near end to somebody at the far end who says everything back."""
    with line.inside(FAR):
        server = socket.create_server((FAR, PORT))

    def echo() -> None:
        taken, _ = server.accept()
        with taken:
            while heard := taken.recv(65536):
                taken.sendall(heard)

    thread = threading.Thread(target=echo)
    thread.start()
    try:
        with line.inside(NEAR), socket.create_connection((FAR, PORT), timeout=PATIENCE_S) as client:
            yield client
    finally:
        line.becomes(CLEAR)
        thread.join()
        server.close()


def answered(client: socket.socket, said: bytes) -> bytes:
    """What comes back, as much as was said."""
    client.sendall(said)
    heard = b""
    while len(heard) < len(said):
        heard += client.recv(65536)
    return heard


def test_a_delay_holds_packets_back_both_ways(line: PacketLine) -> None:
    with talk(line) as client:
        assert answered(client, b"one") == b"one"
        line.becomes(Weather(delay_s=0.1))
        began = time.monotonic()
        assert answered(client, b"two") == b"two"
        assert time.monotonic() - began >= 0.2


def test_lost_packets_are_sent_again_by_tcp(line: PacketLine) -> None:
    with talk(line) as client:
        line.becomes(Weather(loss=0.05))
        assert answered(client, A_LOT) == A_LOT
        assert line.lost > 0


def test_a_cut_line_says_nothing_to_anybody_and_heals_under_the_same_connection(line: PacketLine) -> None:
    with talk(line) as client:
        line.becomes(CUT)
        client.sendall(b"hello")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(10)
        line.becomes(CLEAR)
        client.settimeout(PATIENCE_S)
        assert client.recv(10) == b"hello"


def test_one_way_can_be_cut_alone(line: PacketLine) -> None:
    with talk(line) as client:
        before = line.carried
        line.becomes(CLEAR, CUT)
        client.sendall(b"hello")
        until(lambda: line.carried > before)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(10)


def test_answers_are_lost_from_a_given_packet_on_which_arrives(line: PacketLine) -> None:
    with talk(line) as client:
        line.loses_answers_to(lambda packet: packet.endswith(b"two"))
        assert answered(client, b"one") == b"one"
        before = line.carried
        client.sendall(b"two")
        until(lambda: line.carried > before)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(10)
        line.becomes(CLEAR)
        client.settimeout(PATIENCE_S)
        assert client.recv(10) == b"two"


def test_a_line_that_flaps_carries_everything_in_the_end(line: PacketLine) -> None:
    with talk(line) as client:
        line.becomes(flapping(0.1, 0.05))
        assert answered(client, A_LOT) == A_LOT


def test_neither_end_is_the_machines_own_network(line: PacketLine) -> None:
    with line.inside(NEAR):
        names = {name for _, name in socket.if_nameindex()}
    assert names == {"lo", "line0"}
    assert "line0" not in {name for _, name in socket.if_nameindex()}
