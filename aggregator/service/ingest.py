"""The ingest worker: from the broker's deliveries to rows and receipts, a batch at a time.

    take -> verify -> | -> store -> receipt -> acknowledge

The bar is a queue of one batch: while one is being stored, the next is being verified. When the database is away the
worker keeps the batch it has, acknowledges nothing, and tries again: the broker and the boxes hold what it does not
take. Errors of the database are logged by name only; a traceback of one could carry a plate.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from aggregator.adapters.broker import BrokerLine, Delivery
from aggregator.adapters.database import unwell
from aggregator.adapters.registered import Registered
from aggregator.adapters.store import POISON, RETRY, Refused, Said, Store
from aggregator.adapters.verify_pool import Verifier
from aggregator.core.answers import Outcome, receipts, refusal_of
from aggregator.core.ingest import Fate, Header, Payload, RegisteredKey, Spoken, read_header, usable
from aggregator.core.partners import why_outside
from aggregator.core.rows import Taken
from aggregator.core.seldom import Seldom
from protocol.clock import to_ms
from protocol.envelope import envelope_hash
from protocol.errors import BadTopic
from protocol.keys import Signer, key_id
from protocol.messages import Piece
from protocol.presence import Presence
from protocol.receipts import sign_receipt
from protocol.refusals import Refusal
from protocol.sealing import Purpose, seal
from protocol.steps import Step, no_step
from protocol.topics import RECEIPT, Topic, device_topic, parse_topic

STEPS: Final = (
    "ingest.received",
    "ingest.verified",
    "ingest.ledger_written",
    "ingest.rows_written",
    "ingest.committed",
    "ingest.receipt_sent",
    "ingest.acknowledged",
)
_RETRY_FIRST_S: Final = 0.2
_RETRY_MOST_S: Final = 10.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What the worker has done since it started."""

    stored: int = 0
    redelivered: int = 0
    refused: int = 0
    refusals: Counter[str] = field(default_factory=Counter)  # the same, by reason
    store_retries: int = 0
    pieces: int = 0
    last_commit_at: datetime | None = None
    oldest_waiting_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many make a batch, and how long the first waits for the others."""

    batch_messages: int = 500
    batch_wait_s: float = 0.02


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivery, and what verification made of it."""

    delivery: Delivery
    hash: bytes
    header: Header | None
    verdict: Payload | Refusal

    @property
    def topic(self) -> Topic | None:
        """Where it came by, if that is a topic of ours."""
        return self.header.topic if self.header is not None else _topic(self.delivery)


