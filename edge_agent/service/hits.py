"""The path of a hit: match, commit at once, then have its picture made.

Reads come in order, and so do the messages about them: one task commits them one after the other. If the disk refuses,
the hit stays in memory and is tried again until it is taken; reading goes on meanwhile, until `MAX_WAITING` hits wait
and the cameras are held up. A read that matches nothing goes into the look-back memory and nowhere else. On a company's
box a read that its terms do not allow goes nowhere at all.
"""

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import structlog

from edge_agent.adapters.progress import Progress
from edge_agent.core.frames import Frame
from edge_agent.core.hits import amendment_of, hit_of, late_hit_of, remembered
from edge_agent.core.lookback import Lookback
from edge_agent.core.matching import HotlistIndex
from edge_agent.core.reads import Read
from edge_agent.core.report import Tally
from edge_agent.errors import OutboxFailed, OutboxFull
from edge_agent.service.pictures import PictureDesk, PictureJob, Unavailable
from edge_agent.service.terms import TermsKeeper
from edge_agent.service.writer import Writer
from protocol.messages import Hit, HitAmended, HitKey, Match, Quality
from protocol.terms import Shown, Use

MAX_WAITING: Final = 256
MAX_TRACKS: Final = 1024
RETRY_S: Final = 1.0
LATENCIES_KEPT: Final = 1000

log = structlog.get_logger()

Track: TypeAlias = tuple[str, int]


@dataclass(slots=True)
class _Said:
    """What has been said of a track; `key` is None until it is committed."""

    hit: Hit
    key: HitKey | None = None


@dataclass(frozen=True, slots=True)
class _NewHit:
    """A hit to be said. `read` holds the frame if a place for its picture was free; `decided_s` is monotonic."""

    hit: Hit = field(repr=False)
    decided_s: float
    read: Read | None
    no_picture: str = ""


@dataclass(frozen=True, slots=True)
class _Amendment:
    """A later vote on a track that has said its hit."""

    read: Read
    matches: tuple[Match, ...] = field(repr=False)


