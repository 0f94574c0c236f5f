"""Folds the ledger's old lines into ranges by the rules of `aggregator.core.ledger`, an outbox in a transaction."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.statements import statements
from aggregator.core.ledger import KEEP_LINES, LEAST, STRETCH, Run
from protocol.steps import Step, no_step

STEPS: Final = ("ledger.folded", "ledger.committed")


class LedgerStore:
    """Finds and folds. Holds no state but the pool."""

    def __init__(self, pool: Pool, step: Step = no_step, *, least: int = LEAST, stretch: int = STRETCH) -> None:
        """`step` names the crash points; `least` and `stretch` bound a range."""
        self._pool, self._step, self._least, self._stretch = pool, step, least, stretch
        self._sql = statements("ledger")

    async def due(self, cutoff: datetime) -> AsyncIterator[Run]:
        """The runs whose lines are older, box by box; changes nothing."""
        for row in await self._pool.fetch(self._sql["outboxes"]):
            async with self._pool.acquire() as connection:
                runs = await self._runs(connection, row["device_id"], row["outbox"], cutoff)
            for run in runs:
                yield run

    async def fold(self, cutoff: datetime) -> AsyncIterator[Run]:
        """Fold what is older; each run once it is committed."""
        for row in await self._pool.fetch(self._sql["outboxes"]):
            for run in await self._fold_outbox(row["device_id"], row["outbox"], cutoff):
                yield run

    async def _fold_outbox(self, device: str, outbox: bytes, cutoff: datetime) -> list[Run]:
        async with self._pool.acquire() as connection:
            if not await self._runs(connection, device, outbox, cutoff):  # most outboxes, most of the time
                return []
            async with connection.transaction():
                await connection.execute(self._sql["ledger_alone"])
                runs = await self._runs(connection, device, outbox, cutoff)
                for run in runs:
                    await connection.execute(self._sql["fold"], device, outbox, run.epoch, run.first, run.last)
                self._step("ledger.folded")
        self._step("ledger.committed")
        return runs

    async def _runs(self, connection: Connection, device: str, outbox: bytes, cutoff: datetime) -> list[Run]:
        kinds = [int(kind) for kind in KEEP_LINES]
        rows = await connection.fetch(self._sql["due"], device, outbox, cutoff, kinds, self._stretch, self._least)
        return [Run(device, outbox, *row) for row in rows]
