"""The steps of a hot box reach its cameras: once each, and back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from street.render import render_street

from edge_agent.adapters.capture import CameraSource, Capture
from edge_agent.core.profiles import Figure, ShedStep, Thermal
from edge_agent.core.sampling import FramePlan
from edge_agent.service.cooling import cool
from edge_agent.service.timekeeper import utc_now
from protocol.names import CameraId

CAMERA = CameraId("cam-1")
THERMAL = Thermal(
    limit_c=Figure(value=80, basis="reckoned", source="a test"),
    resume_c=70,
    fail_c=95,
    step_s=30,
    shed=(ShedStep(what="face-count", share=0.2), ShedStep(what="frames", share=0.5)),
)


class Ears:
    """Hears what is to be shed."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, float]] = []

    def shed(self, *, faces: float, frames: float) -> None:
        self.heard.append((faces, frames))


async def test_each_step_is_told_once_and_taken_back_when_the_box_is_cool() -> None:
    ears, readings, times = Ears(), iter([60.0, 85.0, 85.0, 90.0, None, 65.0, 60.0]), iter(range(0, 1000, 30))
    over = asyncio.Event()

    def read() -> float | None:
        found = next(readings, 0.0)
        if found == 0.0:
            over.set()
        return found or None

    task = asyncio.create_task(cool(ears, THERMAL, read=read, clock=lambda: float(next(times, 10**6)), every_s=0.0))
    async with asyncio.timeout(10):
        await over.wait()
    task.cancel()
    await asyncio.wait([task])
    assert ears.heard == [(0.2, 1.0), (0.2, 0.5), (0.2, 1.0), (1.0, 1.0)]


def due(plan: FramePlan, times: Iterator[float]) -> int:
    count = 0
    for at_s in times:
        is_due, plan = plan.see(at_s)
        count += is_due
    return count


def test_a_plan_can_change_its_pace_on_the_way() -> None:
    plan = FramePlan.per_second(10)
    for index in range(100):
        _, plan = plan.see(index / 10)
    assert due(plan.paced(0.2), (10 + index / 10 for index in range(100))) in (50, 51)
    assert due(plan.paced(0.1), (10 + index / 10 for index in range(100))) == 100


async def test_a_capture_that_is_slowed_down_looks_at_its_share_and_counts_the_rest_as_left_out(tmp_path: Path) -> None:
    clip = tmp_path / "street.mp4"
    render_street(clip, seconds=4, fps=10, size=(160, 90), seed=1, vehicles=[])
    capture = Capture([CameraSource(CAMERA, str(clip), 10.0, realtime=False)], clock=utc_now)
    capture.slow_down(0.5)
    async with capture:
        frames = [frame.index async for frame in capture.frames()]
    stats = capture.stats()[CAMERA]
    assert len(frames) == 20
    assert (stats.sampled_out, stats.dropped) == (20, 0)
