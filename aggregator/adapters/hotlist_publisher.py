"""Tells the boxes of a city what holds: trust bundle, hotlist manifest, each box's settings and terms, all retained.

1. All are published at start, whenever the broker has been reached again (it may have lost what it kept), and when
   they change: the database says `hotlist_changed`, and the bundle's file is looked at every few seconds.
2. A manifest is signed anew long before it expires. Boxes disarm by themselves when no newer one comes.
3. A new trust bundle makes a new snapshot: what its officers' grants do not carry any more is left out.
4. Once an hour, and at start, what has expired is dropped (`aggregator hotlist expire`).

The trust bundle goes first: a manifest, or a settings document (`aggregator.adapters.settings_publisher`), may be
signed by a key that only the new bundle grants. A region tells its cities where their logs end in the same rounds
(`aggregator.adapters.head_publisher`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import structlog
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from aggregator.adapters import hotlist_store as store
from aggregator.adapters import keyfiles
from aggregator.adapters.database import AWAY, Access, Database, Pool
from aggregator.adapters.device_documents import DeviceDocuments
from aggregator.adapters.head_publisher import CHANNELS as HEAD_CHANNELS
from aggregator.adapters.head_publisher import HeadPublisher
from aggregator.adapters.hotlist_deltas import deltas_to
from aggregator.adapters.hotlist_desk import Desk, Published
from aggregator.adapters.mosquitto import tls_context
from aggregator.adapters.region_desk import RegionDesk
from aggregator.adapters.settings_publisher import CHANNEL as SETTINGS_CHANNEL
from aggregator.adapters.settings_publisher import SettingsPublisher
from aggregator.adapters.trust_file import believe
from aggregator.core.hindrances import Hindrances
from aggregator.errors import BadInput, BadKey, DatabaseUnwell, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.hotlist import DeltaName, Manifest, sign_manifest
from protocol.keys import Signer
from protocol.messages import VERSION
from protocol.topics import HOTLIST, TERMS, TRUST, broadcast_topic
from protocol.trust import TrustStore

CHANNEL: Final = "hotlist_changed"
TERMS_CHANNEL: Final = "terms_changed"
LOOK_EVERY_S: Final = 5.0
TIDY_EVERY_S: Final = 3600.0
RENEWALS: Final = 4
"""A manifest is signed anew after this part of its life."""
_PUBLISH_TIMEOUT_S: Final = 15.0
_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Signed:
    """The manifest in force, and when it was signed."""

    list_version: int
    at: datetime
    raw: bytes


async def run(
    settings: Settings, database: Database, region: RegionDesk | None = None, hindrances: Hindrances | None = None
) -> None:
    """Keep the boxes of the settings' city, or the cities of a region, told until cancelled; note what is not told."""
    wake = Wake()
    channels = (CHANNEL, SETTINGS_CHANNEL, TERMS_CHANNEL, *(HEAD_CHANNELS if region else ()))
    async with opened_line(settings, wake) as client:
        publisher = Publisher(settings, database.pool, client, wake, region, hindrances=hindrances)
        while True:
            problem = "connection lost"
            try:
                async with _listening(database.access, wake, channels):
                    await publisher.follow()
            except (*AWAY, asyncpg.PostgresError, DatabaseUnwell) as exc:
                problem = type(exc).__name__
            log.warning("hotlist_listener_lost", problem=problem, retry_s=_RETRY_S)
            await asyncio.sleep(_RETRY_S)


def sign_current(
    snapshot: store.Snapshot, signer: Signer, *, now: datetime, valid: timedelta, deltas: tuple[DeltaName, ...] = ()
) -> bytes:
    """The manifest of a snapshot and of the deltas to it, for as long as it is valid."""
    manifest = Manifest(
        version=VERSION,
        list_version=snapshot.list_version,
        city=snapshot.city,
        sha256=snapshot.sha256,
        size_bytes=snapshot.size_bytes,
        created_ms=to_ms(now),
        expires_ms=to_ms(now + valid),
        deltas=deltas,
    )
    return sign_manifest(manifest, signer)


class Wake:
    """What the publisher waits for: something changed, or the broker is there (again)."""

    def __init__(self) -> None:
        """Nothing is connected yet."""
        self.event = asyncio.Event()
        self.is_new_broker = False
        self.is_listening = False
        self.is_due = True
        """Whether boxes are to be told; else it is only cities whose logs have grown."""

    def changed(self) -> None:
        """The database says so."""
        self.is_due = True
        self.event.set()

    def grown(self) -> None:
        """The log of a linked city has: its head is to be told, and nothing else looked at for it."""
        self.event.set()

    def lost(self) -> None:
        """The database is not heard any more."""
        self.is_listening = False
        self.event.set()

    def connected(self) -> None:
        """The broker has let us in, and may know nothing."""
        self.is_new_broker = self.is_due = True
        self.event.set()


