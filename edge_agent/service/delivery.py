"""Delivery: the outbox's rows to the broker, receipts and what else comes down to where it belongs.

A connection: take its number, leave the signed death as will, subscribe, publish the signed birth, then pump rows by
the schedule until the connection is lost; then wait, longer each time, and begin again. Everything unanswered is
due again at each new connection.

What comes down is believed only under a key that the root granted for it. Anything else is counted as a refused
downlink, logged without its bytes, and has no effect.

A connection test under the box's own certificate would throw this connection off the broker, so papers on trial are
tried here: the next connection is made under them, and stays if the broker takes them; if not, the one after it is
made under those in force.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import structlog

from edge_agent.adapters.keystore import Enrolment, TrustFile
from edge_agent.adapters.uplink import Broker, Letter, Link, connected
from edge_agent.core.delivery import Row, Send, Wait
from edge_agent.core.downlinks import read_receipt, read_resend
from edge_agent.errors import LinkFailed, OutboxFailed
from edge_agent.service.writer import Writer
from edge_agent.settings import DeliverySettings
from protocol.delivery import Pace
from protocol.presence import Life, sign_presence
from protocol.refusals import Refusal
from protocol.steps import Step
from protocol.topics import (
    HOTLIST,
    PRESENCE,
    RECEIPT,
    RESEND,
    SETTINGS,
    TERMS,
    TRUST,
    broadcast_topic,
    device_topic,
    message_topic,
)

STEPS: Final = ("uplink.published", "uplink.acknowledged", "receipt.verified", "receipt.applied")

log = structlog.get_logger()

OnLetter = Callable[[bytes], Awaitable[None]]


async def _pass_over(_raw: bytes) -> None:
    """What is done with a letter that nobody waits for."""


@dataclass(slots=True)
class LinkState:
    """What `status` and health say of the connection."""

    connection: int = 0
    is_connected: bool = False
    why_not: str = "not yet connected"
    refused_downlinks: int = 0
    sent: int = 0
    stored: int = 0
    server_certificate: bytes | None = None
    misplaced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a message was refused as not of this box's place."""


