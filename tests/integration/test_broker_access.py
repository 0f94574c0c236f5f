"""The real mosquitto under the generated configuration: who gets in, who says and hears what, and what is never lost.

Silence is not waited for: a marker that must arrive is sent behind what must not.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import founding, keyfiles, mosquitto, pki
from aggregator.core.founding import Plan
from aggregator.settings import Settings
from protocol.keys import spki_of
from protocol.messages import Kind
from protocol.order import Identity
from protocol.topics import (
    HOTLIST,
    PRESENCE,
    RECEIPT,
    Direction,
    broadcast_topic,
    device_topic,
    message_topic,
    patterns,
)
from tests.simulators.broker import Broker, free_port
from tests.simulators.mqtt_client import TIMEOUT_S, Credentials, MqttClient, NotConnected, gathered

CITY = "saltillo"
PASSPHRASES = founding.Passphrases(root=b"the root's passphrase", evidence=b"the evidence passphrase")
BOX, OTHER = Identity("box-1", CITY, "p-1"), Identity("box-2", CITY, "p-2")
HIT, OTHERS_HIT = str(message_topic(BOX, Kind.HIT)), str(message_topic(OTHER, Kind.HIT))
CONNECT, CONNACK = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05box-1", b"\x20"
UP = [f"$share/ingest/{topic}" for topic in patterns(Direction.UP)]


@dataclass(frozen=True)
class Fleet:
    """An installation's broker side, and clients of it."""

    settings: Settings
    folder: Path

    @property
    def issuing(self) -> pki.Authority:
        """The CA whose leaves the broker takes."""
        return founding.read_issuing(self.settings)

    def credentials(self, name: str, *, by: pki.Authority | None = None, days: int = 30) -> Credentials:
        """A fresh key and certificate of a common name."""
        key, authority, now = Ed25519PrivateKey.generate(), by or self.issuing, datetime.now(UTC)
        spki, valid = spki_of(key.public_key()), timedelta(days=days)
        leaf = pki.issue(authority, name, spki, pki.Use.CLIENT, now=now, valid=valid)
        stem = f"{name}-{leaf.serial_number:x}"
        certificate, key_file = self.folder / f"{stem}.crt", self.folder / f"{stem}.key"
        keyfiles.write_certificates(certificate, leaf, authority.certificate)
        keyfiles.write_private(key_file, key)
        return Credentials(self.settings.broker.ca, certificate, key_file)

    def client(self, files: Credentials, claim: str) -> MqttClient:
        """A connection under somebody's certificate that claims a client id."""
        return MqttClient(self.settings.broker.port, files, claim)

    def device(self, who: Identity) -> MqttClient:
        """A box's connection."""
        return self.client(self.credentials(who.device), who.device)

    def own(self, name: str, *, session_s: int = 0, manual: bool = False) -> MqttClient:
        """A connection of one of our own clients."""
        broker = self.settings.broker
        files = Credentials(broker.ca, broker.certificate_of(name), broker.key_of(name))
        return MqttClient(broker.port, files, name, session_s=session_s, manual=manual)

    def revoke(self, files: Credentials) -> None:
        """Put a certificate on the CRL."""
        assert files.certificate is not None
        serial, now = keyfiles.read_certificate(files.certificate).serial_number, datetime.now(UTC)
        previous = pki.read_crl(self.settings.keys.crl.read_bytes())
        crl = pki.make_crl(self.issuing, [pki.Revoked(serial, now)], previous=previous, now=now)
        keyfiles.replace(self.settings.keys.crl, crl)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a limit."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    plan = Plan(city=CITY, name="Saltillo", broker_port=free_port(), workers=2)
    settings = founding.found(tmp_path / "installation", plan, PASSPHRASES, now=datetime.now(UTC))
    return Fleet(settings, tmp_path)


@pytest.fixture
def broker(fleet: Fleet) -> Iterator[Broker]:
    with Broker(fleet.settings) as running:
        yield running