class Publisher:
    """One round after another of looking what holds and telling what is new."""

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        client: Client,
        wake: Wake,
        region: RegionDesk | None = None,
        *,
        hindrances: Hindrances | None = None,
    ) -> None:
        """Use a line to the broker and a pool; both are the caller's."""
        self._settings, self._pool = settings, pool
        self._client, self._wake = client, wake
        self._signer = keyfiles.read_signer(settings.keys.server_key)
        self._valid = timedelta(hours=settings.hotlist.manifest_valid_hours)
        self._signed: _Signed | None = None
        self._told: dict[str, bytes] = {}
        self._believed: tuple[bytes, TrustStore] | None = None
        self._tidied_s: float | None = None
        self._hindrances = Hindrances() if hindrances is None else hindrances
        self._boxes = SettingsPublisher(settings, pool, self._publish, self._hindrances)
        self._terms = DeviceDocuments(pool, self._publish, word=TERMS, file="partner")
        self._heads = None if region is None else HeadPublisher(settings, region, self._signer, self._publish)

    async def follow(self) -> None:
        """Round after round, for as long as the database is heard."""
        looked_s = float("-inf")
        while self._wake.is_listening:
            self._wake.event.clear()
            if self._wake.is_new_broker:
                self._wake.is_new_broker = False
                self._forget()
            if self._heads is not None:
                await self._heads.look(datetime.now(UTC))
            if self._wake.is_due or time.monotonic() - looked_s >= LOOK_EVERY_S:
                self._wake.is_due, looked_s = False, time.monotonic()
                await self.look(datetime.now(UTC))
                await self._terms.look()
                await self._boxes.look(datetime.now(UTC))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.event.wait()

    def _forget(self) -> None:
        """Tell everything again: the broker may have lost what it kept."""
        self._told = {}
        self._boxes.forget()
        self._terms.forget()
        if self._heads is not None:
            self._heads.forget()

    async def look(self, now: datetime) -> None:
        """One round: whatever the broker does not have yet, or not for long any more, is published."""
        try:
            bundle, trust = await self._trust()
            current = await self._tidied(trust, now)
        except (BadKey, NotThere, BadInput) as exc:
            for problem in self._hindrances.note("hotlist", [str(exc)]):
                log.warning("hotlist_not_published", problem=problem)
            return
        self._hindrances.note("hotlist", ())
        await self._tell(TRUST, bundle)
        if current is not None:
            await self._tell(HOTLIST, await self._manifest(current, now))

    async def _manifest(self, current: store.Snapshot, now: datetime) -> bytes:
        """The manifest of the current snapshot: the one signed last, while most of its life is still ahead."""
        signed = self._signed
        if signed is None or signed.list_version != current.list_version or now - signed.at >= self._valid / RENEWALS:
            async with store.transaction(self._pool) as connection:
                deltas = await deltas_to(connection, current.sha256)
            raw = sign_current(current, self._signer, now=now, valid=self._valid, deltas=deltas)
            signed = self._signed = _Signed(current.list_version, now, raw)
            log.info("hotlist_signed", list_version=current.list_version, entries=current.entries)
        return signed.raw

    async def _tell(self, word: str, payload: bytes) -> None:
        topic = str(broadcast_topic(self._settings.city, word))
        if self._told.get(word) != payload and await self._publish(topic, payload):
            self._told[word] = payload

    async def _trust(self) -> tuple[bytes, TrustStore]:
        """The bundle on the disk, and what it says; its signature is checked once."""
        bundle = await asyncio.to_thread(keyfiles.read_file, self._settings.keys.trust_bundle)
        if self._believed is None or self._believed[0] != bundle:
            self._believed = bundle, believe(bundle, self._settings.keys)
        return self._believed

    async def _tidied(self, trust: TrustStore, now: datetime) -> store.Snapshot | None:
        """The current snapshot, composed anew if the root has spoken since, or (looked at hourly) entries expired."""
        async with store.transaction(self._pool) as connection:
            current = await store.current_snapshot(connection, self._settings.city)
        is_due = self._tidied_s is None or time.monotonic() - self._tidied_s >= TIDY_EVERY_S
        if not is_due and (current is None or current.trust_number == trust.number):
            return current
        tidied = await Desk(self._pool, trust, self._settings.city).expire(now=now)
        self._tidied_s = time.monotonic()
        _tell_left_out(tidied.published)
        return tidied.published.snapshot if tidied.published else current

    async def _publish(self, topic: str, payload: bytes) -> bool:
        """Whether the broker acknowledged a retained message in time; if not, the next round tries again."""
        if not self._client.is_connected():
            return False  # paho would queue it, round after round
        sent = self._client.publish(topic, payload, qos=1, retain=True)
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        await asyncio.to_thread(sent.wait_for_publish, _PUBLISH_TIMEOUT_S)
        return sent.is_published()


def _tell_left_out(published: Published | None) -> None:
    for batch_id, why in (published.left_out if published else {}).items():
        log.warning("hotlist_batch_left_out", batch=batch_id, reason=why)


@asynccontextmanager
async def _listening(access: Access, wake: Wake, channels: Sequence[str]) -> AsyncIterator[None]:
    """Wakes the publisher while the database can be heard."""
    connection = await access.connect()
    try:
        connection.add_termination_listener(lambda *_: wake.lost())
        for channel in channels:
            told = wake.grown if channel in HEAD_CHANNELS else wake.changed
            await connection.add_listener(channel, _calling(told))
        wake.is_listening = True
        yield
    finally:
        await connection.close()


def _calling(told: Callable[[], None]) -> Callable[..., None]:
    """A listener that passes over what the database said."""
    return lambda *_: told()


@asynccontextmanager
async def opened_line(settings: Settings, wake: Wake) -> AsyncIterator[Client]:
    """A line to the broker, connecting in the background."""
    loop, broker = asyncio.get_running_loop(), settings.broker

    # `userdata` is paho's: of any type, and None here.
    def on_connect(
        _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("broker_refused_us", reason=str(reason))
        else:
            loop.call_soon_threadsafe(wake.connected)

    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.publisher, protocol=MQTTProtocolVersion.MQTTv5)
    certificate, key = broker.certificate_of(broker.publisher), broker.key_of(broker.publisher)
    client.tls_set_context(tls_context(broker.ca, certificate, key))
    client.reconnect_delay_set(1, 15)
    client.on_connect = on_connect
    client.connect_async(broker.host, broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
