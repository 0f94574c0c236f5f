"""The bare minimum, beside which the ingest is measured: the same bytes verified, passed on and inserted, no more.

Each takes a batch of what a run takes and gives CPU seconds: a signature check and nothing around it; a broker and a
subscriber that acknowledges by hand what it does not read; the rows' statements with columns made beforehand.
"""

import asyncio
import multiprocessing
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, Final, TypeAlias

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from aggregator.adapters.mosquitto import tls_context
from aggregator.adapters.statements import statements
from aggregator.adapters.store import copied
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Cell, Row, Table, Taken, ledger_row, rows_of
from aggregator.settings import Settings
from load.fleet import LoadBox, Said
from load.mqtt import LoadError
from protocol.envelope import Context, envelope_hash, parse
from protocol.messages import body_of, decode_message
from protocol.topics import Direction, patterns

BATCH: Final = 500
Rows: TypeAlias = tuple[list[tuple[Cell, ...]], dict[Table, list[Row]]]
_READY_TIMEOUT_S: Final = 30.0


def verify_cpu_s(boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]]) -> float:
    """CPU seconds for the signatures alone."""
    work = []
    for box, each in zip(boxes, said, strict=True):
        key = load_der_public_key(box.signer.public_key.spki)
        assert isinstance(key, Ed25519PublicKey)  # noqa: S101  the fleet's keys are
        envelopes = [parse(one.raw) for one in each]
        work += [(key, envelope.signature, envelope.to_be_signed(Context.MESSAGE)) for envelope in envelopes]
    started_s = time.process_time()
    for key, signature, data in work:
        key.verify(signature, data)
    return time.process_time() - started_s


def insert_cpu_s(dsn: str, said: Sequence[Said]) -> float:
    """CPU seconds of the client for the rows alone; the server's are the caller's to measure."""
    return asyncio.run(_insert(dsn, _batches(said), time.process_time))


def insert_elapsed_s(dsn: str, said: Sequence[Said]) -> float:
    """Seconds by the clock for the rows alone."""
    return asyncio.run(_insert(dsn, _batches(said), time.monotonic))


def _batches(said: Sequence[Said]) -> list[Rows]:
    return [_rows(said[at : at + BATCH]) for at in range(0, len(said), BATCH)]


def _rows(said: Sequence[Said]) -> Rows:
    """The ledger's columns and the other tables' rows of a batch."""
    now, by_table = datetime.now(UTC), defaultdict[Table, list[Row]](list)
    taken = [_taken(each.raw, now) for each in said]
    for each in taken:
        for table, row in rows_of(each, TimeRules()):
            by_table[table].append(row)
    return list(zip(*map(ledger_row, taken), strict=True)), by_table


def _taken(raw: bytes, now: datetime) -> Taken:
    message = decode_message(parse(raw).payload)
    return Taken(message, body_of(message), raw, envelope_hash(raw), now)


async def _insert(dsn: str, work: Sequence[Rows], clock_s: Callable[[], float]) -> float:
    connection, ledger = await asyncpg.connect(dsn), statements("ingest")["ledger"]
    started_s = clock_s()
    for columns, by_table in work:
        async with connection.transaction():
            await connection.fetch(ledger, *columns)
            for table, rows in by_table.items():
                await copied(connection, table, rows)
    spent_s = clock_s() - started_s
    await connection.close()
    return spent_s


class BareSubscriber:
    """A worker's subscription in a process of its own, which counts and acknowledges and does nothing else."""

    def __init__(self, settings: Settings, total: int) -> None:
        """`total` messages end it."""
        fork = multiprocessing.get_context("fork")
        self._pipe, other = fork.Pipe()
        self._process = fork.Process(target=_subscribe, args=(other, settings, total), daemon=True)
        self._process.start()
        other.close()

    def __enter__(self) -> "BareSubscriber":
        """Wait until it is subscribed."""
        self._take(_READY_TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def cpu_s(self, timeout_s: float) -> float:
        """CPU seconds from the subscription to the last message."""
        return self._take(timeout_s)

    def _take(self, timeout_s: float) -> float:
        if not self._pipe.poll(timeout_s):
            raise LoadError("the bare subscriber did not get all messages; see the broker's log")
        return float(self._pipe.recv())


def _subscribe(pipe: Connection, settings: Settings, total: int) -> None:
    broker = settings.broker
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=broker.worker, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
    )
    client.tls_set_context(tls_context(broker.ca, broker.certificate, broker.key))
    waiting: list[int] = []
    count = 0

    # `Any`: paho's callbacks pass a userdata that nobody sets.
    def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        nonlocal count
        waiting.append(message.mid)
        count += 1
        if len(waiting) == BATCH or count == total:
            for packet_id in waiting:
                client.ack(packet_id, 1)
            waiting.clear()
        if count == total:
            client.disconnect()

    def on_subscribe(*_: Any) -> None:
        pipe.send(0.0)

    client.on_message, client.on_subscribe = on_message, on_subscribe
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.ReceiveMaximum = settings.ingest.queue_messages
    client.connect(broker.host, broker.port, clean_start=True, properties=properties)
    client.subscribe([(f"$share/bare/{topic}", SubscribeOptions(qos=1)) for topic in patterns(Direction.UP)])
    started = resource.getrusage(resource.RUSAGE_SELF)
    client.loop_forever()
    ended = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send(ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime)
