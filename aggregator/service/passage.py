"""What goes on between a city and its region while one connection lasts: messages up, receipts down, records of both.

What comes down is believed under the region's own trust bundle only; anything else is counted, logged without its
bytes, and has no effect. Whatever ends here ends the connection, and the queue knows all that matters.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

import structlog

from aggregator.adapters.database import Access
from aggregator.adapters.forward_queue import ForwardQueue
from aggregator.adapters.hearing import hearing
from aggregator.adapters.region_line import Letter, RegionLine
from aggregator.core.forwarding import FLIGHT_S, Line, Passing, Settled, is_time_to_tell, word_of
from aggregator.errors import RegionAway
from protocol.clock import to_ms
from protocol.delivery import Forget, Lane, Pace, accept_receipt, outcome_of
from protocol.envelope import envelope_hash
from protocol.errors import BadTopic
from protocol.federation import accept_link_receipt, sign_transit
from protocol.keys import Signer
from protocol.receipts import Receipt, ReceiptItem
from protocol.refusals import Refusal
from protocol.steps import Step, no_step
from protocol.topics import HEAD, LINK_RECEIPT, RECEIPT, TRANSIT, Topic, link_topic, parse_topic
from protocol.trust import TrustStore

STEPS: Final = ("forward.published", "forward.verified", "forward.record_published")
_LOOK_EVERY_S: Final = 1.0
_LOOK_PAUSE_S: Final = 0.02
_TELL_EVERY_S: Final = 0.25
_RECORD_AGAIN: Final = Pace(first_s=2.0, most_s=60.0)
_AT_A_TIME: Final = 50

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What was done since the program started."""

    sent: int = 0
    stored: int = 0
    records: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    refused_downlinks: int = 0


@dataclass(frozen=True, slots=True)
class Means:
    """What every connection works with. `on_head` is told of the log's head, on the loop's thread."""

    queue: ForwardQueue
    access: Access
    city: str
    signer: Signer
    in_flight: int = 500
    on_head: Callable[[bytes], None] = lambda raw: None
    step: Step = no_step
    rng: Random = field(default_factory=Random)
    counts: Counts = field(default_factory=Counts)


