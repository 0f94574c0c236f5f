"""Read a real RTSP stream for long and see that nothing grows.

    .venv/bin/python scripts/soak_rtsp.py --minutes 60 --read

GStreamer's server plays a rendered street over and over on a loopback port; capture reads it, and with `--read` every
frame goes through the models and the read pipeline, as on a box. Once a minute it prints memory, open files and
threads. The first minutes are warm-up and set the base. The last line is one JSON object; the exit code is 1 if memory,
files or threads grew beyond the bound, or if the stream was anything but live after it had come up.
"""

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cyclopts
from street.render import render_street

from edge_agent.adapters.capture import CameraSource, Capture, CaptureStats
from edge_agent.adapters.vision import open_vision
from edge_agent.core.frames import Frame
from edge_agent.core.pipeline import CameraPipeline
from edge_agent.settings import InferenceSettings
from protocol.messages import CameraState
from protocol.names import CameraId

ROOT = Path(__file__).resolve().parents[1]
CAMERA = CameraId("soak")
ROW = "{:>6} {:>8} {:>6} {:>8} {:>7} {:>11} {:>8} {:>6} {:>8}"
EXTRA_FILES, EXTRA_THREADS = 2, 2

app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(frozen=True, slots=True)
class Sample:
    """The process at an instant."""

    minutes: float
    rss_mb: float
    files: int
    threads: int

    @classmethod
    def now(cls, minutes: float) -> "Sample":
        """Look at this process."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(minutes, pages * 4096 / 1e6, len(list(Path("/proc/self/fd").iterdir())), threading.active_count())


@dataclass(slots=True)
class Soak:
    """What was seen so far; `base` is the first sample after the warm-up."""

    warm_up_minutes: float
    frames: int = 0
    reads: int = 0
    base: Sample | None = None
    last: Sample = field(default_factory=lambda: Sample.now(0))
    was_live: bool = False
    always_live: bool = True

    def note(self, minutes: float, stats: CaptureStats) -> None:
        """Take a sample and print it."""
        self.last = sample = Sample.now(minutes)
        if self.base is None and minutes >= self.warm_up_minutes:
            self.base = sample
        is_live = stats.state is CameraState.LIVE
        self.always_live &= is_live or not self.was_live
        self.was_live |= is_live
        print(
            ROW.format(f"{minutes:.1f}", self.frames, f"{stats.fps_in:.1f}", stats.dropped, self.reads,
                       stats.state.name.lower(), f"{sample.rss_mb:.1f}", sample.files, sample.threads),
            flush=True,
        )  # fmt: skip


@app.default
def main(
    *,
    minutes: float = 60.0,
    warm_up_minutes: float = 5.0,
    fps: int = 5,
    max_growth_mb: float = 20.0,
    read: bool = False,
    models: Path = ROOT / "models",
) -> None:
    """Soak for some minutes."""
    print(ROW.format("min", "frames", "fps", "dropped", "reads", "state", "rss MB", "files", "threads"), flush=True)
    soak = Soak(min(warm_up_minutes, minutes / 4))
    with tempfile.TemporaryDirectory(prefix="atalaya-soak-") as folder:
        clip = Path(folder) / "street.mp4"
        render_street(clip, seconds=20, fps=fps, seed=1)
        asyncio.run(_run(soak, clip, minutes, fps, _reader(models) if read else _no_reader))
    sys.exit(_conclude(soak, max_growth_mb))


def _conclude(soak: Soak, max_growth_mb: float) -> int:
    """Print the summary; 0 if nothing grew."""
    base, last = soak.base or soak.last, soak.last
    growth_mb = last.rss_mb - base.rss_mb
    is_steady = (
        growth_mb <= max_growth_mb
        and last.files <= base.files + EXTRA_FILES
        and last.threads <= base.threads + EXTRA_THREADS
    )
    is_good = is_steady and soak.was_live and soak.always_live
    summary = {
        "minutes": round(last.minutes, 1), "frames": soak.frames, "reads": soak.reads,
        "rss_start_mb": round(base.rss_mb, 1), "rss_end_mb": round(last.rss_mb, 1), "growth_mb": round(growth_mb, 1),
        "fds_start": base.files, "fds_end": last.files, "always_live": soak.always_live, "ok": is_good,
    }  # fmt: skip
    print(json.dumps(summary), flush=True)
    return 0 if is_good else 1


async def _run(soak: Soak, clip: Path, minutes: float, fps: int, process: Callable[[Frame], int]) -> None:
    """Serve, capture and process until the time is over, with a sample every minute."""
    sys.path.append(str(ROOT))
    from tests.simulators.rtsp_server import RtspServer  # noqa: PLC0415  simulators live with the tests

    with RtspServer(clip) as server:
        source = CameraSource(CAMERA, server.url, fps)
        async with Capture([source], clock=_now) as capture, asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(soak, capture, minutes), name="soak-watch")
            with suppress(TimeoutError):
                async with asyncio.timeout(minutes * 60):
                    async for frame in capture.frames():
                        soak.frames += 1
                        soak.reads += await asyncio.to_thread(process, frame)
            watch.cancel()
            soak.note(minutes, capture.stats()[CAMERA])


async def _watch(soak: Soak, capture: Capture, minutes: float) -> None:
    started_s = time.monotonic()
    while True:
        await asyncio.sleep(min(60.0, minutes * 60 / 12))
        soak.note((time.monotonic() - started_s) / 60, capture.stats()[CAMERA])


def _no_reader(_frame: Frame) -> int:
    return 0


def _reader(models: Path) -> Callable[[Frame], int]:
    """Return a function that sends a frame through the pipeline and says how many reads came out."""
    vision = open_vision(InferenceSettings(models_dir=models))
    pipeline = CameraPipeline(CAMERA, vision.plates, vision.reader)
    return lambda frame: len(pipeline.process(frame).reads)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    app()
