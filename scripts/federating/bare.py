"""The bare way between a city and a region: two brokers, one bridge, one database, and nothing of ours.

Two more mosquittos, under the certificates of a city and of the region, the first with mosquitto's own bridge to the
second over mTLS: the same bytes go in at the city's end, a subscriber at the region's end counts them. Then the rows
that ingest would write are written by asyncpg in batches of 500, columns made beforehand. Nobody verifies a signature,
asks where a box stands, numbers, receipts or catches up here: that is what is measured against it.
"""

import asyncio
import os
import pwd
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
from load.fleet import LoadBox, Said
from load.mqtt import LoadLine, publish_frame
from load.publisher import Answer, Plan, Publisher
from load.reference import BareSubscriber, insert_elapsed_s
from paho.mqtt.client import Client, MQTTMessage
from stack.city import LocalCity, listens
from stack.ports import free_ports
from stack.process import Program, StackError
from stack.state import LocalRegion

from aggregator.adapters.database import Access
from aggregator.adapters.migrations import migrate
from aggregator.adapters.mosquitto import client_of, connect_once, leave, program, tls_context
from aggregator.settings import Settings, load
from protocol.envelope import envelope_hash

WINDOW: Final = 64
HOPS: Final = 200
HOP_EVERY_S: Final = 0.01
_LIMIT_S: Final = 300.0
_DATABASE: Final = "bare"


@dataclass(frozen=True, slots=True)
class Bare:
    """Seconds for the whole backlog, and milliseconds of single hops over the bridge, sorted."""

    bridge_s: float
    insert_s: float
    hop_ms: list[float]


def measure(
    region: LocalRegion, city: LocalCity, boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]], folder: Path
) -> Bare:
    """All three, one after the other."""
    with bridge(region, city, folder) as (at_city, at_region):
        hop_ms = _hops_ms(at_city, at_region, boxes[0], [*said[0]][:HOPS])
        bridge_s = _bridged_s(at_city, at_region, boxes, said)
    return Bare(bridge_s, _inserted_s(region, list(chain.from_iterable(said))), hop_ms)


@contextmanager
def bridge(region: LocalRegion, city: LocalCity, folder: Path) -> Iterator[tuple[Settings, Settings]]:
    """Two brokers and the bridge between them; the settings by which clients of either reach it."""
    above, below = _at(region, free_ports(1)[0]), _at(city, free_ports(1)[0])
    client = above.broker.publisher
    up = f"""
connection up
address 127.0.0.1:{above.broker.port}
topic # out 1
bridge_protocol_version mqttv50
notifications false
bridge_cafile {above.broker.ca}
bridge_certfile {above.broker.certificate_of(client)}
bridge_keyfile {above.broker.key_of(client)}
"""
    brokers = [_broker("above", above, folder), _broker("below", below, folder, up)]
    try:
        for broker, settings in zip(brokers, (above, below), strict=True):
            broker.start()
            broker.await_ready(partial(listens, settings.broker.port))
        yield below, above
    finally:
        for broker in reversed(brokers):
            broker.stop()


def _at(installation: LocalCity, port: int) -> Settings:
    """An installation's settings, its broker at another port."""
    settings = load(installation.config)
    return msgspec.structs.replace(settings, broker=msgspec.structs.replace(settings.broker, port=port))


def _broker(name: str, settings: Settings, folder: Path, more: str = "") -> Program:
    """A mosquitto that takes every certificate of its authority, and keeps no list of who may what."""
    configuration = folder / f"{name}.conf"
    configuration.write_text(f"""
user {pwd.getpwuid(os.geteuid()).pw_name}
log_dest stderr
persistence false
max_queued_messages 1000000
max_inflight_messages {settings.mosquitto.max_inflight_messages}
listener {settings.broker.port} 127.0.0.1
cafile {settings.broker.ca}
certfile {settings.mosquitto.certificate}
keyfile {settings.mosquitto.key}
require_certificate true
allow_anonymous true
{more}""")
    return Program(f"bare broker {name}", [program(), "-c", str(configuration)], folder / f"{name}.log")


def _bridged_s(
    at_city: Settings, at_region: Settings, boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]]
) -> float:
    with (
        BareSubscriber(at_region, sum(map(len, said))) as subscriber,
        Publisher(at_city, boxes, said, Plan(Answer.BROKER, WINDOW)) as publisher,
    ):
        started_s = time.monotonic()
        publisher.begin()
        while isinstance(publisher.progress(), int):
            pass
        subscriber.cpu_s(_LIMIT_S)
        return time.monotonic() - started_s


def _hops_ms(at_city: Settings, at_region: Settings, box: LoadBox, said: Sequence[Said]) -> list[float]:
    """One message at a time: from its sending at the city's end to its arrival at the region's."""
    arrived: dict[bytes, float] = {}
    with _listening(at_region, arrived):
        tls = tls_context(at_city.broker.ca, box.certificate, box.key)
        line = LoadLine(box.who.device, (at_city.broker.host, at_city.broker.port), tls, "none")
        sent: dict[bytes, float] = {}
        for number, each in enumerate(said, 1):
            sent[envelope_hash(each.raw)] = time.time()
            line.send(publish_frame(each.topic, number, each.raw))
            time.sleep(HOP_EVERY_S)
        ends_s = time.monotonic() + _LIMIT_S
        while len(arrived) < len(sent):
            if time.monotonic() > ends_s:
                raise StackError("the bare bridge lost messages; see its log")
            time.sleep(HOP_EVERY_S)
        line.socket.close()
    return sorted((arrived[each] - at_s) * 1000 for each, at_s in sent.items())


@contextmanager
def _listening(settings: Settings, arrived: dict[bytes, float]) -> Iterator[None]:
    """Within it a client notes when what came."""
    broker = settings.broker
    client = client_of(broker.worker, tls_context(broker.ca, broker.certificate, broker.key))

    # `Any`: paho's callbacks pass a userdata that nobody sets.
    def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        arrived[envelope_hash(bytes(message.payload))] = time.time()

    subscribed: list[int] = []
    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.append(1)
    connect_once(client, settings)
    client.subscribe("#", 1)
    client.loop_start()
    while not subscribed:
        time.sleep(HOP_EVERY_S)
    try:
        yield
    finally:
        client.loop_stop()
        leave(client)


def _inserted_s(region: LocalRegion, said: Sequence[Said]) -> float:
    dsn = asyncio.run(_new_database(region))
    return insert_elapsed_s(dsn, said)


async def _new_database(region: LocalRegion) -> str:
    """Another database on the region's server, with this release's tables and nothing in them."""
    maintenance = await asyncpg.connect(region.server.dsn("postgres"))
    try:
        await maintenance.execute(f"CREATE DATABASE {_DATABASE}")
    finally:
        await maintenance.close()
    connection = await Access(region.server.dsn(_DATABASE)).connect()
    try:
        await migrate(connection)
    finally:
        await connection.close()
    return region.server.dsn(_DATABASE)