@dataclass(slots=True)
class Passage:
    """One connection's work."""

    means: Means
    trust: TrustStore
    line: RegionLine
    passing: Passing = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _records: dict[bytes, "asyncio.Future[ReceiptItem]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is on its way yet."""
        self.passing = Passing(self.means.in_flight, self.means.rng)

    def tasks(self) -> dict[str, Coroutine[None, None, None]]:
        """What runs side by side, by name."""
        return {
            "region-line": self.line.lost(),
            "forward-pump": self._pump(),
            "forward-receipts": self._listen(),
            "forward-records": self._tell(),
            "forward-due": self._hear(),
        }

    async def _pump(self) -> None:
        """Put off what was not answered, read what there is room for, send what may go."""
        while True:
            self._changed.clear()
            lapsed = self.passing.lapsed(_now_s())
            if lapsed:
                await self._settle(lapsed)
            for lane in self.passing.wants():
                self.passing.fill(lane, await self.means.queue.due(lane, self.passing.look(lane)))
            if await self._send_some() < _AT_A_TIME and not self.passing.wants():
                await self._pause()

    async def _send_some(self) -> int:
        """Send what may go, so many at most that alerts which came meanwhile are soon read."""
        for sent in range(_AT_A_TIME):
            row = self.passing.next()
            if row is None:
                return sent
            await self.line.publish(row.topic, row.raw)
            self.passing.sent(row, _now_s())
            self.means.counts.sent += 1
            self.means.step("forward.published")
        await asyncio.sleep(0)  # receipts are taken in between
        return _AT_A_TIME

    async def _pause(self) -> None:
        lapse_s = self.passing.lapse_s
        wait_s = _LOOK_EVERY_S if lapse_s is None else min(max(lapse_s - _now_s(), 0.0), _LOOK_EVERY_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()

    async def _hear(self) -> None:
        """Look again whenever something was stored; for what was put off, and the backlog, every second."""
        looked_s = float("-inf")
        async with hearing(self.means.access, "forward_due") as heard:
            while not heard.is_lost:
                is_time = _now_s() - looked_s >= _LOOK_EVERY_S
                looked_s = _now_s() if is_time else looked_s
                self.passing.look_again(*() if is_time else (Lane.URGENT, Lane.ORDINARY))
                self._changed.set()
                await asyncio.sleep(_LOOK_PAUSE_S)
                await heard.wait(_LOOK_EVERY_S)
        raise RegionAway("the database has gone")

    async def _listen(self) -> None:
        """Take what comes down, many letters at a time."""
        while True:
            settled, ahead_ms = Settled(), None
            for letter in await self.line.receive():
                receipt = self._receipt_in(letter)
                if receipt is not None:
                    settled.add(self.passing.judged(receipt.items))
                    ahead_ms = receipt.time_ms - to_ms(datetime.now(UTC))
            if settled:
                self.means.step("forward.verified")
                self.passing.heard(settled, _now_s())
                await self._settle(settled, ahead_ms)
                self._count(settled)
                self._changed.set()

    def _receipt_in(self, letter: Letter) -> Receipt | None:
        """A receipt for devices' messages; what else comes down is dealt with here."""
        topic = _topic(letter)
        if topic is None:  # the broker has only what the filters ask for
            return None
        if topic.word == RECEIPT:
            receipt = accept_receipt(letter.payload, self.trust, city=self.means.city, device=topic.device)
            return self._believed(receipt)
        if topic.word == LINK_RECEIPT:
            self._take_answers(self._believed(accept_link_receipt(letter.payload, self.trust, city=self.means.city)))
        elif topic.word == HEAD:
            self.means.on_head(letter.payload)
        return None

    def _take_answers(self, receipt: Receipt | None) -> None:
        """Receipts of our records."""
        for item in receipt.items if receipt else ():
            waiting = self._records.pop(item.hash, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(item)

    def _believed(self, receipt: Receipt | Refusal) -> Receipt | None:
        if isinstance(receipt, Receipt):
            return receipt
        self.means.counts.refused_downlinks += 1
        log.warning("region_receipt_refused", why=receipt.name.lower())
        return None

    async def _settle(self, settled: Settled, ahead_ms: int | None = None) -> None:
        """Write it, and only then forget it."""
        await self.means.queue.settle(settled, heard_at=datetime.now(UTC), clock_ahead_ms=ahead_ms)
        self.passing.landed(settled)

    def _count(self, settled: Settled) -> None:
        counts = self.means.counts
        counts.stored += len(settled.stored)
        told = [*(reason for _, reason in settled.dead), *(each.reason for each in settled.put_off)]
        counts.refusals.update(word_of(reason) for reason in told if reason is not None)

    async def _tell(self) -> None:
        """Tell the region what came here when, record by record, alerts first."""
        failed = 0
        while True:
            lines = await self._to_tell()
            if lines:
                failed = 0 if await self._record(lines) else failed + 1
            if failed:
                await asyncio.sleep(_RECORD_AGAIN.wait_s(failed, self.means.rng))
            elif not lines:
                await asyncio.sleep(_TELL_EVERY_S)

    async def _to_tell(self) -> Sequence[Line]:
        for is_alert in (True, False):
            lines = await self.means.queue.untold(is_alert=is_alert)
            if is_time_to_tell(lines):
                return lines
        return ()

    async def _record(self, lines: Sequence[Line]) -> bool:
        """Send a record; whether the region has it."""
        means, items = self.means, [line.item for line in lines]
        raw = sign_transit(means.city, items, means.signer, created_ms=to_ms(datetime.now(UTC)))
        answer = self._records[envelope_hash(raw)] = asyncio.get_running_loop().create_future()
        await self.line.publish(str(link_topic(means.city, TRANSIT)), raw)
        means.step("forward.record_published")
        try:
            async with asyncio.timeout(FLIGHT_S):
                item = await answer
        except TimeoutError:
            return False
        finally:
            self._records.pop(envelope_hash(raw), None)
        if not isinstance(outcome_of(item), Forget):
            log.warning("transit_record_refused", why=word_of(item.reason), lines=len(lines))
            return False
        await means.queue.told(lines)
        means.counts.records += 1
        return True


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _topic(letter: Letter) -> Topic | None:
    try:
        return parse_topic(letter.topic)
    except BadTopic:
        return None
