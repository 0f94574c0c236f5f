"""Tells each box what it is to run: its newest settings document, retained on its own topic (`device_documents`).

First the rollouts are carried on, then whatever the broker does not have yet is published. A region publishes nothing:
its documents go down the logs of its cities, whose publishers tell the boxes.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from aggregator.adapters.database import Pool
from aggregator.adapters.device_documents import DeviceDocuments, Publish
from aggregator.adapters.rollout_desk import RolloutDesk
from aggregator.adapters.rollout_office import office_of
from aggregator.adapters.settings_store import settings_signer
from aggregator.core.hindrances import Hindrances
from aggregator.errors import BadKey, NotThere
from aggregator.settings import Settings
from protocol.topics import SETTINGS

CHANNEL: Final = "settings_changed"

log = structlog.get_logger(__name__)


class SettingsPublisher:
    """One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, settings: Settings, pool: Pool, publish: Publish, hindrances: Hindrances | None = None) -> None:
        """Use a pool and a line to the broker; both are the caller's, as is where hindrances are noted."""
        self._settings = settings
        self._desk = RolloutDesk(pool, office_of(settings))
        self._documents = DeviceDocuments(pool, publish, word=SETTINGS, file="rollout")
        self._hindrances = Hindrances() if hindrances is None else hindrances

    def forget(self) -> None:
        """Tell everything again."""
        self._documents.forget()

    async def look(self, now: datetime) -> None:
        """One round; raises what the database raises."""
        await self._advance(now)
        if self._settings.role == "city":
            await self._documents.look()

    async def _advance(self, now: datetime) -> None:
        """Carry the rollouts on, as far as boxes would believe us; note why they would not."""
        problems: tuple[str, ...]
        try:
            signer = settings_signer(self._settings, now=now)
        except (BadKey, NotThere) as exc:
            problems = (str(exc),)
        else:
            wait = timedelta(hours=self._settings.rollout.ring_wait_hours)
            done = await self._desk.advance(signer, now=now, ring_wait=wait)
            problems = done.problems
            if done.signed:
                log.info("settings_signed", boxes=done.signed)
        for problem in self._hindrances.note("rollout", problems):
            log.warning("settings_not_signed", problem=problem)
