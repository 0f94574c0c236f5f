"""The notice keeper's task, at a region: cities are told of a stored hit within moments, whichever worker stored it.

It looks at the policy's file before it tells anything, and every few seconds: a changed one is in force from then on,
for notices and hotlists alike. A broken one is told, once in the log and for as long as it lasts in health, and the
policy of before stays in force.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, Access, unwell
from aggregator.adapters.hearing import hearing
from aggregator.adapters.notice_maker import NoticeMaker
from aggregator.adapters.policy_file import changed
from aggregator.errors import BadSettings, DatabaseUnwell
from aggregator.settings import Settings

_LOOK_EVERY_S: Final = 5.0
_AGAIN_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class NoticeKeeper:
    """Tells cities until cancelled. `warnings` are of the last look."""

    maker: NoticeMaker
    access: Access
    settings: Settings
    warnings: tuple[str, ...] = field(default=())
    _problem: str = ""  # of the policy's file

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

    async def look(self, *, now: datetime) -> None:
        """Take the policy's file, if it has changed. Raises `DatabaseUnwell`: then it is taken the next time."""
        problem = ""
        try:
            found = await asyncio.to_thread(changed, self.settings, self.maker.policy.file, now=now)
        except BadSettings as exc:
            problem = f"the policy of before stays in force: {exc}"
            if problem != self._problem:
                log.warning("policy_not_taken", problem=problem)
        else:
            if found is not None:
                await self.maker.apply(found, now)
                log.info("policy_taken", sha256=found.sha256.hex())
        self._problem = problem

    async def _follow(self) -> None:
        async with hearing(self.access, "notice_due") as heard:
            while not heard.is_lost:
                await self.look(now=datetime.now(UTC))
                if taken := await self.maker.make(datetime.now(UTC)):
                    log.info("notices_made", hits=taken)
                self.warnings = tuple(self._told(await self.maker.stuck()))
                await heard.wait(_LOOK_EVERY_S)

    def _told(self, stuck: int) -> Iterator[str]:
        if self._problem:
            yield self._problem
        if stuck:
            yield f"{stuck} stored hits could not be told to other cities"