class HitPath:
    """One per agent."""

    def __init__(
        self,
        city: str,
        writer: Writer,
        desk: PictureDesk,
        lookback: Lookback,
        progress: Progress,
        *,
        terms: TermsKeeper | None = None,
    ) -> None:
        """Nothing is armed yet."""
        self._city, self._writer, self._desk, self._progress = city, writer, desk, progress
        self._terms = terms
        self.lookback = lookback
        self.index = HotlistIndex(expires_ms=0)
        self.armed = asyncio.Event()
        self.failures = 0
        self.lost = 0
        self.latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._jobs: asyncio.Queue[_NewHit | _Amendment] = asyncio.Queue()
        self._has_space = asyncio.Condition()
        self._said: OrderedDict[Track, _Said] = OrderedDict()

    async def take(self, read: Read, decided_by: Frame, tally: Tally) -> None:
        """A read, and the frame that decided it."""
        if self._terms is not None and not self._terms.allows(Use.HIT, read.camera):
            return
        matches = self.index.match(read.text, self._writer.time.now_ms(), self._city)
        now_s = time.monotonic()
        keep = self.lookback.amend if read.is_amendment else self.lookback.add
        keep(remembered(read), now_s=now_s, told=matches)
        if (read.camera, read.track_id) in self._said:
            if read.is_amendment:
                await self._put(_Amendment(read, matches))
        elif matches:
            tally.hits += 1
            await self._put(self._new_hit(read, matches, decided_by.captured_mono_s))

    def arm(self, index: HotlistIndex) -> None:
        """A new list: match it against what is remembered. These hits are bounded by the look-back's budget."""
        self.index = index
        self.armed.set()
        now_s, now_ms = time.monotonic(), self._writer.time.now_ms()
        for late in self.lookback.rematch(index, now_s=now_s, now_ms=now_ms, city=self._city):
            hit = late_hit_of(late, index.list_version)
            self._jobs.put_nowait(_NewHit(hit, late.read.captured_s, None, "from_lookback"))

    def forget(self) -> None:
        """Forget every read: from here on nothing of before is matched any more."""
        self.lookback.clear(time.monotonic())

    async def run(self) -> None:
        """Commit hits and amendments until cancelled."""
        while True:
            job = await self._jobs.get()
            match job:
                case _NewHit():
                    await self._say(job)
                case _Amendment():
                    await self._amend(job)
            self._jobs.task_done()
            async with self._has_space:
                self._has_space.notify_all()

    async def settled(self) -> None:
        """Wait until every hit taken so far is committed."""
        await self._jobs.join()

    def _new_hit(self, read: Read, matches: tuple[Match, ...], decided_s: float) -> _NewHit:
        hit = hit_of(read, matches, self.index.list_version)
        self._remember((read.camera, read.track_id), _Said(hit))
        has_place = self._desk.reserve()
        return _NewHit(hit, decided_s, read if has_place else None, "" if has_place else "overload")

    def _remember(self, track: Track, said: _Said) -> None:
        self._said[track] = said
        if len(self._said) > MAX_TRACKS:
            self._said.popitem(last=False)

    async def _put(self, job: _NewHit | _Amendment) -> None:
        async with self._has_space:
            await self._has_space.wait_for(lambda: self._jobs.qsize() < MAX_WAITING)
        self._jobs.put_nowait(job)

    async def _say(self, job: _NewHit) -> None:
        key = await self._commit(job.hit, owes_picture=job.read is not None)
        if key is None:
            if job.read is not None:
                self._desk.release()
            return
        self._tell(job, key)
        if said := self._said.get((job.hit.camera, job.hit.track)):
            said.key = said.key or key
        if job.read is None:
            await self._desk.say_unavailable(key, Unavailable(job.no_picture))
        else:
            frame = job.read.frame
            self._desk.offer(PictureJob(key, job.hit.camera, job.hit.captured_ms, frame.image, job.read.xyxy))

    async def _amend(self, job: _Amendment) -> None:
        said = self._said.get((job.read.camera, job.read.track_id))
        if said is None or said.key is None:
            return
        amendment = amendment_of(said.hit, said.key, job.read, job.matches)
        if amendment is not None:
            await self._commit(amendment)
            self._progress("hit_amended", camera=job.read.camera, hit=said.key.hash.hex(), matches=len(job.matches))

    async def _commit(self, body: Hit | HitAmended, *, owes_picture: bool = False) -> HitKey | None:
        """Commit, however often it takes; None only if the outbox is full of what may not be given up."""
        while True:
            try:
                appended = await self._writer.append([body], owes_picture=owes_picture)
            except OutboxFailed as exc:
                self.failures += 1
                log.error("hit_waits_for_disk", why=str(exc), waiting=self._jobs.qsize() + 1)  # noqa: TRY400
                await asyncio.sleep(RETRY_S)
            except OutboxFull:
                self.lost += 1
                log.error("hit_lost", why="outbox_full", lost=self.lost)  # noqa: TRY400  no frames in a log
                return None
            else:
                return self._writer.key_of(appended.rows[0])

    def _tell(self, job: _NewHit, key: HitKey) -> None:
        """A log line without the plate, and the demonstration's line with it."""
        hit = job.hit
        latency_ms = (time.monotonic() - job.decided_s) * 1000
        if not hit.is_from_lookback:
            self.latencies_ms.append(latency_ms)
        if self._terms is not None and not self._terms.shows(Shown.HIT_COUNTS):
            return  # the box's journal is the company's to read
        quality = "exact" if any(m.quality is Quality.EXACT for m in hit.matches) else "possible"
        facts = {
            "camera": hit.camera,
            "track": hit.track,
            "sequence": key.sequence,
            "quality": quality,
            "latency_ms": round(latency_ms, 1),
            "is_from_lookback": hit.is_from_lookback,
        }
        log.info("hit", **facts)
        self._progress(
            "hit",
            **facts,
            epoch=key.epoch,
            hit=key.hash.hex(),
            plate=hit.plate,
            entries=[match.entry for match in hit.matches],
            confidence=hit.confidence / 1000,
            captured_ms=hit.captured_ms,
            decided_mono_s=job.decided_s,
        )
