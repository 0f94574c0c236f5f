"""The region takes in what its cities say of the messages that they passed on: transit records.

    take -> verify by the city's own trust -> store -> receipt -> acknowledge

A record that is here already is receipted again. While the database is away nothing is acknowledged, and the cities say
it again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from aggregator.adapters.broker import BrokerLine, Delivery, Inbox
from aggregator.adapters.database import unwell
from aggregator.adapters.store import RETRY
from aggregator.adapters.transit_store import Record, TransitStore
from protocol.clock import to_ms
from protocol.envelope import envelope_hash
from protocol.errors import BadTopic
from protocol.federation import accept_transit, sign_link_receipt
from protocol.keys import Signer
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.steps import Step, no_step
from protocol.topics import LINK_RECEIPT, link_topic, parse_topic
from protocol.trust import TrustStore

STEPS: Final = ("transits.verified", "transits.stored", "transits.receipted")
_BATCH: Final = 50
_BATCH_WAIT_S: Final = 0.02
_RETRY_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Transits:
    """Takes records in until cancelled. The figures are of lines stored and of records refused."""

    line: BrokerLine
    inbox: Inbox
    store: TransitStore
    signer: Signer
    step: Step = no_step
    stored: int = 0
    refused: int = 0

    async def run(self) -> None:
        """Take in batch after batch."""
        while True:
            batch = await self.inbox.take(_BATCH, _BATCH_WAIT_S)
            is_done = False
            while not is_done:
                is_done = await self._finish(batch)

    async def _finish(self, batch: Sequence[Delivery]) -> bool:
        """Store and answer a batch; after a moment not, if the database is away."""
        try:
            trusts = await self.store.trusts({_city(delivery) for delivery in batch})
            judged = [(delivery, _judge(delivery, trusts)) for delivery in batch]
            self.step("transits.verified")
            self.stored += await self.store.write([record for _, record in judged if isinstance(record, Record)])
        except RETRY as exc:
            log.warning("transits_put_off", problem=str(unwell(exc)))
            await asyncio.sleep(_RETRY_AFTER_S)
            return False
        self.step("transits.stored")
        self._answer(judged)
        self.step("transits.receipted")
        self.line.acknowledge(batch)
        return True

    def _answer(self, judged: Sequence[tuple[Delivery, Record | Refusal]]) -> None:
        answers: dict[str, dict[bytes, ReceiptItem]] = defaultdict(dict)
        for delivery, verdict in judged:
            digest = envelope_hash(delivery.payload)
            answers[_city(delivery)][digest] = _item(digest, verdict)
            if isinstance(verdict, Refusal):
                self.refused += 1
                log.warning("transit_refused", city=_city(delivery), reason=verdict.name.lower())
        time_ms = to_ms(datetime.now(UTC))
        for city, items in answers.items():
            if city:
                receipt = sign_link_receipt(city, items.values(), self.signer, time_ms=time_ms)
                self.line.publish(str(link_topic(city, LINK_RECEIPT)), receipt)


def _city(delivery: Delivery) -> str:
    """The city of the topic; the broker lets a link write under its own city only."""
    try:
        return parse_topic(delivery.topic).city
    except BadTopic:
        return ""


def _judge(delivery: Delivery, trusts: dict[str, TrustStore]) -> Record | Refusal:
    city = _city(delivery)
    trust = trusts.get(city)
    if trust is None:
        return Refusal.UNKNOWN_KEY
    transit = accept_transit(delivery.payload, trust, city=city)
    if isinstance(transit, Refusal):
        return transit
    return Record(transit, delivery.payload, envelope_hash(delivery.payload), delivery.received_at)


def _item(digest: bytes, verdict: Record | Refusal) -> ReceiptItem:
    if isinstance(verdict, Record):
        return ReceiptItem(hash=digest, status=Status.STORED)
    return ReceiptItem(hash=digest, status=Status.REFUSED, reason=int(verdict), is_final=verdict.is_final)
