"""A light box: everything of the agent that its city can tell apart, and no cameras.

It has a key, a certificate, an order and a connection of its own; it births and dies, delivers by the agent's rules,
obeys receipts and requests to send again under the keys that its city's root granted, follows its city's manifests and
fetches what they name. A vehicle is a text put before it (`see`): it matches as the agent does, and sends a hit only
then. It takes no pictures, and what it holds of a hotlist it shares with the boxes of its city (`fleet.lists`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from load.fleet import LoadBox, now_ms
from load.mqtt import LoadError, lasting_connect_frame

from aggregator.adapters.mosquitto import tls_context
from aggregator.settings import Settings
from edge_agent.core.delivery import Row
from edge_agent.core.downlinks import read_receipt, read_resend
from fleet.day import Street
from fleet.follower import Follower
from fleet.line import KEEP_ALIVE_S, Line, opened
from fleet.lists import CityLists, Held
from fleet.outbox import Outbox
from fleet.speaking import VERSIONS, hit_of, minute_of
from protocol.delivery import Pace
from protocol.messages import Alarm, Body
from protocol.presence import Life, sign_presence
from protocol.receipts import Receipt, Resend
from protocol.refusals import Refusal
from protocol.topics import HOTLIST, PRESENCE, RECEIPT, RESEND, TRUST, broadcast_topic, device_topic, message_topic

SESSION_EXPIRY_S: Final = 3600
ALARM_EVERY_S: Final = 12 * 3600.0
_RECONNECT: Final = Pace(first_s=0.5, most_s=60.0)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the fleet wants to know of its boxes, as it happens."""

    stored: Callable[["Agent", Row], None]
    armed: Callable[["Agent", Held], None]