@pytest.mark.usefixtures("broker")
class TestWhoGetsIn:
    def test_nobody_without_a_certificate(self, fleet: Fleet) -> None:
        anonymous = fleet.client(Credentials(fleet.settings.broker.ca), "box-1")
        with pytest.raises(NotConnected):
            anonymous.connect()

    def test_nobody_with_a_certificate_of_another_ca(self, fleet: Fleet, tmp_path: Path) -> None:
        settings = founding.found(tmp_path / "other", Plan(city=CITY, name=""), PASSPHRASES, now=datetime.now(UTC))
        stranger = fleet.credentials("box-1", by=founding.read_issuing(settings))
        with pytest.raises(NotConnected):
            fleet.client(stranger, "box-1").connect()

    def test_nobody_whose_certificate_has_expired(self, fleet: Fleet) -> None:
        with pytest.raises(NotConnected):
            fleet.client(fleet.credentials("box-1", days=-1), "box-1").connect()

    def test_nobody_with_a_servers_certificate(self, fleet: Fleet) -> None:
        http = fleet.settings.http
        files = Credentials(fleet.settings.broker.ca, http.certificate, http.key)
        with pytest.raises(NotConnected):
            fleet.client(files, "box-1").connect()

    def test_nobody_over_a_plain_connection(self, fleet: Fleet) -> None:
        with socket.create_connection(("127.0.0.1", fleet.settings.broker.port), timeout=TIMEOUT_S) as line:
            line.sendall(CONNECT)
            with contextlib.suppress(ConnectionResetError):
                assert not line.recv(64).startswith(CONNACK), "an answer in the clear"

    def test_nobody_over_an_older_tls(self, fleet: Fleet) -> None:
        context = fleet.credentials("box-1").context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        line = socket.create_connection(("127.0.0.1", fleet.settings.broker.port), timeout=TIMEOUT_S)
        with line, pytest.raises(ssl.SSLError):
            context.wrap_socket(line, server_hostname="127.0.0.1")

    def test_a_box_with_its_certificate(self, fleet: Fleet) -> None:
        with fleet.device(BOX) as box:
            assert box.is_up.is_set()


def test_mosquitto_listens_on_its_one_port_only(broker: Broker) -> None:
    inodes = {f"socket:[{line.split()[9]}]": line.split()[1] for line in _listening()}
    ports = {int(inodes[link].split(":")[1], 16) for link in _open_files(broker.pid) if link in inodes}
    assert ports == {broker.port}


