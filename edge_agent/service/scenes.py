"""Camera health in the running agent: a glance at each camera every few seconds, and what has changed is said.

1. A glance is taken in the thread that has the frame anyway, before its plates are looked for; it costs about a third
   of a detection, once in `every_s`.
2. What began or ended is told with the figures before and after and two small pictures, redacted by the pictures'
   thread like all others. One that cannot be redacted is left out; the message goes all the same.
3. The picture "before" is the last one made of that camera: while nothing is wrong one is made every
   `picture_every_s`, in memory only. What is kept on the disk is `adapters.scene_memory`'s.
4. A stream that the capture calls stalled is told as frozen, since no frame of it comes here.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import structlog
from numpy.typing import NDArray

from edge_agent.adapters.capture import CaptureStats
from edge_agent.adapters.scene_memory import recall, remember
from edge_agent.core.frames import Frame
from edge_agent.core.scene import glance
from edge_agent.core.scene_health import Change, Patience, SceneHealth, SceneMemory
from edge_agent.errors import OutboxFailed, OutboxFull
from edge_agent.service.writer import Writer
from edge_agent.settings import SceneSettings
from protocol.messages import CameraState
from protocol.names import CameraId
from protocol.point_messages import CameraCondition, Condition

RETRY_S: Final = 5.0
KEEP_EVERY_S: Final = 3600.0

log = structlog.get_logger()

Picture: TypeAlias = NDArray[np.uint8]
Thumbnail: TypeAlias = Callable[[Picture], Awaitable[bytes | None]]


@dataclass(slots=True)
class _Watched:
    """One camera: its health, when it is next glanced at, and its last small picture."""

    health: SceneHealth
    due_s: float = 0.0
    picture_due_s: float = 0.0
    kept_s: float = 0.0
    has_kept: frozenset[Condition] | None = None
    jpeg: bytes | None = field(default=None, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A glance that calls for something: changes to be told, or only a picture to be made."""

    camera: CameraId
    at_s: float
    changes: tuple[Change, ...]
    memory: SceneMemory = field(repr=False)
    image: Picture | None = field(repr=False)


class SceneWatch:
    """All cameras of a box. `see` is called by the models' threads, all else runs on the event loop."""

    def __init__(
        self,
        cameras: Iterable[CameraId],
        writer: Writer,
        thumbnail: Thumbnail,
        data_dir: Path,
        settings: SceneSettings,
    ) -> None:
        """Take up what is remembered of each camera."""
        self._writer, self._thumbnail, self._data_dir, self._settings = writer, thumbnail, data_dir, settings
        patience = Patience(settings.begin_s, settings.end_s)
        self._cameras = {each: _Watched(SceneHealth(recall(data_dir, each), patience)) for each in cameras}
        self._loop = asyncio.get_running_loop()
        # Unbounded, and bounded all the same: patience and `picture_every_s` limit what a camera can put in.
        self._seen: asyncio.Queue[_Seen] = asyncio.Queue()

    def active(self, camera: CameraId) -> tuple[Condition, ...]:
        """What is wrong with a camera now."""
        return tuple(sorted(self._cameras[camera].health.memory.active))

    def see(self, frame: Frame) -> None:
        """Glance at a frame, if it is time."""
        watched, now_s = self._cameras[frame.camera], frame.captured_mono_s
        with watched.lock:
            if now_s < watched.due_s:
                return
            watched.due_s = now_s + self._settings.every_s
            changes = watched.health.step(glance(frame.image), now_s)
            self._hand_over(frame.camera, watched, changes, frame.image, now_s)

    def learn_anew(self, camera: CameraId) -> None:
        """Forget the scene: the camera has been turned, and is right as it stands."""
        watched = self._cameras[camera]
        with watched.lock:
            active = watched.health.memory.active
            watched.health = SceneHealth(
                SceneMemory({}, active), Patience(self._settings.begin_s, self._settings.end_s)
            )
            watched.has_kept = None

    async def run(self, stats: Callable[[], dict[CameraId, CaptureStats]]) -> None:
        """Tell what is seen until cancelled; `stats` says which streams stand still."""
        while True:
            try:
                async with asyncio.timeout(self._settings.every_s):
                    seen = await self._seen.get()
            except TimeoutError:
                self._note_stalls(stats())
                continue
            await self._settle(seen)

    def _note_stalls(self, stats: dict[CameraId, CaptureStats]) -> None:
        now_s = time.monotonic()
        for camera, found in stats.items():
            if found.state is CameraState.STALLED:
                watched = self._cameras[camera]
                with watched.lock:
                    self._hand_over(camera, watched, watched.health.stand_still(now_s), None, now_s)

    def _hand_over(
        self, camera: CameraId, watched: _Watched, changes: list[Change], image: Picture | None, now_s: float
    ) -> None:
        """Give the event loop what is to be told, to be kept or to be pictured; nothing, most times."""
        memory = watched.health.memory
        wants_picture = image is not None and now_s >= watched.picture_due_s and watched.health.is_well
        wants_keeping = bool(memory.references) and now_s - watched.kept_s >= KEEP_EVERY_S
        if not (changes or wants_picture or wants_keeping or (memory.references and watched.has_kept is None)):
            return
        watched.picture_due_s = now_s + self._settings.picture_every_s
        watched.kept_s, watched.has_kept = now_s, memory.active
        seen = _Seen(camera, now_s, tuple(changes), memory, image)
        self._loop.call_soon_threadsafe(self._seen.put_nowait, seen)

    async def _settle(self, seen: _Seen) -> None:
        watched = self._cameras[seen.camera]
        before = watched.jpeg
        if seen.image is not None:
            watched.jpeg = await self._thumbnail(seen.image)
        for change in seen.changes:
            log.warning(
                "camera_condition",
                camera=seen.camera,
                condition=change.condition.name.lower(),
                is_active=change.is_active,
            )
            await self._tell(seen, change, before, watched.jpeg if seen.image is not None else None)
        if seen.memory.references:
            await asyncio.to_thread(self._keep, seen)

    def _keep(self, seen: _Seen) -> None:
        try:
            remember(self._data_dir, seen.camera, seen.memory)
        except OSError as exc:
            log.warning("scene_not_kept", camera=seen.camera, why=exc.strerror)

    async def _tell(self, seen: _Seen, change: Change, before: bytes | None, after: bytes | None) -> None:
        """Commit a message, after as many tries as a full disk takes; only an outbox of hits has no room for it."""
        age_ms = round((time.monotonic() - change.since_s) * 1000)
        body = CameraCondition(
            camera=seen.camera,
            condition=change.condition,
            is_active=change.is_active,
            since_ms=max(0, self._writer.time.now_ms() - age_ms),
            before=change.before,
            after=change.after,
            before_jpeg=before,
            after_jpeg=after,
        )
        while True:
            try:
                await self._writer.append([body])
            except OutboxFull as exc:
                log.warning("camera_condition_dropped", camera=seen.camera, why=str(exc))
                return
            except OutboxFailed as exc:
                log.warning("outbox_failed", what="camera_condition", why=str(exc))
                await asyncio.sleep(RETRY_S)
            else:
                return