class Agent:
    """One box. `run` keeps it connected, `talk` lets it say what its street makes it say."""

    def __init__(
        self, box: LoadBox, settings: Settings, lists: CityLists, street: Street, *, heard: Heard, rng: Random
    ) -> None:
        """Nothing is connected yet."""
        self.who, self.connections, self.refused = box.who, 0, 0
        self.outbox = Outbox(box.who, box.signer, rng)
        self._signer, self._broker, self._street = box.signer, settings.broker, street
        self._lists, self._heard, self._rng = lists, heard, rng
        self._tls = tls_context(settings.broker.ca, box.certificate, box.key)
        self._list = Follower(lists, settings.boxes.artefacts_url, self._tls, rng, lambda held: heard.armed(self, held))
        self._line: Line | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lost, self._has_network = asyncio.Event(), asyncio.Event()
        self._has_network.set()
        self._hits: Counter[str] = Counter()
        self._tracks = 0

    @property
    def cameras(self) -> int:
        """How many cameras its point has."""
        return len(self._street.cameras)

    @property
    def held(self) -> Held:
        """The hotlist that it matches against."""
        return self._list.held

    @property
    def brought(self) -> tuple[int, int]:
        """How many of its lists came by delta, and how many whole."""
        return self._list.by_delta, self._list.whole

    @property
    def is_online(self) -> bool:
        """Whether its connection is up, its subscriptions made."""
        return self._line is not None

    @property
    def has_network(self) -> bool:
        """Whether it could connect."""
        return self._has_network.is_set()

    def hold(self, held: Held) -> None:
        """Begin with a list, as a box does that kept it on its disk."""
        self._list.hold(held)

    async def run(self) -> None:
        """Keep a connection as long as the box lives; its hotlist follows beside."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._list.run(), name=f"{self.who.device} hotlist")
                group.create_task(self._keep_line(), name=f"{self.who.device} line")
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def talk(self, report_s: float) -> None:
        """Report at an interval, the first within one; see what is wanted as the street has it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report(report_s), name=f"{self.who.device} reports")
            group.create_task(self._watch(), name=f"{self.who.device} street")
            group.create_task(self._ring(), name=f"{self.who.device} alarms")

    def say(self, body: Body) -> bytes:
        """Sign a body, keep it until it is receipted, send it when the schedule says; its hash."""
        said = self.outbox.append(body, created_ms=now_ms())
        self._pump()
        return said

    def see(self, text: str) -> bytes | None:
        """A vehicle passes and is read: the hash of the hit that is sent, none if the text matches no entry."""
        captured_ms, camera, index = now_ms(), self._rng.choice(self._street.cameras), self.held.index
        matches = index.match(text, captured_ms, self.who.city)
        if not matches:
            return None
        self._tracks += 1
        self._hits[camera] += 1
        return self.say(
            hit_of(
                text, matches, camera=camera, track=self._tracks, list_version=index.list_version,
                captured_ms=captured_ms, rng=self._rng,
            )
        )  # fmt: skip

    def drop_line(self) -> None:
        """Lose the connection; it dials again after the first pause."""
        self._lost.set()

    def lose_network(self) -> None:
        """Lose the connection, and make none until the network is back."""
        self._has_network.clear()
        self._lost.set()

    def find_network(self) -> None:
        """The network is back."""
        self._has_network.set()

    async def _keep_line(self) -> None:
        failed = 0
        while True:
            await self._has_network.wait()
            try:
                await self._connection()
                failed = 1
            except (OSError, TimeoutError, LoadError):
                failed += 1
            await asyncio.sleep(_RECONNECT.wait_s(failed, self._rng))

    async def _connection(self) -> None:
        """One connection, to its end."""
        self.connections += 1
        self._lost.clear()
        presence = str(device_topic(self.who, PRESENCE))
        hello = lasting_connect_frame(
            self.who.device, will_topic=presence, will=self._presence(Life.DEATH), keep_alive_s=KEEP_ALIVE_S,
            session_expiry_s=SESSION_EXPIRY_S,
        )  # fmt: skip
        line = Line(hello, self._topics(), self._take, self._lost.set)
        try:
            await opened(line, self._broker.host, self._broker.port, self._tls)
            line.publish(presence, self._presence(Life.BIRTH))
            self._line = line
            self.outbox.hurry_all()
            self._pump()
            await self._lost.wait()
        except asyncio.CancelledError:
            line.close()
            raise
        finally:
            self._line = None
            line.cut()

    def _topics(self) -> tuple[str, ...]:
        own = (str(device_topic(self.who, word)) for word in (RECEIPT, RESEND))
        return (*own, *(str(broadcast_topic(self.who.city, word)) for word in (TRUST, HOTLIST)))

    def _presence(self, life: Life) -> bytes:
        return sign_presence(
            life, self.who, self._signer, connection=self.connections, time_ms=now_ms(), versions=VERSIONS,
            outbox=self.outbox.id,
        )  # fmt: skip

    def _pump(self) -> None:
        """Send what is due, and come back when something will be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        line, loop = self._line, asyncio.get_running_loop()
        if line is None:
            return
        for row, raw in self.outbox.due(loop.time()):
            line.publish(str(message_topic(self.who, row.kind)), raw)
        pause_s = self.outbox.pause_s(loop.time())
        if pause_s is not None:
            self._timer = loop.call_later(pause_s, self._pump)

    def _take(self, word: str, raw: bytes) -> None:
        """What came down."""
        if word == RECEIPT:
            self._obey(read_receipt(raw, self._lists.trust, self.who))
        elif word == RESEND:
            self._obey(read_resend(raw, self._lists.trust, self.who))
        elif word == TRUST:
            self._lists.take_trust(raw)
        else:
            self._list.take_manifest(raw)

    def _obey(self, letter: Receipt | Resend | Refusal) -> None:
        match letter:
            case Receipt(items=items):
                for row in self.outbox.settle(items, asyncio.get_running_loop().time()):
                    self._heard.stored(self, row)
            case Resend(outbox=outbox, ranges=ranges):
                if outbox == self.outbox.id:  # else of a life before this one
                    self.outbox.resend(ranges)
            case Refusal():
                self.refused += 1
        self._pump()

    async def _report(self, every_s: float) -> None:
        from_ms = now_ms()
        await asyncio.sleep(self._rng.uniform(0, every_s))
        while True:
            to_ms = max(now_ms(), from_ms + 1)
            seconds, hits = (to_ms - from_ms) / 1000, dict(self._hits)
            self._hits.clear()
            counted = self._street.counted(asyncio.get_running_loop().time(), seconds, hits)
            self.say(minute_of(counted, self.outbox, self.held.index, from_ms=from_ms, to_ms=to_ms, rng=self._rng))
            from_ms = to_ms
            await asyncio.sleep(every_s)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._street.next_wanted_s(asyncio.get_running_loop().time()))
            if plates := self.held.plates:
                self.see(self._rng.choice(plates))

    async def _ring(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / ALARM_EVERY_S))
            camera = self._rng.choice(self._street.cameras)
            self.say(Alarm(camera=camera, alarm="line_crossing", started_ms=now_ms()))
