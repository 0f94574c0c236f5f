"""Capture: the newest frames of all cameras of a box, in turn, to one asynchronous consumer.

    async with Capture(sources, clock=clock.now) as capture:
        async for frame in capture.frames():
            ...

Several consumers may iterate `frames()` side by side. A camera whose frame is with one of them is served again only
when that one comes back for more, so that each camera's frames are worked on one at a time and in order.

Every camera is decoded in a thread of its own, which fails, stalls and reconnects without the others. The consumer
may be as slow as it is: what it misses is dropped and counted, and what it gets is new. A camera that `is_wanted`
denies, asked in the camera's thread, is let go until it is wanted again. `frames` ends when all sources have ended and
every frame left was taken; cameras never end, files do.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import structlog

from edge_agent.adapters.capture_reader import CameraReader, CameraSource, CaptureRules
from edge_agent.core.frames import Frame
from edge_agent.core.sampling import next_in_turn
from protocol.messages import CameraState
from protocol.names import CameraId

__all__ = ["CameraSource", "Capture", "CaptureRules", "CaptureStats"]

WATCH_EVERY_S: Final = 0.25

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """One camera's counters since the start, and its state now.

    `frames_in` = `sampled_out` + `dropped` + `delivered` + the few that wait or are being converted. `fault` says
    in words why the camera is not, or was last not, delivering.
    """

    state: CameraState
    state_since: datetime
    fps_in: float
    frames_in: int
    sampled_out: int
    dropped: int
    delivered: int
    reconnects: int
    decode_errors: int
    stalls: int
    live_s: float
    fault: str | None


@dataclass(slots=True)
class _Watched:
    """What the watch has seen of one camera's states."""

    state: CameraState
    since: datetime
    at_s: float
    live_s: float = 0.0
    stalls: int = 0
    delivered: int = 0


class Capture:
    """Owns the cameras' threads; a context manager that ends them all."""

    def __init__(
        self,
        sources: Iterable[CameraSource],
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        rules: CaptureRules | None = None,
        is_wanted: Callable[[CameraId], bool] = lambda _: True,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._last_served = -1
        self._busy: set[int] = set()
        self._readers = [
            CameraReader(
                source, rules or CaptureRules(), self._wake, clock=clock, monotonic=monotonic, is_wanted=is_wanted
            )
            for source in sources
        ]
        names = [reader.source.camera for reader in self._readers]
        if len(set(names)) != len(names):
            raise ValueError("two sources have the same camera id")
        self._watched = {name: _Watched(CameraState.CONNECTING, clock(), monotonic()) for name in names}

    async def __aenter__(self) -> Self:
        """Start all cameras."""
        self._loop = asyncio.get_running_loop()
        for reader in self._readers:
            reader.start()
        self._watch = asyncio.create_task(self._watch_states(), name="capture-watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Stop all cameras at once, and wait until their threads are gone."""
        for reader in self._readers:
            reader.stop()
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await asyncio.to_thread(self._join)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield the cameras' newest frames in turn; ends with the last source, raises what crashed a reader."""
        while True:
            self._changed.clear()
            turn = next_in_turn(
                [bool(reader.slot) and at not in self._busy for at, reader in enumerate(self._readers)],
                self._last_served,
            )
            if turn is not None and (frame := self._taken(turn)) is not None:
                self._busy.add(turn)
                try:
                    yield frame
                finally:
                    self._busy.discard(turn)
                    self._changed.set()  # for others who wait, its next frame may be there already
                continue
            for reader in self._readers:
                if reader.crash is not None:
                    raise reader.crash
            if all(reader.has_ended and not reader.slot for reader in self._readers):
                return
            await self._changed.wait()

    def slow_down(self, share: float) -> None:
        """Want this share of every camera's frames a second; those left out count as sampled out."""
        for reader in self._readers:
            reader.slow_down(share)

    def stats(self) -> dict[CameraId, CaptureStats]:
        """Take a snapshot of every camera's state and counters."""
        now_s = self._monotonic()
        self._note_states()
        return {reader.source.camera: self._stats_of(reader, now_s) for reader in self._readers}

    def _stats_of(self, reader: CameraReader, now_s: float) -> CaptureStats:
        watched, counted = self._watched[reader.source.camera], reader.counters
        return CaptureStats(
            state=watched.state,
            state_since=watched.since,
            fps_in=reader.frames_per_s(now_s),
            frames_in=counted.frames_in,
            sampled_out=counted.sampled_out,
            dropped=counted.dropped,
            delivered=watched.delivered,
            reconnects=counted.reconnects,
            decode_errors=counted.decode_errors,
            stalls=watched.stalls,
            live_s=watched.live_s,
            fault=reader.fault,
        )

    def _taken(self, turn: int) -> Frame | None:
        self._last_served = turn
        reader = self._readers[turn]
        frame = reader.slot.take()
        self._watched[reader.source.camera].delivered += 1
        return frame

    async def _watch_states(self) -> None:
        """Notice changes of state within a moment, so that they are logged and dated when they happen."""
        while True:
            self._note_states()
            await asyncio.sleep(WATCH_EVERY_S)

    def _note_states(self) -> None:
        now_s = self._monotonic()
        for reader in self._readers:
            watched = self._watched[reader.source.camera]
            if watched.state is CameraState.LIVE:
                watched.live_s += now_s - watched.at_s
            watched.at_s = now_s
            state = reader.state(now_s)
            if state is not watched.state:
                watched.stalls += state is CameraState.STALLED
                watched.state, watched.since = state, self._clock()
                say = log.warning if state is CameraState.STALLED else log.info
                say("camera_state", camera=reader.source.camera, state=state.name.lower())

    def _wake(self) -> None:
        """Wake the consumer; called by the cameras' threads."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._changed.set)

    def _join(self) -> None:
        for reader in self._readers:
            reader.join()
