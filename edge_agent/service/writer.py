"""The outbox in a thread of its own, and the schedule of what it holds.

Every durable effect goes through here, one after the other. The schedule changes on the event loop only, after
the commit: what is in it is on disk. `changed` is set whenever something new may have become due, `is_empty` while
everything said has been receipted.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from edge_agent.adapters.outbox import Appended, Holdings, Kept, Outbox, Settled
from edge_agent.core.delivery import Row, Schedule
from edge_agent.errors import OutboxFailed
from edge_agent.service.timekeeper import Timekeeper, WallClock
from protocol.delivery import Bury, Forget, Wait
from protocol.messages import Body, HitKey
from protocol.receipts import Range, ReceiptItem

T = TypeVar("T")


class Writer:
    """An async context: opens the outbox on entry and closes it on exit, in its own thread."""

    def __init__(
        self, open_outbox: Callable[[], Outbox], schedule: Schedule, wall_clock: WallClock, *, root_said_ms: int
    ) -> None:
        """Nothing is opened yet. `root_said_ms` is the time in the trust bundle in force."""
        self._root_said_ms = root_said_ms
        self._open_outbox = open_outbox
        self._wall_clock = wall_clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._has_untold = False
        self.schedule = schedule
        self.changed = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.failures = 0
        self._outbox: Outbox
        self.time: Timekeeper

    async def __aenter__(self) -> Self:
        """Open the outbox and take its rows into the schedule; raises `OutboxBroken`."""
        try:
            self._outbox = await self._in_thread(self._open_outbox)
        except BaseException:  # cancellation too: without __aexit__ nobody ends the thread; raised again
            self._thread.shutdown()
            raise
        kept = await self._in_thread(self._outbox.kept_time)
        self.time = Timekeeper(kept, self._wall_clock, root_said_ms=self._root_said_ms)
        self.list_version = await self._in_thread(self._outbox.kept_list_version)
        for row in await self._in_thread(self._outbox.rows):
            self.schedule.add(row)
        self._has_untold = (await self.holdings()).untold > 0
        self._note_change()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the outbox after whatever is still being written."""
        try:
            await self._in_thread(self._outbox.close)
        finally:
            self._thread.shutdown()

    @property
    def outbox_id(self) -> bytes:
        """The id of the outbox."""
        return self._outbox.position.outbox

    def key_of(self, row: Row) -> HitKey:
        """The name of a committed hit."""
        return HitKey(outbox=self.outbox_id, epoch=row.epoch, sequence=row.sequence, hash=row.hash)

    async def append(
        self,
        bodies: Sequence[Body],
        *,
        owes_picture: bool = False,
        settles: HitKey | None = None,
        keeps: Kept | None = None,
    ) -> Appended:
        """Commit messages and schedule them; raises `OutboxFailed` or `OutboxFull`."""
        stamp = self.time.stamp()
        return self._scheduled(
            await self._in_thread(
                lambda: self._outbox.append(bodies, stamp, owes_picture=owes_picture, settles=settles, keeps=keeps)
            )
        )

    async def keep(self, keeps: Kept) -> None:
        """Keep a small thing under a name; raises `OutboxFailed`."""
        await self._in_thread(lambda: self._outbox.keep(keeps))

    async def kept(self, name: str) -> bytes | None:
        """What is kept under a name."""
        return await self._in_thread(lambda: self._outbox.kept(name))

    async def tell_dropped(self) -> None:
        """Commit what is still to be told of given up messages; raises `OutboxFailed`."""
        while self._has_untold:
            appended = await self._in_thread(partial(self._outbox.tell_dropped, self.time.stamp()))
            self._has_untold = bool(appended.rows)
            self._scheduled(appended)

    async def settle(self, items: Sequence[ReceiptItem]) -> tuple[Settled, ...]:
        """Apply a verified receipt; raises `OutboxFailed`."""
        kept = self.time.kept()
        settled = await self._in_thread(lambda: self._outbox.settle(items, kept))
        now_s = asyncio.get_running_loop().time()
        for each in settled:
            match each.outcome:
                case Forget() | Bury():
                    self.schedule.remove(each.row.sequence)
                case Wait():
                    self.schedule.put_off(each.row.sequence, now_s)
        self._note_change()
        return settled

    async def resend(self, ranges: Sequence[Range]) -> None:
        """Make rows of these ranges due, and their tombstones to be told again; raises `OutboxFailed`."""
        for sequence in await self._in_thread(lambda: self._outbox.retell(ranges)):
            self.schedule.hurry(sequence)
        self._has_untold = True
        self._note_change()

    async def envelope(self, sequence: int) -> bytes | None:
        """A row's bytes, or None if it has gone."""
        return await self._in_thread(lambda: self._outbox.envelope(sequence))

    async def keep_time(self) -> None:
        """Keep the time floor on disk; raises `OutboxFailed`."""
        kept = self.time.kept()
        await self._in_thread(lambda: self._outbox.keep_time(kept))

    async def keep_list_version(self, version: int) -> None:
        """Keep the last hotlist version, so that a restart cannot bring an older one back; raises `OutboxFailed`."""
        await self._in_thread(lambda: self._outbox.keep_list_version(version))
        self.list_version = max(self.list_version, version)

    def forget(self, sequence: int) -> None:
        """A row that is no longer there."""
        self.schedule.remove(sequence)
        self._note_change()

    async def next_connection(self) -> int:
        """Take the next connection number; raises `OutboxFailed`."""
        return await self._in_thread(self._outbox.next_connection)

    async def pictures_owed(self) -> tuple[HitKey, ...]:
        """Hits of earlier runs whose picture is lost."""
        return await self._in_thread(self._outbox.pictures_owed)

    async def holdings(self) -> Holdings:
        """How much the outbox holds."""
        return await self._in_thread(self._outbox.holdings)

    def _scheduled(self, appended: Appended) -> Appended:
        for row in appended.given_up:
            self.schedule.remove(row.sequence)
            self._has_untold = True
        for row in appended.rows:
            self.schedule.add(row)
        self._note_change()
        return appended

    def _note_change(self) -> None:
        self.changed.set()
        if len(self.schedule):
            self.is_empty.clear()
        else:
            self.is_empty.set()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except OutboxFailed:
            self.failures += 1
            raise
