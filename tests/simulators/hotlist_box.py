"""A box as far as hotlists go: its certificate at the broker and at the artefacts, the real receiver, an index.

async with HotlistBox(box, settings) as here:
    await here.until(lambda: here.plate_matches("FAB123C"))
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from aggregator.adapters.mosquitto import tls_context
from aggregator.settings import Settings
from edge_agent.adapters.artefacts import ArtefactServer
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.core.matching import HotlistIndex
from protocol.clock import to_ms
from protocol.delivery import Pace
from protocol.keys import PublicKey
from protocol.messages import Quality
from protocol.topics import HOTLIST, TRUST, broadcast_topic
from protocol.trust import TrustStore
from tests.simulators.enrolment import Box
from tests.simulators.officers import now

PATIENCE_S = 30.0


class HotlistBox:
    """Follows its city's retained topics. `shift_ms` moves its clock; `kept_version` outlives it."""

    def __init__(self, box: Box, settings: Settings, *, port: int | None = None, kept_version: int = 0) -> None:
        self.box, self.settings = box, settings
        self.shift_ms = 0
        self.kept_version = kept_version
        self.vouched: list[int] = []
        self.index = HotlistIndex(expires_ms=0)
        self.trust = TrustStore(PublicKey.from_spki(settings.keys.root_spki.read_bytes()))
        self.receiver = HotlistReceiver(
            city=box.who.city,
            trust=self.trust,
            last_version=kept_version,
            server=ArtefactServer(f"https://127.0.0.1:{port or settings.http.port}", self._tls, read_timeout_s=60),
            arm=self._arm,
            keep_version=self._keep,
            vouch=self.vouched.append,
            now_ms=self.now_ms,
            pace=Pace(first_s=0.05, most_s=0.2),
        )

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=self.box.who.device, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.tls_set_context(self._tls())
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect_async(self.settings.broker.host, self.settings.broker.port)
        self._client.loop_start()
        self._following = asyncio.create_task(self.receiver.run(), name="receiver")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def now_ms(self) -> int:
        """The box's clock."""
        return to_ms(now()) + self.shift_ms

    def plate_matches(self, plate: str) -> bool:
        """Whether a read of a plate would be an exact hit now."""
        found = self.index.match(plate, self.now_ms(), self.box.who.city)
        return any(match.quality is Quality.EXACT for match in found)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"it never came true: {self.receiver.status}"
            await asyncio.sleep(0.01)

    async def refuses(self, word: str, times: int = 1) -> None:
        """Wait until something was refused for a reason."""
        await self.until(lambda: self.receiver.status.refused.get(word, 0) >= times)

    def _arm(self, index: HotlistIndex) -> None:
        self.index = index

    async def _keep(self, version: int) -> None:
        self.kept_version = max(self.kept_version, version)

    def _tls(self) -> ssl.SSLContext:
        return tls_context(self.settings.broker.ca, self.box.certificate, self.box.key)

    # `Any`: paho's own types, of no use here.
    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe([(str(broadcast_topic(self.box.who.city, word)), 1) for word in (TRUST, HOTLIST)])

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._take, message.topic.rsplit("/", 1)[1], bytes(message.payload))

    def _take(self, word: str, payload: bytes) -> None:
        if word == HOTLIST:
            self.receiver.take_manifest(payload)
            return
        store = self.trust.accept(payload)
        if isinstance(store, TrustStore):
            self.trust = store
            self.receiver.take_trust(store)
