"""All that raises alarms on a box, and the desk that says them: the desk outlives its sources."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from edge_agent.adapters.panic_keys import load_keys
from edge_agent.adapters.progress import Progress
from edge_agent.core.alarms import Signal
from edge_agent.errors import VaultError
from edge_agent.service.alarms import AlarmDesk
from edge_agent.service.camera_events import CameraEvents, alarm_rules, event_sources, topic_rules
from edge_agent.service.panic import Panic
from edge_agent.service.tasks import background
from edge_agent.service.terms import TermsKeeper
from edge_agent.service.writer import Writer
from edge_agent.settings import Settings

log = structlog.get_logger()


class AlarmSources:
    """One per agent."""

    def __init__(
        self, settings: Settings, writer: Writer, progress: Progress, terms: TermsKeeper | None = None
    ) -> None:
        """Nothing is opened yet; raises `BadSettings` for an ONVIF address that is none."""
        wanted = settings.camera_events
        allows = terms.allows_signal if terms else lambda _: True
        self._desk = AlarmDesk(writer, alarm_rules(wanted), progress, allows)
        self._events = CameraEvents(event_sources(settings.cameras), topic_rules(wanted), self._desk)
        self._panic = Panic(settings.panic, _keys(settings), self._desk)

    async def run(self) -> None:
        """Listen and say until cancelled."""
        await self._desk.restore()
        async with (
            background(alarms=self._desk.run()),
            background(camera_events=self._events.run(), panic=self._panic.run()),
        ):
            await asyncio.Event().wait()

    async def hand_in(self, signal: Signal) -> None:
        """Hand in a signal of the box itself."""
        await self._desk.hand_in(signal)

    async def lose(self, camera: str) -> None:
        """Let what stands of a camera end: it is not listened to any more."""
        await self._desk.lose(camera)

    async def settled(self) -> None:
        """Wait until what was signalled so far is on the disk."""
        await self._desk.settled()

    def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows."""
        return {**self._desk.status(), "cameras": self._events.status(), "panic": self._panic.status()}


def _keys(settings: Settings) -> Mapping[str, bytes]:
    """The buttons' keys; buttons that cannot be opened must not keep the cameras from working."""
    if not settings.panic.http_port:
        return {}
    try:
        return load_keys(settings.identity_dir)
    except VaultError as exc:
        log.error("panic_keys_sealed", why=str(exc))  # noqa: TRY400  no frames in a log
        return {}
