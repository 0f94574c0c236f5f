"""The evidence keeper's task: whenever pieces were stored, pictures that became whole go to their files."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, unwell
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.core.evidence import State

_PAUSE_S: Final = 0.1
_LOOK_EVERY_S: Final = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EvidenceKeeper:
    """Settles pictures until cancelled. `wake` is called when pieces were stored."""

    store: EvidenceStore
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There are new pieces."""
        self._news.set()

    async def run(self) -> None:
        """Settle what can be settled, at the start and again and again."""
        while True:
            try:
                await self._settle()
            except (*AWAY, asyncpg.PostgresError) as exc:  # a full disk is among them, as OSError
                problem = str(unwell(exc)) if isinstance(exc, asyncpg.PostgresError) else str(exc)
                log.warning("evidence_put_off", problem=problem)
            await asyncio.sleep(_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()

    async def _settle(self) -> None:
        for picture in await self.store.settle_all(datetime.now(UTC)):
            if picture.state is State.STORED:
                log.info("picture_stored", device=picture.device, sha256=picture.sha256.hex())
            else:
                log.warning("picture_flagged", device=picture.device, sha256=picture.sha256.hex(), state=picture.state)
