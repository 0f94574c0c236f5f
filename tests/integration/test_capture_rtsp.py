"""Capture from a real RTSP server: lost, frozen and slow cameras, and what is never said of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import structlog
from street.render import render_street

from edge_agent.adapters.capture import CameraSource, Capture, CaptureRules, CaptureStats
from edge_agent.adapters.capture_slot import PLACES
from edge_agent.adapters.capture_stream import redact_url
from edge_agent.core.frames import Frame
from edge_agent.core.liveness import ReconnectPace, StallRule
from protocol.messages import CameraState
from protocol.names import CameraId
from tests.simulators.rtsp_server import RtspServer

FPS = 10
NORTH, SOUTH = CameraId("north"), CameraId("south")
RULES = CaptureRules(
    stall=StallRule(silent_after_s=1.0, frozen_after_s=2.0), pace=ReconnectPace(first_s=0.1, most_s=0.4), open_s=3.0
)
# For tests in which nothing stalls: a machine that does must not be taken for a camera that does.
PATIENT = CaptureRules(
    stall=StallRule(silent_after_s=60.0, frozen_after_s=60.0), pace=ReconnectPace(first_s=0.1, most_s=0.4), open_s=60.0
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    render_street(path, seconds=2, fps=FPS, size=(320, 180), seed=1, vehicles=[])
    return path


@pytest.fixture
def server(clip: Path) -> Iterator[RtspServer]:
    with RtspServer(clip) as running:
        yield running


class Watcher:
    """Takes frames as they come."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.frames: list[Frame] = []

    def stats(self, camera: CameraId = NORTH) -> CaptureStats:
        """Of one camera."""
        return self.capture.stats()[camera]

    async def take(self) -> None:
        """Take frames for ever."""
        async for frame in self.capture.frames():
            self.frames.append(frame)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for a condition; says what the cameras were doing when it does not come."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.capture.stats()
            await asyncio.sleep(0.02)

    async def until_state(self, state: CameraState, timeout_s: float = 20.0) -> None:
        """Wait for a state of the north camera."""
        await self.until(lambda: self.stats().state is state, timeout_s)


@asynccontextmanager
async def watching(*sources: CameraSource, rules: CaptureRules = PATIENT) -> AsyncIterator[Watcher]:
    """Capture with a consumer that takes everything at once."""
    async with Capture(sources, clock=lambda: datetime.now(UTC), rules=rules) as capture, asyncio.TaskGroup() as group:
        watcher = Watcher(capture)
        task = group.create_task(watcher.take(), name="watcher")
        yield watcher
        task.cancel()


async def test_a_camera_is_live_and_its_rate_is_measured(server: RtspServer) -> None:
    server.freeze()  # until it was seen that nothing is live before a picture came
    async with watching(CameraSource(NORTH, server.url, FPS)) as watcher:
        assert watcher.stats().state is CameraState.CONNECTING
        server.thaw()
        await watcher.until_state(CameraState.LIVE)
        await watcher.until(lambda: watcher.stats().frames_in > 3 * FPS and abs(watcher.stats().fps_in - FPS) < 1)
        stats = watcher.stats()
    assert stats.fault is None
    assert stats.live_s > 1
    assert watcher.frames[0].image.shape == (180, 320, 3)


async def test_a_camera_that_lost_power_is_not_live_and_comes_back_by_itself(server: RtspServer) -> None:
    async with watching(CameraSource(NORTH, server.url, FPS)) as watcher:
        await watcher.until(lambda: len(watcher.frames) >= 3)
        server.kill()
        await watcher.until_state(CameraState.CONNECTING)
        await watcher.until(lambda: "Connection refused" in str(watcher.stats().fault))
        taken = len(watcher.frames)
        server.start()
        await watcher.until_state(CameraState.LIVE)
        await watcher.until(lambda: len(watcher.frames) > taken + 3)
        assert watcher.stats().reconnects == 1


async def test_a_stalled_camera_is_noticed_within_seconds_and_never_called_live(server: RtspServer) -> None:
    async with watching(CameraSource(NORTH, server.url, FPS), rules=RULES) as watcher:
        await watcher.until_state(CameraState.LIVE)
        server.freeze()
        await watcher.until_state(CameraState.STALLED)
        stalls = watcher.stats().stalls
        assert stalls >= 1
        for _ in range(60):  # through its attempts to reconnect, which get no answer
            assert watcher.stats().state is CameraState.STALLED
            await asyncio.sleep(0.05)
        assert watcher.stats().fps_in < 1
        assert watcher.stats().stalls == stalls, "it is one and the same"
        server.thaw()
        await watcher.until_state(CameraState.LIVE)


