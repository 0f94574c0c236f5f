"""Tells each box what it is to run: its newest settings document, retained on its own topic.

Part of the publisher's rounds (`aggregator.adapters.hotlist_publisher`), behind the trust bundle: a document may be
signed by a key that only the new bundle grants. First the rollouts are carried on, then whatever the broker does not
have yet is published. A box that is no longer active has its topic emptied.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from aggregator.adapters.database import Pool
from aggregator.adapters.rollout_desk import RolloutDesk
from aggregator.adapters.settings_store import settings_signer
from aggregator.adapters.statements import statements
from aggregator.errors import BadKey, NotThere
from aggregator.settings import Settings
from protocol.order import Identity
from protocol.topics import SETTINGS, device_topic

CHANNEL: Final = "settings_changed"
NOTHING: Final = b""

log = structlog.get_logger(__name__)

Publish = Callable[[str, bytes], Awaitable[bool]]
"""Whether the broker took a retained message."""


class SettingsPublisher:
    """One round after another; `forget` when the broker may have lost what it kept."""

    def __init__(self, settings: Settings, pool: Pool, publish: Publish) -> None:
        """Use a pool and a line to the broker; both are the caller's."""
        self._settings, self._pool, self._publish = settings, pool, publish
        self._desk = RolloutDesk(pool, settings.city)
        self._sql = statements("rollout")
        self._told: dict[str, bytes] = {}
        self._problem = ""

    def forget(self) -> None:
        """Tell everything again."""
        self._told = {}

    async def look(self, now: datetime) -> None:
        """One round; raises what the database raises."""
        await self._advance(now)
        wanted = {}
        for row in await self._pool.fetch(self._sql["to_publish"]):
            who = Identity(device=row["device_id"], city=row["city_id"], point=row["point_id"])
            wanted[str(device_topic(who, SETTINGS))] = bytes(row["sha256"])
        for topic, sha256 in wanted.items():
            if self._told.get(topic) != sha256:
                envelope = await self._pool.fetchval(self._sql["envelope"], sha256)
                if not await self._publish(topic, bytes(envelope)):
                    return  # the broker is slow or gone: the next round goes on, and the hotlist is not held up
                self._told[topic] = sha256
        for topic in [topic for topic in self._told if topic not in wanted]:
            if await self._publish(topic, NOTHING):
                del self._told[topic]

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
