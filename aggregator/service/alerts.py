"""The alert keeper's task: whatever ingest stored becomes alerts within moments, whichever worker stored it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.alert_maker import AlertMaker
from aggregator.adapters.database import AWAY, Access, unwell
from aggregator.adapters.hearing import hearing
from aggregator.errors import DatabaseUnwell

_PAUSE_S: Final = 0.05  # takes in several batches at once when they come thick
_LOOK_EVERY_S: Final = 10.0
_AGAIN_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AlertKeeper:
    """Makes alerts until cancelled. `warnings` are of the last look."""

    maker: AlertMaker
    access: Access
    warnings: tuple[str, ...] = field(default=())

    async def run(self) -> None:
        """Make what is due, at the start, and whenever something is."""
        while True:
            try:
                await self._follow()
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("alerts_put_off", problem=str(unwell(exc)))
            except DatabaseUnwell as exc:
                log.warning("alerts_put_off", problem=str(exc))
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _follow(self) -> None:
        async with hearing(self.access, "alert_due") as heard:
            while not heard.is_lost:
                if taken := await self.maker.make(datetime.now(UTC)):
                    log.info("alerts_made", events=taken)
                stuck = await self.maker.stuck()
                self.warnings = (f"{stuck} stored events could not become alerts",) if stuck else ()
                await asyncio.sleep(_PAUSE_S)
                await heard.wait(_LOOK_EVERY_S)
