"""The desk where signals become alarms in the outbox: one after the other, each with what must be remembered of it.

Cameras and buttons hand signals in; `core.alarms` decides what is to be said; the message and what stands after it are
committed in one transaction. If the disk refuses, the alarm waits in memory and is tried until it is taken. `say`
returns when its signal is on the disk: a panic button's answer rests on that.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from edge_agent.adapters.outbox import Kept as KeptInOutbox
from edge_agent.adapters.progress import Progress
from edge_agent.core.alarms import AlarmBook, AlarmRules, Kept, Signal
from edge_agent.errors import OutboxFailed, OutboxFull
from edge_agent.service.writer import Writer
from protocol.messages import Alarm

KEPT_NAME: Final = "alarms"
MAX_WAITING: Final = 256
RETRY_S: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Lost:
    """A camera that can no longer be heard."""

    camera: str


@dataclass(frozen=True, slots=True)
class _Job:
    """A signal, and who waits for it to be on the disk: true, unless the outbox had no room for it."""

    what: Signal | _Lost
    done: asyncio.Future[bool]


class AlarmDesk:
    """One per agent. `restore` first, then `run` in a task of its own."""

    def __init__(
        self,
        writer: Writer,
        rules: AlarmRules,
        progress: Progress,
        allows: Callable[[Signal], bool] = lambda _: True,
    ) -> None:
        """Nothing stands yet. A signal that `allows` denies is as if it had not been given."""
        self._allows = allows
        self._writer, self._progress = writer, progress
        self._book = AlarmBook(rules)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MAX_WAITING)
        self._kept: tuple[Kept, ...] = ()
        self.said = 0
        self.lost = 0

    async def restore(self) -> None:
        """Take up what stood when the agent last ran."""
        raw = await self._writer.kept(KEPT_NAME)
        try:
            self._kept = msgspec.json.decode(raw or b"[]", type=tuple[Kept, ...])
        except msgspec.DecodeError:
            log.warning("alarms_forgotten", why="what was kept is of another release")
        self._book.restore(self._kept, now_s=time.monotonic(), now_ms=self._writer.time.now_ms())

    async def say(self, signal: Signal) -> bool:
        """Hand a signal in and wait until all it gave rise to is on the disk; false if there was no room for it, or it
        is not allowed here."""
        if not self._allows(signal):
            return False
        return await (await self._put(signal))

    async def hand_in(self, signal: Signal) -> None:
        """Hand a signal in; waits only while `MAX_WAITING` others do."""
        if self._allows(signal):
            _ = await self._put(signal)

    async def lose(self, camera: str) -> None:
        """Note that a camera can no longer be heard."""
        _ = await self._put(_Lost(camera))

    async def run(self) -> None:
        """Commit what is due until cancelled."""
        while True:
            job = await self._next()
            is_kept = await self._commit(self._messages_of(job))
            if job is not None and not job.done.done():
                job.done.set_result(is_kept)

    async def settled(self) -> None:
        """Wait until every signal handed in so far is on the disk."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(_Lost(""), done))
        await done

    def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows of alarms."""
        return {
            "said": self.said,
            "lost": self.lost,
            "suppressed": self._book.suppressed,
            "standing": [{"camera": k.camera, "alarm": k.alarm, "started_ms": k.started_ms} for k in self._book.kept()],
        }

    async def _put(self, what: Signal | _Lost) -> asyncio.Future[bool]:
        job = _Job(what, asyncio.get_running_loop().create_future())
        await self._jobs.put(job)
        return job.done

    async def _next(self) -> _Job | None:
        """The next job, or None when something is due before one comes."""
        due_s = self._book.next_due_s()
        try:
            async with asyncio.timeout(None if due_s is None else max(0.0, due_s - time.monotonic())):
                return await self._jobs.get()
        except TimeoutError:
            return None

    def _messages_of(self, job: _Job | None) -> tuple[Alarm, ...]:
        now_s, now_ms = time.monotonic(), self._writer.time.now_ms()
        what = job.what if job else None
        if isinstance(what, Signal):
            return self._book.take(what, now_s=now_s, now_ms=now_ms)
        if isinstance(what, _Lost):
            self._book.lose(what.camera, now_s=now_s)
        return self._book.due(now_s=now_s, now_ms=now_ms)

    async def _commit(self, messages: tuple[Alarm, ...]) -> bool:
        """Commit messages with what stands after them, however often it takes; false if there is no room."""
        kept = self._book.kept()
        keeps = KeptInOutbox(KEPT_NAME, msgspec.json.encode(kept))
        while messages or kept != self._kept:
            try:
                if messages:
                    await self._writer.append(messages, keeps=keeps)
                else:
                    await self._writer.keep(keeps)
            except OutboxFailed as exc:
                log.error("alarm_waits_for_disk", why=str(exc), waiting=self._jobs.qsize() + 1)  # noqa: TRY400
                await asyncio.sleep(RETRY_S)
            except OutboxFull:
                self.lost += len(messages)
                log.error("alarm_lost", why="outbox_full", lost=self.lost)  # noqa: TRY400  no frames in a log
                return False
            else:
                self._kept = kept
                self._tell(messages)
                break
        return True

    def _tell(self, messages: tuple[Alarm, ...]) -> None:
        for each in messages:
            self.said += 1
            facts = {"camera": each.camera, "alarm": each.alarm, "is_active": each.is_active, "note": each.note}
            log.info("alarm", **facts)
            self._progress("alarm", **facts, started_ms=each.started_ms)