@dataclass(frozen=True, slots=True)
class IngestWorker:
    """One worker: its line to the broker, its store, its keys."""

    line: BrokerLine
    store: Store
    registered: Registered
    verifier: Verifier
    signer: Signer
    evidence_spki: bytes
    limits: Limits = Limits()
    step: Step = no_step
    stored: Callable[[Sequence[Taken]], None] = lambda taken: None
    counts: Counts = field(default_factory=Counts)
    seldom: Seldom = field(default_factory=Seldom)

    async def run(self) -> None:
        """Take in deliveries until cancelled."""
        verified: asyncio.Queue[list[Judged]] = asyncio.Queue(maxsize=1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._verify_all(verified), name="ingest-verify")
            group.create_task(self._store_all(verified), name="ingest-store")

    async def _verify_all(self, verified: asyncio.Queue[list[Judged]]) -> None:
        while True:
            batch = await self.line.inbox.take(self.limits.batch_messages, self.limits.batch_wait_s)
            self.step("ingest.received")
            await verified.put(await self._judge(batch))
            self.step("ingest.verified")

    async def _store_all(self, verified: asyncio.Queue[list[Judged]]) -> None:
        while True:
            batch = await verified.get()
            self.counts.oldest_waiting_at = batch[0].delivery.received_at
            await self._finish(batch)
            self.counts.oldest_waiting_at = None

    async def _judge(self, batch: Sequence[Delivery]) -> list[Judged]:
        headers = [read_header(delivery.topic, delivery.payload) for delivery in batch]
        keys = [self._usable_key(header) for header in headers]
        work = [
            (header, key)
            for header, key in zip(headers, keys, strict=True)
            if isinstance(header, Header) and isinstance(key, RegisteredKey)
        ]
        verdicts = iter(await self.verifier.verify(work) if work else ())
        return [
            Judged(
                delivery,
                envelope_hash(delivery.payload),
                header if isinstance(header, Header) else None,
                key if isinstance(key, Refusal) else self._within_terms(next(verdicts), delivery),
            )
            for delivery, header, key in zip(batch, headers, keys, strict=True)
        ]

    def _within_terms(self, verdict: Payload | Refusal, delivery: Delivery) -> Payload | Refusal:
        """The verdict, unless it is a message of a company's point that lies outside the company's terms."""
        held = self.registered.terms(verdict.message.point) if type(verdict) is Spoken else None
        if held is None or type(verdict) is not Spoken:
            return verdict
        received_ms = to_ms(delivery.received_at)
        why = why_outside(verdict.message, verdict.body, held, received_ms=received_ms)
        if why is None:
            return verdict
        if times := self.seldom.worth_telling((why, verdict.message.device), delivery.received_at):
            log.warning("outside_terms", why=why.value, point=held.point, device=verdict.message.device, times=times)
        return Refusal.OUTSIDE_TERMS

    def _usable_key(self, header: Header | Refusal) -> RegisteredKey | Refusal:
        return header if isinstance(header, Refusal) else usable(self.registered.key(header.envelope.key_id))

    async def _finish(self, batch: Sequence[Judged]) -> None:
        """Store a batch, tell its senders, acknowledge it."""
        taken = [message for judged in batch if (message := _taken(judged)) is not None]
        said = [presence for judged in batch if (presence := _said(judged)) is not None]
        fates = await self._stored(taken, said)
        outcomes = [(judged, _refusal(judged, fates)) for judged in batch]
        await self._keep_refused([(judged, why) for judged, why in outcomes if why is not None])
        self._count(fates, [why for _, why in outcomes if why is not None])
        self._send_receipts(outcomes)
        self.step("ingest.receipt_sent")
        self.line.acknowledge(judged.delivery for judged in batch)
        self.step("ingest.acknowledged")
        new = [each for each in taken if fates.get(each.hash) is Fate.NEW]
        self.counts.pieces += sum(type(each.body) is Piece for each in new)
        self.stored(new)

    async def _stored(self, taken: Sequence[Taken], said: Sequence[Said]) -> dict[bytes, Fate]:
        """The fates of a batch, once the database has taken it, however long that lasts."""
        if not taken and not said:
            return {}
        wait_s, write = _RETRY_FIRST_S, self.store.write
        while True:
            try:
                return await write(taken, said)
            except POISON as exc:
                log.error("ingest_poison", problem=str(unwell(exc)), messages=len(taken))  # noqa: TRY400  see above
                write = self.store.write_each
            except RETRY as exc:
                self.counts.store_retries += 1
                log.warning("ingest_store_retry", problem=str(unwell(exc)), wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _RETRY_MOST_S)

    async def _keep_refused(self, refused: Sequence[tuple[Judged, Refusal]]) -> None:
        if not refused:
            return
        for judged, why in refused:
            topic, at = judged.delivery.topic, judged.delivery.received_at
            if times := self.seldom.worth_telling((why, topic), at):
                log.warning("ingest_refused", reason=why.name, topic=topic, times=times)
        rows = await asyncio.to_thread(lambda: [self._refused(judged, why) for judged, why in refused])
        try:
            await self.store.write_refused(rows)
        except RETRY as exc:  # the refusal stands without its record
            log.error("ingest_refused_not_kept", problem=str(unwell(exc)))  # noqa: TRY400  see above

    def _refused(self, judged: Judged, why: Refusal) -> Refused:
        delivery, envelope = judged.delivery, judged.header.envelope if judged.header else None
        raw, digest, topic = delivery.payload, judged.hash, judged.topic
        return Refused(
            sha256=digest,
            reason=why,
            topic=str(topic) if topic else "",
            key_id=envelope.key_id if envelope else None,
            algorithm=max(-(2**63), min(envelope.algorithm, 2**63 - 1)) if envelope else None,
            length_bytes=len(raw),
            received_at=delivery.received_at,
            sealed=seal(raw, self.evidence_spki, Purpose.REFUSED, device=topic.device if topic else "", sha256=digest),
            sealed_to=key_id(self.evidence_spki),
        )

    def _count(self, fates: dict[bytes, Fate], refused: Sequence[Refusal]) -> None:
        found = list(fates.values())
        self.counts.stored += found.count(Fate.NEW)
        self.counts.redelivered += found.count(Fate.REDELIVERED)
        self.counts.refused += len(refused)
        self.counts.refusals.update(why.name.lower() for why in refused)
        if fates:
            self.counts.last_commit_at = datetime.now(UTC)

    def _send_receipts(self, outcomes: Iterable[tuple[Judged, Refusal | None]]) -> None:
        time_ms = to_ms(datetime.now(UTC))
        told = (
            Outcome(topic, judged.hash, why)
            for judged, why in outcomes
            if (topic := judged.topic) is not None and self.registered.is_device(topic.device)
        )
        for who, items in receipts(told):
            receipt = sign_receipt(who.device, items, self.signer, time_ms=time_ms)
            self.line.publish(str(device_topic(who, RECEIPT)), receipt)


def _topic(delivery: Delivery) -> Topic | None:
    try:
        return parse_topic(delivery.topic)
    except BadTopic:
        return None


def _taken(judged: Judged) -> Taken | None:
    verdict, delivery = judged.verdict, judged.delivery
    if type(verdict) is not Spoken:
        return None
    return Taken(verdict.message, verdict.body, delivery.payload, judged.hash, delivery.received_at)


def _said(judged: Judged) -> Said | None:
    verdict, delivery = judged.verdict, judged.delivery
    return Said(verdict, delivery.payload, delivery.received_at) if type(verdict) is Presence else None


def _refusal(judged: Judged, fates: dict[bytes, Fate]) -> Refusal | None:
    if type(judged.verdict) is Spoken:
        return refusal_of(fates.get(judged.hash))
    return judged.verdict if type(judged.verdict) is Refusal else None
