"""The cameras: frames in turn through the models, in threads of their own, and what came of them counted.

All cameras share the sets of models, each with a thread (`adapters.vision_pool`); while these work, the newest frames
of each camera wait in their places (`adapters.capture`). A camera's frames are worked on one at a time, in order. Faces
are counted on one frame of each camera every `face_count_interval_s`, and a count is all that is kept of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog

from edge_agent.adapters.capture import CameraSource, Capture, CaptureStats
from edge_agent.adapters.progress import Progress
from edge_agent.adapters.stopwatch import TimedDetector, TimedRecognizer
from edge_agent.adapters.vision_pool import VisionPool
from edge_agent.core.frames import Frame
from edge_agent.core.pipeline import CameraPipeline, PipelineOutput
from edge_agent.core.report import CameraCounts, Snapshot, Tally
from edge_agent.core.stillness import StillnessGate
from edge_agent.service.hits import HitPath
from edge_agent.service.terms import TermsKeeper
from edge_agent.settings import Settings
from protocol.clock import to_ms
from protocol.names import CameraId
from protocol.terms import Use

TELL_EVERY_S: Final = 1.0

log = structlog.get_logger()

T = TypeVar("T")


class Cameras:
    """All cameras of a box. A context: the capture threads live inside it."""

    def __init__(
        self,
        settings: Settings,
        pool: VisionPool,
        hits: HitPath,
        *,
        clock: Callable[[], datetime],
        progress: Progress,
        glance: Callable[[Frame], None] | None = None,
        terms: TermsKeeper | None = None,
    ) -> None:
        """Nothing is opened yet. `glance` is shown every frame that is looked at, in the thread that has it.

        On a company's box `terms` say which cameras may be looked at, and for what.
        """
        self._glance, self._terms = glance, terms
        self._pool, self._hits, self._clock, self._progress = pool, hits, clock, progress
        self._face_interval_s = self._cool_face_interval_s = settings.face_count_interval_s
        self._sources = [
            CameraSource(CameraId(c.camera), c.url, c.frames_per_s, realtime=c.realtime, loop=c.loop)
            for c in settings.cameras
        ]
        self._capture = Capture(self._sources, clock=clock, is_wanted=terms.wants if terms else lambda _: True)
        self._tallies = {source.camera: Tally() for source in self._sources}
        self._pipelines = {source.camera: self._pipeline(source.camera) for source in self._sources}
        self._face_count_due_s = dict.fromkeys(self._tallies, 0.0)
        self._thread = ThreadPoolExecutor(pool.size, thread_name_prefix="inference")
        self._told_s = 0.0

    async def __aenter__(self) -> Self:
        """Start the capture."""
        await self._capture.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the capture and the models' threads."""
        await self._capture.__aexit__(kind, exc, trace)
        await asyncio.to_thread(self._thread.shutdown)

    async def run(self, stop: asyncio.Event) -> None:
        """Until every source has ended, or `stop`; open passages are closed, and their reads taken, before it ends."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._pool.size):
                group.create_task(self._work(stop), name=f"vision-{number + 1}")
        await self._flush()

    def forget(self, camera: str) -> None:
        """Give up what has been seen of a camera, as if it had just been connected."""
        if camera in self._pipelines:
            self._pipelines[CameraId(camera)] = self._pipeline(CameraId(camera))

    def shed(self, *, faces: float, frames: float) -> None:
        """Count faces, and look at frames, so much of what the settings say: the box is hot."""
        self._face_interval_s = self._cool_face_interval_s / faces
        self._capture.slow_down(frames)

    def stats(self) -> dict[CameraId, CaptureStats]:
        """State and counters of the capture."""
        return self._capture.stats()

    def snapshot(self) -> Snapshot:
        """All counts from the agent's start."""
        stats = self._capture.stats()
        return Snapshot(
            at_ms=to_ms(self._clock()),
            cameras={camera: (found.state, _counts(found, self._tallies[camera])) for camera, found in stats.items()},
        )

    async def _work(self, stop: asyncio.Event) -> None:
        """What one set of models does: a frame of a camera that no other works on, then the next."""
        async for frame in _until(self._capture.frames(), stop):
            output = await self._in_thread(partial(self._look, frame))
            await self._take(frame.camera, output, frame)
            self._tell()

    def _pipeline(self, camera: CameraId) -> CameraPipeline:
        tally = self._tallies[camera]
        detector = StillnessGate(TimedDetector(self._pool, tally))
        return CameraPipeline(camera, detector, TimedRecognizer(self._pool, tally))

    def _look(self, frame: Frame) -> PipelineOutput:
        """In one of the models' threads: all that is done with a frame."""
        may_read, may_glance = (self._may(use, frame.camera) for use in (Use.HIT, Use.CONDITION))
        if not (may_read or may_glance):
            return PipelineOutput()
        tally = self._tallies[frame.camera]
        tally.processed += 1
        if self._glance and may_glance:
            self._glance(frame)
        if not may_read:
            return PipelineOutput()
        if frame.captured_mono_s >= self._face_count_due_s[frame.camera]:
            self._face_count_due_s[frame.camera] = frame.captured_mono_s + self._face_interval_s
            tally.faces += self._pool.count_faces(frame.image)
            tally.frames_face_counted += 1
        return self._pipelines[frame.camera].process(frame)

    def _may(self, use: Use, camera: CameraId) -> bool:
        return self._terms is None or self._terms.allows(use, camera)

    async def _take(self, camera: CameraId, output: PipelineOutput, frame: Frame | None) -> None:
        tally = self._tallies[camera]
        tally.vehicles += output.vehicles
        tally.unreadable += output.unreadable
        for read in output.reads:
            tally.reads += not read.is_amendment
            await self._hits.take(read, frame or read.frame, tally)

    async def _flush(self) -> None:
        for camera, pipeline in self._pipelines.items():
            await self._take(camera, await self._in_thread(pipeline.flush), None)
        self._tell(is_last=True)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _tell(self, *, is_last: bool = False) -> None:
        """Counts of all cameras, once a second, to whoever watches a demonstration."""
        now_s = time.monotonic()
        if now_s - self._told_s < TELL_EVERY_S and not is_last:
            return
        self._told_s = now_s
        for camera, (state, counted) in self.snapshot().cameras.items():
            self._progress(
                "frames",
                camera=camera,
                state=state.name.lower(),
                frames_in=counted.frames_in,
                processed=counted.processed,
                sampled_out=counted.sampled_out,
                dropped=counted.dropped,
                vehicles=counted.vehicles,
                reads=counted.reads,
                unreadable=counted.unreadable,
                hits=counted.hits,
                faces=counted.faces,
            )


