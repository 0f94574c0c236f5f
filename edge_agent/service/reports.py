"""The minute report, made on time and committed like everything else."""

import asyncio

import structlog

from edge_agent.core.report import Snapshot, report_of
from edge_agent.errors import OutboxFailed, OutboxFull
from edge_agent.service.status import Box

log = structlog.get_logger()


class Reporter:
    """One per agent. The base moves on only when a report is in the outbox."""

    def __init__(self, box: Box, interval_s: float) -> None:
        """Count from now on; what was counted before the first report belongs to it."""
        self._box, self._interval_s = box, interval_s
        self._base = Snapshot(box.writer.time.now_ms(), {})

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.report()

    async def report(self) -> bool:
        """Commit a report of all since the last one; False if the disk or the outbox had no room for it."""
        now = self._box.cameras.snapshot()
        report = report_of(self._base, now, await self._box.health(), self._box.versions)
        try:
            await self._box.writer.append([report])
        except (OutboxFailed, OutboxFull) as exc:
            log.warning("report_put_off", why=str(exc))
            return False
        self._base = now
        return True
