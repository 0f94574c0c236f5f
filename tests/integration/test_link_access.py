"""What links may say and hear at a region's broker, on the real mosquitto: their own city's, nothing of another's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from protocol.messages import Kind
from protocol.order import Identity
from protocol.topics import (
    HEAD,
    HOTLIST,
    LINK_RECEIPT,
    RECEIPT,
    RESEND,
    SETTINGS,
    TRANSIT,
    Direction,
    broadcast_topic,
    device_topic,
    link_topic,
    message_topic,
    patterns,
)
from tests.simulators.federation import Centre, Federation, federated
from tests.simulators.mqtt_client import Credentials, MqttClient, NotConnected

OURS, THEIRS = "saltillo", "torreon"
BOX, OTHERS_BOX = Identity("saltillo-1", OURS, "saltillo-p1"), Identity("torreon-1", THEIRS, "torreon-p1")
NOT_AUTHORIZED = 135


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region's broker with two linked cities; no service runs."""
    async with federated(postgres, tmp_path, OURS, THEIRS, brokers=True) as made:
        yield made


def link_of(centre: Centre, *, claim: str | None = None) -> MqttClient:
    """A city's link at the region's broker."""
    link = centre.link
    return MqttClient(link.facts.broker_port, Credentials(link.ca, link.certificate, link.key), claim or link.client)


def own(centre: Centre, name: str) -> MqttClient:
    """One of a centre's own clients."""
    broker = centre.settings.broker
    return MqttClient(broker.port, Credentials(broker.ca, broker.certificate_of(name), broker.key_of(name)), name)


def test_a_link_says_what_its_citys_boxes_said_and_nothing_else(state: Federation) -> None:
    with own(state.region, "worker.1") as worker, link_of(state[OURS]) as link:
        worker.subscribe(*patterns(Direction.UP), *patterns(Direction.LINK_UP))
        for topic in (message_topic(BOX, Kind.HIT), link_topic(OURS, TRANSIT)):
            assert not link.publish(str(topic), b"ours").is_failure
        for topic in (
            message_topic(OTHERS_BOX, Kind.HIT),
            link_topic(THEIRS, TRANSIT),
            link_topic(OURS, HEAD),
            link_topic(OURS, LINK_RECEIPT),
            device_topic(BOX, RECEIPT),
            device_topic(BOX, SETTINGS),
            broadcast_topic(OURS, HOTLIST),
        ):
            assert link.publish(str(topic), b"forged", retain=True).value == NOT_AUTHORIZED, topic
        with link_of(state[OURS], claim="link.torreon") as liar:  # it is who its certificate says, whatever it claims
            assert liar.publish(str(link_topic(THEIRS, TRANSIT)), b"forged").value == NOT_AUTHORIZED
        heard = {(message.topic, bytes(message.payload)) for message in worker.take_all(2)}
        assert heard == {(str(message_topic(BOX, Kind.HIT)), b"ours"), (str(link_topic(OURS, TRANSIT)), b"ours")}
        assert worker.heard() == set()


def test_a_link_hears_answers_to_its_own_city_whatever_it_subscribes_to(state: Federation) -> None:
    region = state.region
    with own(region, "worker.1") as worker, own(region, "publisher.1") as publisher, link_of(state[OURS]) as link:
        link.subscribe("#")
        for city, who in ((THEIRS, OTHERS_BOX), (OURS, BOX)):
            worker.publish(str(device_topic(who, RESEND)), b"not for a link")
            worker.publish(str(device_topic(who, RECEIPT)), f"receipt {city}".encode())
            worker.publish(str(link_topic(city, LINK_RECEIPT)), f"link receipt {city}".encode())
            publisher.publish(str(link_topic(city, HEAD)), f"head {city}".encode(), retain=True)
        wanted = {b"receipt saltillo", b"link receipt saltillo", b"head saltillo"}
        heard = {bytes(link.take().payload) for _ in wanted}
        assert heard | link.heard() == wanted
    with link_of(state[OURS]) as again:
        again.subscribe(str(link_topic(OURS, HEAD)), str(link_topic(THEIRS, HEAD)))
        assert bytes(again.take().payload) == b"head saltillo"
        assert again.heard() == set()


def test_a_citys_box_and_its_own_clients_are_strangers_at_the_regions_broker(state: Federation) -> None:
    box, city, port = state[OURS].speaker("saltillo-1"), state[OURS].settings.broker, state.region.settings.broker.port
    ca = state[OURS].link.ca
    for files, name in (
        (Credentials(ca, box.certificate, box.key), box.who.device),
        (Credentials(ca, city.certificate_of("worker.1"), city.key_of("worker.1")), "worker.1"),
        (Credentials(ca), "link.saltillo"),
    ):
        with pytest.raises(NotConnected):
            MqttClient(port, files, name).connect()
