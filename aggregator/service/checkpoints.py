"""The task that puts signed checkpoints of the audit where the settings say: at the start, and whenever there are rows
that the last one does not cover. The same words go to the journal, which may be sent elsewhere too.

A record that contradicts an earlier checkpoint gets no new one, and the journal says so each time: that is no reason to
stop taking in messages, and every reason to look.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import structlog

from aggregator.adapters import checkpoints
from aggregator.adapters.audit_log import last_row
from aggregator.adapters.checkpoints import Contradicted
from aggregator.adapters.database import AWAY, Pool, unwell
from aggregator.core.checkpoint import head
from aggregator.errors import AggregatorError
from aggregator.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Checkpoints:
    """Writes them until cancelled. `covered` is how many rows the last one has."""

    pool: Pool
    settings: Settings
    folder: Path
    covered: int = -1

    async def run(self) -> None:
        """Write one now, and then as often as the settings say."""
        while True:
            try:
                await self.write_if_new()
            except Contradicted as exc:
                log.error("audit_contradicts_checkpoints", problem=str(exc))  # noqa: TRY400  the text says it all
            except AggregatorError as exc:
                log.warning("audit_checkpoint_put_off", problem=str(exc))
            except (*AWAY, asyncpg.PostgresError) as exc:  # a folder that is full or away is among them, as OSError
                problem = str(unwell(exc)) if isinstance(exc, asyncpg.PostgresError) else str(exc)
                log.warning("audit_checkpoint_put_off", problem=problem)
            await asyncio.sleep(self.settings.audit.checkpoint_every_s)

    async def write_if_new(self) -> None:
        """Write a checkpoint unless the last one covers every row."""
        async with self.pool.acquire() as connection:
            rows, _ = head(await last_row(connection))
            if rows == self.covered:
                return
            made = await checkpoints.write(connection, self.settings, self.folder, now=datetime.now(UTC))
        self.covered = made.rows
        log.info("audit_checkpoint", rows=made.rows, last_hash=made.last_hash.hex(), file=made.path.name)