@dataclass(slots=True)
class Delivery:
    """One per agent; `run` never returns by itself."""

    enrolment: Enrolment
    trust: TrustFile
    writer: Writer
    settings: DeliverySettings
    versions: tuple[str, ...]
    on_manifest: OnLetter
    on_trust: Callable[[], None]
    step: Step
    on_settings: OnLetter = _pass_over
    on_terms: OnLetter = _pass_over
    rng: Random = field(default_factory=Random)
    state: LinkState = field(default_factory=LinkState)
    _trial: "asyncio.Future[str | None] | None" = None
    _turn: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep a connection as long as the agent lives."""
        pace = Pace(self.settings.reconnect_first_s, self.settings.reconnect_most_s)
        failed = 0
        while True:
            trial, self._trial = self._trial, None
            self._turn.clear()
            try:
                await self._connection(trial)
            except* LinkFailed as group:
                failed = 1 if self.state.is_connected else failed + 1
                self.state.is_connected = False
                self.state.why_not = str(group.exceptions[0])
                log.warning("link_lost", why=self.state.why_not, connection=self.state.connection)
                _settle(trial, self.state.why_not)
            with suppress(TimeoutError):
                async with asyncio.timeout(pace.wait_s(failed, self.rng)):
                    await self._turn.wait()

    async def try_papers(self, limit_s: float) -> str | None:
        """Connect anew under the papers on trial: None if the broker takes them, else why not."""
        trial: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._trial = trial
        self._turn.set()
        try:
            async with asyncio.timeout(limit_s):
                return await trial
        except TimeoutError:
            return f"no connection within {limit_s:.0f} s"
        finally:
            self._trial = None

    async def _connection(self, trial: "asyncio.Future[str | None] | None") -> None:
        number = await self._next_number()
        presence = str(device_topic(self.enrolment.who, PRESENCE))
        will = Letter(presence, self._presence(Life.DEATH, number))
        async with connected(
            self._broker(on_trial=trial is not None),
            will=will,
            filters=list(self._takers()),
            on_acknowledged=self._on_acknowledged,
        ) as link:
            _settle(trial, None)
            self.state.server_certificate = link.server_certificate
            await link.publish(Letter(presence, self._presence(Life.BIRTH, number)))
            self.state.connection, self.state.is_connected = number, True
            log.info("link_made", connection=number)
            self.writer.schedule.hurry_all()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(link.lost(), name="link_watch")
                tasks.create_task(self._turned(), name="link_turn")
                tasks.create_task(self._pump(link), name="uplink_pump")
                tasks.create_task(self._listen(link), name="downlink")

    async def _turned(self) -> None:
        """Give this connection up for one under papers on trial."""
        await self._turn.wait()
        raise LinkFailed("given up to try new papers")

    async def _pump(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.writer.changed.clear()
            await self._tell_dropped()
            match self.writer.schedule.next(loop.time()):
                case Send(row):
                    await self._send(link, row)
                case Wait(seconds):
                    try:
                        async with asyncio.timeout(seconds):
                            await self.writer.changed.wait()
                    except TimeoutError:
                        pass  # something has become due

    async def _send(self, link: Link, row: Row) -> None:
        raw = await self.writer.envelope(row.sequence)
        if raw is None:
            self.writer.forget(row.sequence)
            return
        await link.publish(Letter(str(message_topic(self.enrolment.who, row.kind)), raw))
        self.state.sent += 1
        self.writer.schedule.sent(row.sequence, asyncio.get_running_loop().time())
        self.step("uplink.published")

    async def _tell_dropped(self) -> None:
        try:
            await self.writer.tell_dropped()
        except OutboxFailed as exc:
            log.warning("outbox_failed", what="dropped", why=str(exc))

    async def _listen(self, link: Link) -> None:
        while True:
            letter = await link.receive()
            try:
                await self._take(letter.topic, letter.payload)
            except OutboxFailed as exc:
                # Nothing is lost: the row is still there, and the next try brings another receipt.
                log.warning("outbox_failed", what="receipt", why=str(exc))

    async def _take(self, topic: str, raw: bytes) -> None:
        take = self._takers().get(topic)
        if take is None:
            self._refuse("unknown", "topic")
        else:
            await take(raw)

    def _takers(self) -> dict[str, OnLetter]:
        who = self.enrolment.who
        return {
            str(device_topic(who, RECEIPT)): self._take_receipt,
            str(device_topic(who, RESEND)): self._take_resend,
            str(broadcast_topic(who.city, TRUST)): self._take_trust,
            str(broadcast_topic(who.city, HOTLIST)): self.on_manifest,
            str(device_topic(who, SETTINGS)): self.on_settings,
            str(device_topic(who, TERMS)): self.on_terms,
        }

    async def _take_receipt(self, raw: bytes) -> None:
        receipt = read_receipt(raw, self.trust.store, self.enrolment.who)
        if isinstance(receipt, Refusal):
            self._refuse(RECEIPT, receipt.name)
            return
        self.step("receipt.verified")
        self.writer.time.hear(receipt.time_ms)
        if any(item.reason == Refusal.NOT_YOUR_PLACE for item in receipt.items):
            self.state.misplaced.set()
        self.state.stored += len(await self.writer.settle(receipt.items))
        self.step("receipt.applied")

    async def _take_resend(self, raw: bytes) -> None:
        resend = read_resend(raw, self.trust.store, self.enrolment.who)
        if isinstance(resend, Refusal):
            self._refuse(RESEND, resend.name)
            return
        self.writer.time.hear(resend.time_ms)
        if resend.outbox == self.writer.outbox_id:
            await self.writer.resend(resend.ranges)

    async def _take_trust(self, raw: bytes) -> None:
        before = self.trust.store.number
        refusal = self.trust.accept(raw)
        if refusal is not None:
            self._refuse(TRUST, refusal.name)
        elif self.trust.store.number > before:
            log.info("trust_accepted", number=self.trust.store.number)
            self.writer.time.reset(self.trust.store.created_ms)
            await self.writer.keep_time()
            self.on_trust()

    def _refuse(self, word: str, why: str) -> None:
        self.state.refused_downlinks += 1
        log.warning("downlink_refused", word=word, why=why.lower())

    def _on_acknowledged(self) -> None:
        self.step("uplink.acknowledged")

    def _broker(self, *, on_trial: bool) -> Broker:
        facts = self.enrolment.facts
        tls = self.enrolment.tls(check_dates=self.writer.time.is_clock_good, on_trial=on_trial)
        return Broker(facts.broker_host, facts.broker_port, facts.device, tls, self.settings.keepalive_s)

    def _presence(self, life: Life, number: int) -> bytes:
        stamp = self.writer.time.stamp()
        return sign_presence(
            life,
            self.enrolment.who,
            self.enrolment.signer,
            connection=number,
            time_ms=stamp.ms,
            clock=stamp.clock,
            outbox=self.writer.outbox_id,
            versions=self.versions,
        )

    async def _next_number(self) -> int:
        try:
            return await self.writer.next_connection()
        except OutboxFailed as exc:
            log.warning("outbox_failed", what="connection", why=str(exc))
            return self.state.connection + 1


def _settle(trial: "asyncio.Future[str | None] | None", problem: str | None) -> None:
    """Say how a trial went, unless nobody waits for it any more."""
    if trial is not None and not trial.done():
        trial.set_result(problem)