def _open_files(pid: int) -> Iterator[str]:
    for fd in (Path("/proc") / str(pid) / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile, as the connection that tried the port is
            yield str(fd.readlink())


def _listening() -> list[str]:
    lines = [line for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return [line for line in lines if line.split()[3] == "0A"]


class TestRevocation:
    def test_a_revoked_certificate_is_refused_and_its_live_session_dropped(self, fleet: Fleet) -> None:
        files = fleet.credentials("box-1")
        with Broker(fleet.settings), fleet.client(files, "box-1") as box, fleet.device(OTHER) as other:
            fleet.revoke(files)
            mosquitto.reload(fleet.settings)
            mosquitto.drop_session(fleet.settings, "box-1", fleet.issuing, now=datetime.now(UTC))
            assert box.is_down.wait(TIMEOUT_S)
            with pytest.raises(NotConnected):
                fleet.client(files, "box-1").connect()
            assert not other.is_down.is_set()

    def test_the_reload_alone_leaves_the_live_session_up(self, fleet: Fleet, broker: Broker) -> None:
        """Why `drop_session` is there; if mosquitto learns to do it, this test says so."""
        files = fleet.credentials("box-1")
        with fleet.client(files, "box-1") as box, fleet.own("worker.1") as worker:
            worker.subscribe(HIT)
            fleet.revoke(files)
            broker.reload()
            box.publish(HIT, b"still here")
            assert worker.take().payload == b"still here"

    @pytest.mark.usefixtures("broker")
    def test_a_revoked_device_cannot_come_back_by_resuming_its_tls_session(self, fleet: Fleet) -> None:
        files = fleet.credentials("box-1")
        context, port = files.context(), fleet.settings.broker.port
        session = _session(context, port)
        fleet.revoke(files)
        mosquitto.reload(fleet.settings)
        assert not _is_let_in(context, port, session)


def _dial(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    line = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    return context.wrap_socket(line, server_hostname="127.0.0.1", session=session)


def _session(context: ssl.SSLContext, port: int) -> ssl.SSLSession | None:
    """A session as a client holds it after it was let in."""
    with _dial(context, port, None) as line:
        line.sendall(CONNECT)
        assert line.recv(64).startswith(CONNACK)
        return line.session


def _is_let_in(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> bool:
    try:
        with _dial(context, port, session) as line:
            line.sendall(CONNECT)
            return line.recv(64).startswith(CONNACK)
    except OSError:
        return False


@pytest.mark.usefixtures("broker")
class TestWhoSaysAndHearsWhat:
    def test_a_worker_hears_every_word_of_a_box(self, fleet: Fleet) -> None:
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box:
            worker.subscribe(*UP)
            topics = [str(message_topic(BOX, kind)) for kind in Kind] + [str(device_topic(BOX, PRESENCE))]
            for topic in topics:
                box.publish(topic, b"x")
            assert {message.topic for message in worker.take_all(len(topics))} == set(topics)

    @pytest.mark.parametrize(
        "forbidden",
        [
            OTHERS_HIT,
            str(device_topic(BOX, RECEIPT)),
            str(broadcast_topic(CITY, HOTLIST)),
            str(message_topic(Identity("box-1", "monclova", "p-1"), Kind.HIT)),
            "atalaya/v1/saltillo/p-1/box-1/unknown",
            "atalaya/v1/saltillo/p-1/box-1/hit/deeper",
            "$SYS/broker/version",
            "anything",
        ],
    )
    def test_a_box_on_a_topic_not_its_own_is_not_delivered(self, fleet: Fleet, forbidden: str) -> None:
        everything = [*patterns(Direction.UP), *patterns(Direction.DOWN), *patterns(Direction.BROADCAST), forbidden]
        with gathered(fleet.own("worker.1"), fleet.own("publisher.1"), fleet.device(OTHER), fleet.device(BOX)) as (
            worker,
            publisher,
            other,
            box,
        ):
            for listener in (worker, publisher, other):
                listener.subscribe(*everything)
            assert box.publish(forbidden, b"forged", retain=True).is_failure
            assert not box.publish(HIT, b"marker").is_failure
            assert worker.take().payload == b"marker"
            publisher.publish(str(broadcast_topic(CITY, HOTLIST)), b"marker")
            assert publisher.take().payload == other.take().payload == b"marker"
            assert b"forged" not in worker.heard() | other.heard()

    def test_a_box_that_listens_for_anothers_receipts_hears_its_own_only(self, fleet: Fleet) -> None:
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box:
            box.subscribe("#", "atalaya/v1/#", str(device_topic(OTHER, RECEIPT)), *patterns(Direction.UP))
            worker.publish(str(device_topic(OTHER, RECEIPT)), b"another's")
            worker.publish(str(device_topic(BOX, RECEIPT)), b"its own")
            assert box.take().payload == b"its own"

    def test_a_box_hears_no_other_box_even_in_the_workers_group(self, fleet: Fleet) -> None:
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box, fleet.device(OTHER) as other:
            box.subscribe(*UP)
            worker.subscribe(str(message_topic(OTHER, Kind.HIT)))
            other.publish(OTHERS_HIT, b"not for box-1")
            worker.take()
            worker.publish(str(device_topic(BOX, RECEIPT)), b"")
            box.subscribe(str(device_topic(BOX, RECEIPT)))
            worker.publish(str(device_topic(BOX, RECEIPT)), b"marker")
            assert box.take().payload == b"marker"

    def test_a_retained_manifest_reaches_a_box_that_comes_later(self, fleet: Fleet) -> None:
        topic = str(broadcast_topic(CITY, HOTLIST))
        with fleet.own("publisher.1") as publisher:
            publisher.publish(topic, b"manifest", retain=True)
        with fleet.device(BOX) as box:
            box.subscribe(topic)
            message = box.take()
            assert (message.payload, message.retain) == (b"manifest", True)

    def test_only_the_publisher_replaces_a_retained_manifest(self, fleet: Fleet) -> None:
        topic = str(broadcast_topic(CITY, HOTLIST))
        with fleet.own("publisher.1") as publisher, fleet.own("worker.1") as worker, fleet.device(BOX) as box:
            publisher.publish(topic, b"manifest", retain=True)
            for forger in (worker, box):
                forger.publish(topic, b"forged", retain=True)
                forger.publish(topic, b"", retain=True)
            with fleet.device(OTHER) as late:
                late.subscribe(topic)
                assert late.take().payload == b"manifest"

    def test_the_probe_hears_the_brokers_figures_and_a_box_does_not(self, fleet: Fleet) -> None:
        with fleet.own("probe.1") as probe, fleet.own("worker.1") as worker, fleet.device(BOX) as box:
            box.subscribe("$SYS/#", str(device_topic(BOX, RECEIPT)))
            probe.subscribe("$SYS/broker/version")
            assert b"mosquitto" in probe.take().payload
            worker.publish(str(device_topic(BOX, RECEIPT)), b"marker")
            assert box.take().payload == b"marker"


@pytest.mark.usefixtures("broker")
class TestWhoIsWho:
    def test_another_boxs_certificate_cannot_take_over_a_client_id(self, fleet: Fleet) -> None:
        thief = fleet.client(fleet.credentials("box-2"), "box-1")
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box, thief:
            worker.subscribe(*UP)
            thief.publish(HIT, b"forged")
            box.publish(HIT, b"marker")
            assert worker.take().payload == b"marker"
            assert not box.is_down.is_set()

    def test_a_box_that_calls_itself_a_worker_is_still_a_box(self, fleet: Fleet) -> None:
        thief = fleet.client(fleet.credentials("box-2"), "worker.1")
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box, thief:
            thief.subscribe(*patterns(Direction.UP))
            worker.subscribe(*UP)
            thief.publish(str(device_topic(BOX, RECEIPT)), b"forged")
            box.subscribe(str(device_topic(BOX, RECEIPT)))
            worker.publish(str(device_topic(BOX, RECEIPT)), b"marker")
            assert box.take().payload == b"marker"
            box.publish(HIT, b"for the worker")
            assert worker.take().payload == b"for the worker"
            assert not thief.heard()
            assert not worker.is_down.is_set()

    def test_two_workers_share_the_messages_and_let_each_other_be(self, fleet: Fleet) -> None:
        with fleet.own("worker.1") as one, fleet.own("worker.2") as two, fleet.device(BOX) as box:
            one.subscribe(*UP)
            two.subscribe(*UP)
            for number in range(40):
                box.publish(HIT, b"%d" % number)
            first = {worker.take().payload for worker in (one, two)}
            until(lambda: one.received.qsize() + two.received.qsize() == 38)
            assert first | one.heard() | two.heard() == {b"%d" % number for number in range(40)}
            assert not one.is_down.is_set()
            assert not two.is_down.is_set()


@pytest.mark.usefixtures("broker")
class TestNothingLostInSilence:
    def test_six_thousand_messages_wait_for_a_worker_that_is_away(self, fleet: Fleet) -> None:
        worker = fleet.own("worker.1", session_s=3600)
        with worker:
            worker.subscribe(*UP)
        with fleet.device(BOX) as box:
            sent = [box.paho.publish(HIT, b"%d" % number, qos=1) for number in range(6_000)]
            for one in sent:
                one.wait_for_publish(60)
        with fleet.own("worker.1", session_s=3600) as back:
            assert {int(message.payload) for message in back.take_all(6_000)} == set(range(6_000))

    def test_a_batch_larger_than_mosquittos_own_window_is_delivered_before_it_is_acknowledged(
        self, fleet: Fleet
    ) -> None:
        batch = fleet.settings.ingest.batch_messages
        with fleet.own("worker.1", manual=True) as worker, fleet.device(BOX) as box:
            worker.subscribe(*UP)
            sent = [box.paho.publish(HIT, b"%d" % number, qos=1) for number in range(batch)]
            messages = worker.take_all(batch)
            assert len(messages) == len(sent)

    def test_the_largest_envelope_passes(self, fleet: Fleet) -> None:
        with fleet.own("worker.1") as worker, fleet.device(BOX) as box:
            worker.subscribe(*UP)
            box.publish(HIT, bytes(128 * 1024))
            assert len(worker.take().payload) == 128 * 1024


def test_a_restart_keeps_what_waited_and_forgets_the_shared_subscription(fleet: Fleet, broker: Broker) -> None:
    """Why a worker subscribes at each connection, and why only a receipt lets an agent forget."""
    with fleet.own("worker.1", session_s=3600) as worker:
        worker.subscribe(*UP)
    with fleet.device(BOX) as box:
        box.publish(HIT, b"before")
        broker.restart()
    with fleet.own("worker.1", session_s=3600) as back, fleet.device(BOX) as box:
        assert back.take().payload == b"before"
        assert box.publish(HIT, b"unheard").getName() == "No matching subscribers"
        back.subscribe(*UP)
        box.publish(HIT, b"after")
        assert back.take().payload == b"after"


def test_an_expired_crl_locks_the_fleet_out_and_ours_is_years_from_it(fleet: Fleet) -> None:
    """Why the generated list is valid for so long, and why `broker check` warns."""
    then = datetime.now(UTC) - timedelta(days=pki.CRL_DAYS + 1)
    keyfiles.replace(fleet.settings.keys.crl, pki.make_crl(fleet.issuing, [], now=then))
    with Broker(fleet.settings), pytest.raises(NotConnected):
        fleet.device(BOX).connect()


def test_the_settings_reach_the_configuration(fleet: Fleet) -> None:
    changed = msgspec.structs.replace(fleet.settings.mosquitto, max_queued_messages=5, autosave_s=7)
    text = mosquitto.configuration(msgspec.structs.replace(fleet.settings, mosquitto=changed)).text()
    assert "max_queued_messages 5\n" in text
    assert "autosave_interval 7\n" in text
