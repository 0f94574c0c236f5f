"""The cameras' own detections: one subscription per camera, its notices made into signals for the alarms' desk.

A camera that does not answer, loses the subscription or refuses the password is tried again with growing, jittered
pauses; its standing alarms are given up after a while (`core.alarms`). Topics that nobody knows are counted by name, up
to `MAX_TOPICS` of them, so that a maker's own topics can be found and added to the settings.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog

from edge_agent.adapters.onvif_client import Login, OnvifAddress
from edge_agent.adapters.onvif_events import PullPace, pull
from edge_agent.core.alarms import AlarmRules
from edge_agent.core.camera_topics import Notice, TopicRules, Unheard, topic_name
from edge_agent.core.liveness import ReconnectPace
from edge_agent.errors import OnvifFailed
from edge_agent.service.alarms import AlarmDesk
from edge_agent.settings import CameraEventSettings, CameraSettings

MAX_TOPICS: Final = 64
OTHER_TOPICS: Final = "others"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EventSource:
    """A camera that may be asked for events."""

    camera: str
    address: OnvifAddress
    login: Login = field(repr=False)


@dataclass(slots=True)
class _Heard:
    """What has been heard of one camera."""

    is_subscribed: bool = False
    subscriptions: int = 0
    notices: int = 0
    alarms: int = 0
    unwanted: int = 0
    refused: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    fault: str = ""

    def note_unknown(self, topic: str) -> bool:
        """Count a topic; true when it is new."""
        name = topic if topic in self.unknown or len(self.unknown) < MAX_TOPICS else OTHER_TOPICS
        self.unknown[name] += 1
        return self.unknown[name] == 1


class CameraEvents:
    """One per agent."""

    def __init__(
        self,
        sources: Sequence[EventSource],
        topics: TopicRules,
        desk: AlarmDesk,
        *,
        pull_pace: PullPace | None = None,
        pace: ReconnectPace | None = None,
    ) -> None:
        """Nothing is connected yet."""
        self._sources, self._topics, self._desk = sources, topics, desk
        self._pull_pace, self._pace = pull_pace or PullPace(), pace or ReconnectPace()
        self._heard = {source.camera: _Heard() for source in sources}
        self._rng = random.Random()  # noqa: S311  spreads reconnects; no secret

    async def run(self) -> None:
        """Listen to all cameras until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._listen(source), name=f"camera-events-{source.camera}")

    def status(self) -> list[dict[str, Any]]:
        """What `edge-agent status` shows. No address, and of topics nothing but their names."""
        return [
            {
                "camera": camera,
                "is_subscribed": heard.is_subscribed,
                "subscriptions": heard.subscriptions,
                "notices": heard.notices,
                "alarms": heard.alarms,
                "unwanted": heard.unwanted,
                "refused": heard.refused,
                "unknown": dict(heard.unknown),
                "fault": heard.fault,
            }
            for camera, heard in self._heard.items()
        ]

    async def _listen(self, source: EventSource) -> None:
        """One camera, connection after connection."""
        loop, heard, failures = asyncio.get_running_loop(), self._heard[source.camera], 0
        while True:
            begun_s = loop.time()
            try:
                await self._pull(source, heard)
            except OnvifFailed as exc:
                _note_fault(source, heard, str(exc))
            except Exception as exc:  # noqa: BLE001  task boundary: what a camera answers goes through libraries that
                # nobody knows to the bottom, and may cost this camera its events, never the box all its cameras
                _note_fault(source, heard, f"an answer that broke the reader ({type(exc).__name__})")
            if heard.is_subscribed:
                heard.is_subscribed = False
                await self._desk.lose(source.camera)
            failures = self._pace.failures_after(failures, loop.time() - begun_s)
            await asyncio.sleep(self._pace.delay_s(failures, self._rng.random()))

    async def _pull(self, source: EventSource, heard: _Heard) -> None:
        async with aclosing(pull(source.address, source.login, self._pull_pace)) as batches:
            async for batch in batches:
                if not heard.is_subscribed:
                    heard.is_subscribed, heard.fault = True, ""
                    heard.subscriptions += 1
                    log.info("camera_events_subscribed", camera=source.camera)
                for notice in batch:
                    await self._take(source.camera, notice, heard)

    async def _take(self, camera: str, notice: Notice, heard: _Heard) -> None:
        heard.notices += 1
        signal = self._topics.hear(camera, notice)
        match signal:
            case Unheard.UNKNOWN:
                if heard.note_unknown(topic_name(notice.topic)):
                    log.info("camera_topic_unknown", camera=camera, topic=topic_name(notice.topic))
            case Unheard.UNWANTED:
                heard.unwanted += 1
            case Unheard.REFUSED:
                heard.refused += 1
            case _:
                heard.alarms += 1
                await self._desk.hand_in(signal)


def _note_fault(source: EventSource, heard: _Heard, why: str) -> None:
    if why != heard.fault:
        log.warning("camera_events_lost", camera=source.camera, why=why)
    heard.fault = why


def event_sources(cameras: Sequence[CameraSettings]) -> tuple[EventSource, ...]:
    """The cameras with an ONVIF address; user and password are those of the stream."""
    return tuple(
        EventSource(each.camera, OnvifAddress.parse(each.onvif), login_of(each.url)) for each in cameras if each.onvif
    )


def login_of(url: str) -> Login:
    """User and password of a stream's address."""
    parts = urlsplit(url)
    return Login(unquote(parts.username or ""), unquote(parts.password or ""))


def topic_rules(settings: CameraEventSettings) -> TopicRules:
    """The table as the settings want it."""
    return TopicRules(frozenset(settings.wanted), settings.topics)


def alarm_rules(settings: CameraEventSettings) -> AlarmRules:
    """The pace of alarms as the settings want it."""
    return AlarmRules(settle_s=settings.settle_s, merge_s=settings.merge_s, most_per_minute=settings.most_per_minute)
