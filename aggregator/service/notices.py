"""The notice keeper's task, at a region: cities are told of a stored hit within moments, whichever worker stored it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, Access, unwell
from aggregator.adapters.hearing import hearing
from aggregator.adapters.notice_maker import NoticeMaker
from aggregator.errors import DatabaseUnwell

_LOOK_EVERY_S: Final = 10.0
_AGAIN_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class NoticeKeeper:
    """Tells cities until cancelled. `warnings` are of the last look."""

    maker: NoticeMaker
    access: Access
    warnings: tuple[str, ...] = field(default=())

    async def run(self) -> None:
        """Keep the policy, then tell what is due, at the start and whenever something is."""
        while True:
            try:
                await self.maker.begin(datetime.now(UTC))
                await self._follow()
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("notices_put_off", problem=str(unwell(exc)))
            except DatabaseUnwell as exc:
                log.warning("notices_put_off", problem=str(exc))
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _follow(self) -> None:
        async with hearing(self.access, "notice_due") as heard:
            while not heard.is_lost:
                if taken := await self.maker.make(datetime.now(UTC)):
                    log.info("notices_made", hits=taken)
                stuck = await self.maker.stuck()
                self.warnings = (f"{stuck} stored hits could not be told to other cities",) if stuck else ()
                await heard.wait(_LOOK_EVERY_S)
