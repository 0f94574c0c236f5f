"""Tells each box what it is to run: its newest settings document, retained on its own topic (`device_documents`).

First the rollouts are carried on, then whatever the broker does not have yet is published.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from aggregator.adapters.database import Pool
from aggregator.adapters.device_documents import DeviceDocuments, Publish
from aggregator.adapters.rollout_desk import RolloutDesk
from aggregator.adapters.settings_store import settings_signer
from aggregator.errors import BadKey, NotThere
from aggregator.settings import Settings
from protocol.topics import SETTINGS

CHANNEL: Final = "settings_changed"

log = structlog.get_logger(__name__)


class SettingsPublisher:
    """One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, settings: Settings, pool: Pool, publish: Publish) -> None:
        """Use a pool and a line to the broker; both are the caller's."""
        self._settings = settings
        self._desk = RolloutDesk(pool, settings.city)
        self._documents = DeviceDocuments(pool, publish, word=SETTINGS, file="rollout")
        self._problem = ""

    def forget(self) -> None:
        """Tell everything again."""
        self._documents.forget()

    async def look(self, now: datetime) -> None:
        """One round; raises what the database raises."""
        await self._advance(now)
        await self._documents.look()

    async def _advance(self, now: datetime) -> None:
        """Carry the rollouts on, if boxes would believe us; the log says once that they would not."""
        try:
            signer = settings_signer(self._settings, now=now)
        except (BadKey, NotThere) as exc:
            if str(exc) != self._problem:
                self._problem = str(exc)
                log.warning("settings_not_signed", problem=self._problem)
            return
        self._problem = ""
        wait = timedelta(hours=self._settings.rollout.ring_wait_hours)
        signed = await self._desk.advance(signer, now=now, ring_wait=wait)
        if signed:
            log.info("settings_signed", boxes=signed)
