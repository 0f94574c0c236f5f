"""The chain auditor's task: after each commit it takes in what is new, and asks boxes for what is missing."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.broker import BrokerLine
from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.database import AWAY, unwell
from protocol.clock import to_ms
from protocol.keys import Signer
from protocol.receipts import sign_resend
from protocol.topics import RESEND, device_topic

_PAUSE_S: Final = 0.25  # takes in several batches at once when they come thick
_LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChainAuditor:
    """Audits until cancelled. `wake` is called when something was stored."""

    chains: ChainStore
    line: BrokerLine
    signer: Signer
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    async def run(self) -> None:
        """Audit, and ask, again and again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()
            try:
                await self._audit()
                await self._ask()
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("chain_audit_put_off", problem=str(unwell(exc)))
            await asyncio.sleep(_PAUSE_S)

    async def _audit(self) -> None:
        is_more = True
        while is_more:
            flagged, is_more = await self.chains.audit(datetime.now(UTC))
            for each in flagged:
                forks, breaks = sorted(each.forks)[:20], sorted(each.breaks)[:20]
                log.warning("chain_flagged", device=each.device, outbox=each.outbox.hex(), forks=forks, breaks=breaks)

    async def _ask(self) -> None:
        if not self.line.is_subscribed:
            return
        now = datetime.now(UTC)
        for ask in await self.chains.due(now):
            raw = sign_resend(ask.who.device, ask.outbox, ask.ranges, self.signer, time_ms=to_ms(now))
            self.line.publish(str(device_topic(ask.who, RESEND)), raw)
            log.info("resend_asked", device=ask.who.device, ranges=len(ask.ranges))
