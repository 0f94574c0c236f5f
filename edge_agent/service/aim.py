"""Aiming: one camera at a time is looked at, and the newest redacted picture of it shown to one phone.

1. Frames come from the camera itself, by a stream of this program's own: a running agent keeps its frames to itself,
   and a box that is only being put up has no running agent yet.
2. A frame is redacted at full resolution before it is made small. If that fails there is no picture, only why.
3. In memory there are the newest picture and the one before it (a phone may be fetching it). What stays behind is the
   last figures of each camera (`adapters.aim_record`), for the acceptance.
"""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
import structlog
from aiohttp import web
from numpy.typing import NDArray

from edge_agent.adapters.aim_record import keep_record
from edge_agent.adapters.capture import CameraSource, Capture
from edge_agent.adapters.pictures import encode_thumbnail
from edge_agent.adapters.vision import Vision
from edge_agent.core.admission import CODE_DIGITS, Admission, Closed
from edge_agent.core.aim import SURE_PLATE, Aim, Look, NoPicture, PlateView, aim_of, recent, view_of
from edge_agent.core.boxes import as_xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.frames import Frame
from edge_agent.core.scene import glance
from edge_agent.errors import BadPicture, CannotServe, RedactionFailed
from edge_agent.http.aim import aim_app
from edge_agent.service.tasks import background
from edge_agent.settings import Settings
from protocol.clock import to_ms
from protocol.names import CameraId

FRAMES_PER_S: Final = 4.0
PREVIEW_WIDTH_PX: Final = 960
PREVIEW_BYTES: Final = 400_000
REOPEN_S: Final = 1.0
WATCH_EVERY_S: Final = 0.5
OUTLINE_BGR: Final = {True: (90, 200, 60), False: (0, 160, 255)}

log = structlog.get_logger()


class AimDesk:
    """The camera that is aimed now. A context: its thread lives inside it."""

    def __init__(self, settings: Settings, vision: Vision) -> None:
        """Nothing is opened yet; the first camera will be first."""
        self._vision, self._data_dir = vision, settings.data_dir
        self._sources = {
            each.camera: CameraSource(
                CameraId(each.camera), each.url, FRAMES_PER_S, realtime=each.realtime, loop=each.loop
            )
            for each in settings.cameras
        }
        self.camera = next(iter(self._sources))
        self._switched, self._changed = asyncio.Event(), asyncio.Condition()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aim")
        self._views: list[PlateView] = []
        self._number = 0
        self._looks: list[Look] = []
        self._last_aims: dict[str, tuple[int, Aim]] = {}

    async def __aenter__(self) -> Self:
        """Take a thread."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the pictures, keep the figures."""
        self._looks.clear()
        await asyncio.to_thread(self._thread.shutdown)
        for camera, (at_ms, aim) in self._last_aims.items():
            await asyncio.to_thread(keep_record, self._data_dir, camera, at_ms, aim)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras there are to choose from."""
        return tuple(self._sources)

    def choose(self, camera: str) -> None:
        """Look at another camera from now on."""
        if camera in self._sources and camera != self.camera:
            self.camera = camera
            self._switched.set()

    def picture(self, number: int) -> bytes | None:
        """The picture of a look that is still there."""
        return next((look.jpeg for look in self._looks if look.number == number), None)

    async def after(self, number: int, limit_s: float) -> Look:
        """The newest look after that number; one without a picture if none comes in time."""
        try:
            async with asyncio.timeout(limit_s), self._changed:
                await self._changed.wait_for(lambda: bool(self._looks) and self._looks[-1].number > number)
                return self._looks[-1]
        except TimeoutError:
            return Look(number, self.camera, None, None, NoPicture.SILENT)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._switched.clear()
            self._views.clear()
            self._looks.clear()
            async with background(camera=self._watch(self._sources[self.camera])):
                await self._switched.wait()

    async def _watch(self, source: CameraSource) -> None:
        while True:
            async with Capture([source], clock=lambda: datetime.now(UTC)) as capture:
                async for frame in capture.frames():
                    look = await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._look, frame))
                    await self._show(look)
            await asyncio.sleep(REOPEN_S)  # a file has ended, or there is none

    async def _show(self, look: Look) -> None:
        async with self._changed:
            self._looks = [*self._looks[-1:], look]
            if look.aim and look.aim.plates:
                self._last_aims[look.camera] = (to_ms(datetime.now(UTC)), look.aim)
            self._changed.notify_all()

    def _look(self, frame: Frame) -> Look:
        """In the thread: measure, redact, make small."""
        self._number += 1
        image, now_s = frame.image, frame.captured_mono_s
        plates = self._vision.plates.detect(image).above(SURE_PLATE)
        boxes = [as_xyxy(box) for box in plates.xyxy]
        views = [view_of(image, box, now_s) for box in boxes]
        self._views = recent([*self._views, *views], now_s)
        aim = aim_of(glance(image), self._views)
        try:
            redacted = self._vision.redactor.redact(image)
            jpeg = encode_thumbnail(
                _outlined(redacted, plates, is_right=aim.advice.is_right),
                width_px=min(PREVIEW_WIDTH_PX, image.shape[1]),
                max_bytes=PREVIEW_BYTES,
            )
        except (RedactionFailed, BadPicture) as exc:
            log.warning("aim_picture_unavailable", why=str(exc))
            return Look(self._number, frame.camera, aim, None, NoPicture.NOT_REDACTED)
        return Look(self._number, frame.camera, aim, jpeg)


def _outlined(redacted: NDArray[np.uint8], plates: Detections, *, is_right: bool) -> NDArray[np.uint8]:
    """Mark where plates were found, so that one sees that they were."""
    thick = max(2, redacted.shape[1] // 320)
    for left, top, right, bottom in plates.xyxy.astype(int).tolist():
        cv2.rectangle(redacted, (left, top), (right, bottom), OUTLINE_BGR[is_right], thick)
    return redacted


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Where the page is served, how, and for how long."""

    host: str
    port: int
    most_s: float
    tls: ssl.SSLContext = field(repr=False)


async def serve(
    settings: Settings, vision: Vision, options: PageOptions, on_ready: Callable[[str, str], None]
) -> Closed:
    """Serve the page until it is closed; `on_ready` is told its address and the code."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    door = Admission(code, secrets.token_urlsafe(32), time.monotonic(), options.most_s)
    async with AimDesk(settings, vision) as desk:
        runner = web.AppRunner(aim_app(desk, door, time.monotonic), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, options.host, options.port, ssl_context=options.tls)
            await _start(site, options)
            host, port = runner.addresses[0][:2]
            on_ready(f"https://{host}:{port}/", code)
            async with background(desk=desk.run()):
                return await _closed(door)
        finally:
            await runner.cleanup()


async def _start(site: web.TCPSite, options: PageOptions) -> None:
    try:
        await site.start()
    except OSError as exc:
        raise CannotServe(f"{options.host}:{options.port}: {exc.strerror}; give another --address or --port") from exc


async def _closed(door: Admission) -> Closed:
    """Wait until the door is closed, and say why."""
    while True:
        why = door.closed(time.monotonic())
        if why is not None:
            await asyncio.sleep(WATCH_EVERY_S)  # the last answer is still on its way
            return why
        await asyncio.sleep(WATCH_EVERY_S)