async def test_a_camera_that_repeats_one_picture_is_stalled(tmp_path: Path) -> None:
    still = tmp_path / "still.mp4"
    with av.open(str(still), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        picture = np.full((180, 320, 3), 127, np.uint8)
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    with RtspServer(still) as server:
        async with watching(CameraSource(NORTH, server.url, FPS), rules=RULES) as watcher:
            await watcher.until(
                lambda: (
                    watcher.stats().state is CameraState.STALLED
                    and watcher.stats().frames_in > FPS  # frames came, only nothing new
                    and "the same picture" in str(watcher.stats().fault)
                )
            )


async def test_a_slow_consumer_gets_new_frames_and_the_old_are_counted(server: RtspServer) -> None:
    source = CameraSource(NORTH, server.url, FPS / 2)
    async with Capture([source], clock=lambda: datetime.now(UTC), rules=PATIENT) as capture:
        behind: list[int] = []
        async with aclosing(capture.frames()) as frames:
            while len(behind) < 4 or capture.stats()[NORTH].dropped < 6:
                before = capture.stats()[NORTH].frames_in
                frame = await anext(frames)
                behind.append(before - frame.index)
                await asyncio.sleep(1.0)
    stats = capture.stats()[NORTH]
    assert max(behind) < (PLACES + 1) * 2, "what a slow consumer gets is new, but for what its places hold"
    assert stats.sampled_out == pytest.approx(stats.frames_in / 2, abs=2)
    waiting = stats.frames_in - stats.sampled_out - stats.dropped - stats.delivered
    assert 0 <= waiting <= PLACES + 1


async def test_one_camera_down_does_not_hold_the_other_up(server: RtspServer, clip: Path) -> None:
    with RtspServer(clip) as other:
        async with watching(CameraSource(NORTH, server.url, FPS), CameraSource(SOUTH, other.url, FPS)) as watcher:
            await watcher.until(lambda: {frame.camera for frame in watcher.frames} == {NORTH, SOUTH})
            server.kill()
            await watcher.until_state(CameraState.CONNECTING)
            frames_in = watcher.stats(SOUTH).frames_in
            await watcher.until(lambda: watcher.stats(SOUTH).frames_in > frames_in + FPS)
            assert watcher.stats(SOUTH).state is CameraState.LIVE
            assert watcher.stats(NORTH).state is not CameraState.LIVE


async def test_closing_live_and_lost_cameras_is_prompt_and_leaves_nothing_open(server: RtspServer) -> None:
    files = len(list(Path("/proc/self/fd").iterdir()))
    lost = CameraSource(SOUTH, "rtsp://127.0.0.1:1/cam", FPS)
    rules = replace(PATIENT, pace=ReconnectPace(first_s=120.0, most_s=120.0))
    async with watching(CameraSource(NORTH, server.url, FPS), lost, rules=rules) as watcher:
        await watcher.until_state(CameraState.LIVE)
        await watcher.until(lambda: watcher.stats(SOUTH).fault is not None)
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 30, "no pause and no limit of a stream is waited out"
    assert len(list(Path("/proc/self/fd").iterdir())) <= files + 1, "the loop's pool may keep one"


async def test_a_password_in_a_url_reaches_neither_log_nor_fault_nor_repr() -> None:
    source = CameraSource(NORTH, "rtsp://admin:hunter2@127.0.0.1:1/h264?password=hunter2", FPS)
    with structlog.testing.capture_logs() as logs:
        async with watching(source) as watcher:
            await watcher.until(lambda: watcher.stats().fault is not None)
            said = f"{watcher.stats()} {source} {logs}"
    assert logs
    assert "127.0.0.1:1" in said
    assert "hunter2" not in said
    assert "admin" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:pa@ss/w0rd@10.0.0.9:554/ch1", "rtsp://..."),
        ("rtsp://admin:pass@10.0.0.9:554/ch1", "rtsp://10.0.0.9:554"),
        ("rtsp://10.0.0.9/?password=p@ss", "rtsp://..."),
        ("rtsp://10.0.0.9/user=admin_password=x_channel=1", "rtsp://10.0.0.9"),
        ("RTSPS://u:p@cam.example:322/?auth=abc", "rtsps://cam.example:322"),
        ("demo/street.mp4", "demo/street.mp4"),
    ],
)
def test_what_may_be_logged_of_a_url_is_scheme_and_host(url: str, shown: str) -> None:
    assert redact_url(url) == shown
