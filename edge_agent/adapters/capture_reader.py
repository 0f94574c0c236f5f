"""The thread of one camera: it opens, decodes, samples, paces and reconnects, and leaves frames in the camera's place.

A file is played once (or over and over) and then ends; a camera is read until the capture is closed, with pauses after
failures. While a camera is not wanted it is let go: no connection is held, and a file stands still. Counters are
written by this thread alone and read by others; each is a single number.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

import av
import structlog
from typing_extensions import override

from edge_agent.adapters.capture_slot import NewestFrames
from edge_agent.adapters.capture_stream import (
    BgrConverter,
    StreamLimits,
    VideoSource,
    fingerprint,
    is_live,
    stream_time_s,
)
from edge_agent.core.frames import Frame
from edge_agent.core.liveness import Phase, Pulse, ReconnectPace, StallRule, is_frozen, state_of
from edge_agent.core.sampling import FramePlan
from edge_agent.errors import CameraLost, CameraStalled, CameraUnusable
from protocol.messages import CameraState
from protocol.names import CameraId

RATE_WINDOW_S: Final = 5.0
ASK_AGAIN_S: Final = 0.5
UNWANTED: Final = "not wanted now"
NEVER_STALLS: Final = StallRule(math.inf, math.inf)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CameraSource:
    """A camera by its URL: `rtsp://...`, or a file, played at its own pace if `realtime` and forever if `loop`.

    A file that is not played in real time waits for the consumer, so that no frame of it is dropped.
    """

    camera: CameraId
    url: str = field(repr=False)  # it may hold a password
    fps: float
    realtime: bool = True
    loop: bool = False


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """Limits that hold for all cameras."""

    stall: StallRule = field(default_factory=StallRule)
    pace: ReconnectPace = field(default_factory=ReconnectPace)
    open_s: float = 4.0


@dataclass(slots=True)
class Counters:
    """What one reader has counted since it started."""

    frames_in: int = 0
    sampled_out: int = 0
    dropped: int = 0
    reconnects: int = 0
    decode_errors: int = 0


class CameraReader(threading.Thread):
    """Reads one source into `slot`. After `stop` it ends within the limits of the stream's waits."""

    def __init__(
        self,
        source: CameraSource,
        rules: CaptureRules,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        is_wanted: Callable[[CameraId], bool] = lambda _: True,
    ) -> None:
        super().__init__(name=f"capture-{source.camera}")
        self._is_wanted = is_wanted
        self.source = source
        self.slot = NewestFrames(on_change)
        self.counters = Counters()
        self.fault: str | None = None
        self.crash: BaseException | None = None
        self._is_live = is_live(source.url)
        self._rules = rules
        self._stall = rules.stall if self._is_live else NEVER_STALLS
        self._plan = FramePlan.per_second(source.fps)
        self._period_s = self._plan.period_s
        self._bgr = BgrConverter()
        self._phase = Phase.CONNECTING
        self._pulse = Pulse()
        self._arrivals: deque[float] = deque(maxlen=1024)
        self._on_change = on_change
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._rng = Random()  # noqa: S311  (spreads reconnects; no secret)
        self._log = log.bind(camera=source.camera)

    @property
    def has_ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._phase is Phase.ENDED

    def state(self, now_s: float) -> CameraState:
        """Return the state to report, even while the thread is stuck in a read."""
        return state_of(self._phase, self._pulse, self._stall, now_s)

    def frames_per_s(self, now_s: float) -> float:
        """Return the rate of arrival over the last seconds; 0 for a stream that stopped."""
        recent = [at for at in tuple(self._arrivals) if now_s - at <= RATE_WINDOW_S]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(recent[-1] - recent[0], now_s - recent[-1], 1e-6)

    def slow_down(self, share: float) -> None:
        """From the next frame on, want this share of the camera's frames a second."""
        self._period_s = 1 / (self.source.fps * share)

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopping.set()
        self.slot.close()

    @override
    def run(self) -> None:
        """Read until the source ends or `stop` is called."""
        try:
            if self._is_live:
                self._read_camera()
            else:
                self._play_file()
        except CameraUnusable as exc:
            self.fault = str(exc)
            self._log.error("camera_unusable", reason=self.fault)
        except BaseException as exc:  # noqa: BLE001  task boundary: handed to the consumer, which raises it
            self.crash = exc
        finally:
            self._phase = Phase.ENDED
            self._on_change()

    def _play_file(self) -> None:
        begins_s = 0.0
        while True:
            with self._open() as stream:
                self._phase = Phase.READING
                started_s, first_s, clip_s = self._monotonic(), None, begins_s
                for frame in stream.frames():
                    at_s = self._time_of(frame)
                    first_s = at_s if first_s is None else first_s
                    if self.source.realtime:
                        self._stopping.wait(max(0.0, started_s + at_s - first_s - self._monotonic()))
                    asked_s = self._monotonic()
                    if not self._may_go_on():
                        return
                    self._phase = Phase.READING
                    started_s += self._monotonic() - asked_s
                    clip_s = begins_s + at_s - first_s
                    self._take(frame, at_s, None if self.source.realtime else clip_s)
            if not self.source.loop:
                return
            begins_s = clip_s + self._plan.period_s

    def _read_camera(self) -> None:
        failures = 0
        while self._may_go_on():
            opened_s = self._monotonic()
            try:
                self._read_connection()
            except CameraLost as exc:
                if self._stopping.is_set():
                    return
                self._note_loss(exc)
            failures = self._rules.pace.failures_after(failures, self._monotonic() - opened_s)
            self._stopping.wait(self._rules.pace.delay_s(failures, self._rng.random()))

    def _read_connection(self) -> None:
        """Read one connection; raises `CameraLost` when it breaks, falls silent or freezes."""
        with self._open() as stream:
            if self.counters.frames_in:
                self.counters.reconnects += 1
            self._phase = Phase.READING
            opened_s = self._monotonic()
            for frame in stream.frames():
                if self._stopping.is_set() or not self._is_wanted(self.source.camera):
                    return
                self._take(frame, self._time_of(frame))
                now_s = self._monotonic()
                if now_s - opened_s > self._stall.frozen_after_s and is_frozen(self._pulse, self._stall, now_s):
                    raise CameraStalled("the camera sends the same picture again and again; restart it if this goes on")

    def _may_go_on(self) -> bool:
        """Wait until the camera is wanted; false if the capture is closed."""
        while not (self._stopping.is_set() or self._is_wanted(self.source.camera)):
            self._phase, self.fault = Phase.CONNECTING, UNWANTED
            if self._is_live:
                self._pulse = Pulse()
            self._stopping.wait(ASK_AGAIN_S)
        if self.fault == UNWANTED:
            self.fault = None
        return not self._stopping.is_set()

    def _note_loss(self, exc: CameraLost) -> None:
        """A stall stays one through the attempts that get no answer either, until a connection fails outright."""
        has_stalled = isinstance(exc, CameraStalled) and self._pulse.frame_at_s is not None
        self._pulse = self._pulse.stalled() if has_stalled else self._pulse.lost()
        self._phase = Phase.CONNECTING
        self.fault = str(exc)
        self._log.warning("camera_lost", reason=self.fault)

    def _open(self) -> VideoSource:
        limits = StreamLimits(self._rules.open_s, self._stall.silent_after_s)
        return VideoSource(self.source.url, limits, self._count_damage)

    def _count_damage(self) -> None:
        self.counters.decode_errors += 1

    def _time_of(self, frame: av.VideoFrame) -> float:
        """Return the stream's time, or the time of arrival where it has none."""
        at_s = stream_time_s(frame)
        return self._monotonic() if at_s is None else at_s

    def _take(self, frame: av.VideoFrame, at_s: float, clip_s: float | None = None) -> None:
        """Count a frame, and leave it for the consumer if it is due."""
        captured_mono_s, captured_at = self._monotonic(), self._clock()
        self._arrivals.append(captured_mono_s)
        index = self.counters.frames_in
        self.counters.frames_in += 1
        if self._is_live:
            mark = (index if frame.pts is None else frame.pts, fingerprint(frame))
            self._pulse = self._pulse.beat(captured_mono_s, mark, self._stall)
        elif index == 0:
            self._pulse = self._pulse.beat(captured_mono_s, (0, 0), self._stall)
        if self._plan.period_s != self._period_s:
            self._plan = self._plan.paced(self._period_s)
        is_due, self._plan = self._plan.see(at_s)
        if not is_due:
            self.counters.sampled_out += 1
            return
        taken = Frame(self.source.camera, index, captured_at, captured_mono_s, self._bgr.convert(frame), clip_s)
        if self._is_live or self.source.realtime:
            self.counters.dropped += self.slot.put(taken)
        else:
            self.slot.put_when_empty(taken)