async def _until(frames: AsyncIterator[Frame], stop: asyncio.Event) -> AsyncIterator[Frame]:
    """The frames, up to `stop`."""
    stopped = asyncio.create_task(stop.wait(), name="stop_watch")
    try:
        while not stop.is_set():
            coming = asyncio.create_task(_next(frames), name="next_frame")
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            frame = coming.result()
            if frame is None:
                return
            yield frame
    finally:
        stopped.cancel()


async def _next(frames: AsyncIterator[Frame]) -> Frame | None:
    return await anext(frames, None)


def _counts(stats: CaptureStats, tally: Tally) -> CameraCounts:
    return CameraCounts(
        frames_in=stats.frames_in,
        sampled_out=stats.sampled_out,
        dropped=stats.dropped,
        reconnects=stats.reconnects,
        decode_errors=stats.decode_errors,
        stalls=stats.stalls,
        live_ms=int(stats.live_s * 1000),
        processed=tally.processed,
        vehicles=tally.vehicles,
        reads=tally.reads,
        unreadable=tally.unreadable,
        hits=tally.hits,
        faces=tally.faces,
        frames_face_counted=tally.frames_face_counted,
        detections=tally.detections,
        detect_us=tally.detect_us,
        looks=tally.looks,
        read_us=tally.read_us,
    )
