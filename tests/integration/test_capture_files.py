"""Capture from video files: order, pace, sampling, overload, and what is wrong with a file."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from street.render import render_street

from edge_agent.adapters.capture import CameraSource, Capture, CaptureStats
from edge_agent.adapters.capture_slot import PLACES
from edge_agent.core.frames import Frame
from protocol.messages import CameraState
from protocol.names import CameraId

FPS, SECONDS = 10, 2
FRAMES = FPS * SECONDS
NORTH, SOUTH = CameraId("north"), CameraId("south")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    render_street(path, seconds=SECONDS, fps=FPS, size=(320, 180), seed=1, vehicles=[])
    return path


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def lasting_threads() -> set[threading.Thread]:
    """All but those of the loop's pool, which has as many as were ever at work at once."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


def now() -> datetime:
    return datetime.now(UTC)


def source(url: Path | str, camera: CameraId = NORTH, *, fps: float = FPS, realtime: bool = False) -> CameraSource:
    return CameraSource(camera, str(url), fps, realtime=realtime)


async def play(*sources: CameraSource) -> tuple[list[Frame], dict[CameraId, CaptureStats]]:
    """Play sources to their end."""
    async with Capture(sources, clock=now) as capture:
        frames = [frame async for frame in capture.frames()]
        return frames, capture.stats()


async def test_every_frame_of_a_file_comes_once_and_in_order(clip: Path) -> None:
    frames, stats = await play(source(clip))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert stats[NORTH].delivered == stats[NORTH].frames_in == FRAMES
    assert stats[NORTH].state is CameraState.ENDED


async def test_frames_are_bgr_pictures_with_both_times(clip: Path) -> None:
    before, before_s = now(), time.monotonic()
    frames, _ = await play(source(clip))
    assert frames[0].image.shape == (180, 320, 3)
    assert before <= frames[0].captured_at <= now()
    assert before_s <= frames[0].captured_mono_s <= frames[-1].captured_mono_s <= time.monotonic()


async def test_a_file_that_is_not_played_in_real_time_waits_for_a_slow_consumer(clip: Path) -> None:
    async with Capture([source(clip)], clock=now) as capture:
        count = 0
        async for _ in capture.frames():
            await asyncio.sleep(0.01)
            count += 1
        assert count == FRAMES
        assert capture.stats()[NORTH].dropped == 0


async def test_a_file_in_real_time_takes_as_long_as_it_is(clip: Path) -> None:
    began_s = time.monotonic()
    frames, _ = await play(source(clip, realtime=True))
    assert frames[-1].index == FRAMES - 1
    assert all(frame.captured_mono_s >= began_s + frame.index / FPS for frame in frames), "none comes before its time"
    # Nor does it lag. A machine that stalls makes one gap long, and the next ones short.
    gaps_s = [b.captured_mono_s - a.captured_mono_s for a, b in pairwise(frames)]
    assert median(gaps_s) < 1.5 / FPS


async def test_frames_sampled_out_by_plan_are_not_counted_as_dropped(clip: Path) -> None:
    frames, stats = await play(source(clip, fps=FPS / 4))
    assert len(frames) == FRAMES / 4
    assert (stats[NORTH].sampled_out, stats[NORTH].dropped) == (FRAMES * 3 / 4, 0)


async def test_overload_drops_old_frames_and_leaves_the_plan_alone(clip: Path) -> None:
    async with Capture([source(clip, fps=FPS / 2, realtime=True)], clock=now) as capture:
        await until(lambda: capture.stats()[NORTH].state is CameraState.ENDED)
        frames = [frame async for frame in capture.frames()]
        stats = capture.stats()[NORTH]
    assert [frame.index for frame in frames] == [FRAMES - 6, FRAMES - 4, FRAMES - 2], "the newest due frames are left"
    assert (stats.sampled_out, stats.dropped, stats.delivered) == (FRAMES / 2, FRAMES / 2 - PLACES, PLACES)


def has_next(stats: CaptureStats) -> bool:
    """Whether a frame waits to be served: the one after it was read already. Or none will come any more."""
    return stats.frames_in >= stats.delivered + 2 or stats.state is CameraState.ENDED


async def test_cameras_are_served_in_turn(clip: Path) -> None:
    served = []
    async with Capture([source(clip, NORTH), source(clip, SOUTH)], clock=now) as capture:
        async for frame in capture.frames():
            served.append(frame.camera)
            await until(lambda: all(map(has_next, capture.stats().values())))
    assert served.count(NORTH) == served.count(SOUTH) == FRAMES
    middle = served[5:-5]
    changes = sum(a != b for a, b in pairwise(middle))
    assert changes >= len(middle) * 3 / 4, "neither camera waits while the other is served again and again"


async def test_two_consumers_never_have_frames_of_one_camera_at_a_time(clip: Path) -> None:
    served: dict[CameraId, list[int]] = {NORTH: [], SOUTH: []}
    busy: set[CameraId] = set()
    both = asyncio.Event()

    async def consume(capture: Capture) -> None:
        async for frame in capture.frames():
            assert frame.camera not in busy
            busy.add(frame.camera)
            if len(busy) == 2:
                both.set()
            await asyncio.wait_for(both.wait(), 30)  # the other camera's thread may be late
            await asyncio.sleep(0.005)
            busy.discard(frame.camera)
            served[frame.camera].append(frame.index)

    async with Capture([source(clip, NORTH), source(clip, SOUTH)], clock=now) as capture, asyncio.TaskGroup() as group:
        for number in range(3):  # one more than cameras: it waits, and ends with the others
            group.create_task(consume(capture), name=f"consumer-{number}")
    assert both.is_set(), "cameras are worked on side by side"
    assert served[NORTH] == served[SOUTH] == list(range(FRAMES))


async def test_a_looped_file_goes_on(clip: Path) -> None:
    looped = CameraSource(NORTH, str(clip), FPS, realtime=False, loop=True)
    async with Capture([looped], clock=now) as capture, aclosing(capture.frames()) as frames:
        indices = await first(frames, FRAMES * 2 + 3)
    assert indices == list(range(FRAMES * 2 + 3))


async def test_a_file_that_waits_moves_at_its_own_pace_however_long_a_frame_is_worked_on(clip: Path) -> None:
    looped = CameraSource(NORTH, str(clip), FPS, realtime=False, loop=True)
    moments: list[float] = []
    async with Capture([looped], clock=now) as capture, aclosing(capture.frames()) as frames:
        async for frame in frames:
            moments.append(frame.scene_s)
            if len(moments) == 3:
                await asyncio.sleep(2 / FPS)  # the models take their time
            if len(moments) == FRAMES * 2:
                break
    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx([1 / FPS] * (FRAMES * 2 - 1))


async def test_a_missing_file_is_told_and_the_other_camera_plays(clip: Path, tmp_path: Path) -> None:
    frames, stats = await play(source(tmp_path / "gone.mp4", NORTH), source(clip, SOUTH))
    assert {frame.camera for frame in frames} == {SOUTH}
    assert stats[NORTH].state is CameraState.ENDED
    assert "no such file; check the camera's url" in str(stats[NORTH].fault)


async def test_a_file_that_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_text("Dear camera,")
    frames, stats = await play(source(tmp_path / "letter.mp4"))
    assert frames == []
    assert "is it a whole video file?" in str(stats[NORTH].fault)


async def test_damaged_packets_are_counted_and_the_rest_is_played(clip: Path, tmp_path: Path) -> None:
    damaged = bytearray(clip.read_bytes())
    start = damaged.index(b"mdat") + len(damaged) // 3
    damaged[start : start + len(damaged) // 3] = b"\x5a" * (len(damaged) // 3)
    (tmp_path / "damaged.mp4").write_bytes(damaged)
    frames, stats = await play(source(tmp_path / "damaged.mp4"))
    assert stats[NORTH].decode_errors > 0
    assert 0 < len(frames) < FRAMES


async def test_closing_in_the_middle_leaves_no_thread_and_no_file_open(clip: Path) -> None:
    files, threads = open_files(), lasting_threads()
    for _ in range(3):
        sources = [source(clip), source(clip, SOUTH, realtime=True)]
        async with Capture(sources, clock=now) as capture, aclosing(capture.frames()) as frames:
            await first(frames, 3)
    assert not [t for t in threading.enumerate() if t.name.startswith("capture-")]
    assert open_files() <= files + 1, "the loop's pool may keep one"
    assert lasting_threads() <= threads


def test_two_cameras_of_one_name_are_refused(clip: Path) -> None:
    with pytest.raises(ValueError, match="the same camera id"):
        Capture([source(clip), source(clip)], clock=now)


async def first(frames: AsyncGenerator[Frame, None], count: int) -> list[int]:
    """Indices of the first frames."""
    return [(await anext(frames)).index for _ in range(count)]


async def all_of(frames: AsyncIterator[Frame]) -> list[int]:
    """The indices of what still comes, until the source ends."""
    return [frame.index async for frame in frames]


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_source_that_is_not_wanted_stands_still_and_goes_on_where_it_was(clip: Path) -> None:
    wanted = threading.Event()
    capture = Capture([source(clip)], clock=now, is_wanted=lambda camera: camera != NORTH or wanted.is_set())
    async with capture, aclosing(capture.frames()) as frames:
        async with asyncio.timeout(20):
            while capture.stats()[NORTH].fault is None:
                await asyncio.sleep(0.01)
        assert (capture.stats()[NORTH].frames_in, capture.stats()[NORTH].state) == (0, CameraState.CONNECTING)
        wanted.set()
        assert (await anext(frames)).index == 0
        wanted.clear()
        taking = asyncio.create_task(all_of(frames))  # what waits for the consumer is taken first
        await until(lambda: capture.stats()[NORTH].fault is not None)
        seen = capture.stats()[NORTH].frames_in
        wanted.set()
        rest = await asyncio.wait_for(taking, 20)
    assert rest[-1] == FRAMES - 1
    assert 0 < seen < FRAMES
