"""Measure the agent's cameras: a fixed 1080p street, in real time, on 1 to 4 cameras, to hits counted by its script.

    .venv/bin/python scripts/bench_edge.py [--cameras 4] [--stack own] [--precision bf16] [--quantized] [--unpaced]

The clip is rendered once (H.264, 10 frames/s, a fixed seed) and kept under build/bench. It goes through the agent's own
cameras (`edge_agent.service.cameras`): capture, detection, tracking, reading, matching against the script's wanted
plates. Outbox, pictures and uplink do not run. Then, in the same run, the bare models get the same inputs again beside
bare decoders: what is left is the agent's own. All times are processor time, not time on the wall; the
share of time in which threads waited for a processor says how busy the machine was otherwise. `--unpaced` is for a busy
machine: each frame waits for its turn, none can be dropped, and the pipeline sees the clip's own time. Then the
processor time a frame is what counts, and what ten frames a second would take of it. The last line is JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Final, cast

import cyclopts
import openvino as ov
from bench.models import Bare, ModelLog, measure_bare
from bench.stages import StageClocks
from cyclopts.types import ExistingDirectory
from rich.console import Console
from rich.table import Table
from street.render import render_street
from street.script import StreetScript, load_script, script_path

from edge_agent.adapters.capture_stream import BgrConverter, VideoSource
from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.adapters.faces_openvino import FaceDetector
from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import PLATE_DETECTOR_INT8, ReadyModels
from edge_agent.adapters.progress import no_progress
from edge_agent.adapters.reader_openvino import PlateReader
from edge_agent.adapters.recognizer_openvino import LineReader
from edge_agent.adapters.vision_pool import open_pool
from edge_agent.core.frames import Frame
from edge_agent.core.matching import HotlistIndex
from edge_agent.core.pipeline import CameraPipeline, PipelineOutput
from edge_agent.core.profiles import Stack
from edge_agent.core.reads import Read
from edge_agent.core.report import CameraCounts, Tally
from edge_agent.core.stillness import StillnessGate
from edge_agent.service.cameras import Cameras
from edge_agent.service.hits import HitPath
from edge_agent.settings import DEFAULT_STACK, CameraSettings, InferenceSettings, Settings
from protocol.hotlist import Entry
from protocol.messages import Quality

ROOT: Final = Path(__file__).resolve().parents[1]
SEED, FPS, SIZE = 7, 10, (1920, 1080)
CITY: Final = "saltillo"
FAR_MS: Final = 4_000_000_000_000
POINTS: Final = (
    (VideoSource, "frames", "decode"),
    (BgrConverter, "convert", "convert to BGR"),
    (StillnessGate, "detect", "stillness gate"),
    (PlateDetector, "detect", "detect"),
    (CameraPipeline, "process", "track and vote"),
    (LineReader, "look", "read"),
    (PlateReader, "look", "read"),
    (FaceDetector, "count", "count faces"),
)
STAGES: Final = tuple(dict.fromkeys(stage for _, _, stage in POINTS))
STAGE_OF: Final = {
    model: stage
    for each in MODEL_SETS.values()
    for stage, models in (
        ("detect", (each.plates, each.plates_int8)),
        ("read", (*each.reading, *each.reading_int8)),
        ("count faces", (each.faces,)),
    )
    for model in models
}

app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(slots=True)
class Matcher:
    """Stands where the agent's path of a hit stands: matches each read, and keeps which hits were found."""

    index: HotlistIndex
    found: set[tuple[str, str]] = field(default_factory=set)
    decided_ms: list[float] = field(default_factory=list)

    async def take(self, read: Read, decided_by: Frame, tally: Tally) -> None:
        """As `HitPath.take`, without a message."""
        exact = [m for m in self.index.match(read.text, 0, CITY) if m.quality is Quality.EXACT]
        tally.hits += bool(exact)
        if exact:
            self.found.add((read.camera, read.text))
            self.decided_ms.append((time.monotonic() - decided_by.captured_mono_s) * 1000)


@dataclass(frozen=True, slots=True)
class Played:
    """What a run of the agent's cameras took. `waited` is the share of its threads' time without a processor."""

    wall_s: float
    cpu_s: float
    library_threads_s: float
    waited: float
    counts: list[CameraCounts]

    def total(self, name: str) -> int:
        """Sum of a count over all cameras."""
        return sum(getattr(count, name) for count in self.counts)


@app.default
def main(
    *,
    cameras: Annotated[int, cyclopts.Parameter(validator=cyclopts.validators.Number(gte=1, lte=4))] = 4,
    seconds: int = 30,
    stack: Stack = DEFAULT_STACK,
    precision: str = "",
    threads: int = 1,
    workers: int = 0,
    quantized: bool = False,
    unpaced: bool = False,
    models: ExistingDirectory = ROOT / "models",
) -> None:
    """Run the benchmark; without a precision, in bf16 where the processor has it, else in f32."""
    if quantized and stack == "ready":
        make_quantized(models)
    clip, script = street_clip(seconds)
    inference = InferenceSettings(
        models_dir=models,
        stack=stack,
        precision=precision or best_precision(),
        threads=threads,
        workers=workers,
        quantized=quantized,
    )
    settings = agent_settings(clip, cameras, inference, is_paced=not unpaced)
    matcher = Matcher(HotlistIndex(entries(script.hotlist)))
    clocks, log = StageClocks(), ModelLog()
    with ExitStack() as measured:
        measured.enter_context(log.around(clocks))
        measured.enter_context(clocks.around(*POINTS))
        if unpaced:
            measured.enter_context(clip_time())
        played = asyncio.run(play(settings, matcher))
    bare = measure_bare(log, clip, cameras)
    expected = {(camera.camera, plate) for camera in settings.cameras for plate in script.expected_hits}
    show(settings, played, clocks, log, bare)
    print(f"a hit was known {median(matcher.decided_ms or [0]):.0f} ms after its frame was captured (median)")
    print(json.dumps(figures(played, log, bare, expected, matcher)))


def make_quantized(models: Path) -> None:
    """Make the detector's 8-bit form, if it is not there yet."""
    if all(entry.name != PLATE_DETECTOR_INT8 for entry in ReadyModels.open(models).manifest.models):
        subprocess.run([sys.executable, ROOT / "scripts" / "quantize_detector.py", "--into", models], check=True)


def best_precision() -> str:
    """What a box with this processor would be set to."""
    return "bf16" if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def street_clip(seconds: int) -> tuple[Path, StreetScript]:
    """The clip of that length, rendered if it is not there yet."""
    clip = ROOT / "build" / "bench" / f"street-1080p-{seconds}s.mp4"
    if not script_path(clip).exists():
        clip.parent.mkdir(parents=True, exist_ok=True)
        print(f"rendering {clip.name}, once ...", file=sys.stderr)
        render_street(clip, seconds=seconds, fps=FPS, size=SIZE, seed=SEED)
    return clip, load_script(clip)


def agent_settings(clip: Path, cameras: int, inference: InferenceSettings, *, is_paced: bool) -> Settings:
    """Settings of an agent all of whose cameras show the clip."""
    names = (f"cam-{number + 1}" for number in range(cameras))
    shown = (CameraSettings(camera=name, url=str(clip), frames_per_s=FPS, realtime=is_paced) for name in names)
    return Settings(cameras=tuple(shown), inference=inference)


@contextmanager
def clip_time() -> Iterator[None]:
    """Let pipelines see frames at the clip's own pace, however long each had to wait."""
    original = CameraPipeline.process

    def process(pipeline: CameraPipeline, frame: Frame) -> PipelineOutput:
        return original(pipeline, replace(frame, captured_mono_s=frame.index / FPS))

    setattr(CameraPipeline, "process", process)  # noqa: B010  mypy would have it bound
    try:
        yield
    finally:
        setattr(CameraPipeline, "process", original)  # noqa: B010


def entries(plates: Iterable[str]) -> Iterable[Entry]:
    """A hotlist of these plates."""
    for number, plate in enumerate(plates):
        yield Entry(
            entry=f"e-{number}", plate=plate, reason="stolen-vehicle", expires_ms=FAR_MS, case_commitment=bytes(32)
        )


async def play(settings: Settings, matcher: Matcher) -> Played:
    """Play the clip on all cameras, to its end."""
    vision = open_pool(settings.inference, len(settings.cameras))
    played = Cameras(settings, vision, cast("HitPath", matcher), clock=lambda: datetime.now(UTC), progress=no_progress)
    begun_s, begun_cpu_s, library_s = time.monotonic(), time.process_time(), library_threads_s()
    async with played:
        await played.run(asyncio.Event())
        wall_s, cpu_s = time.monotonic() - begun_s, time.process_time() - begun_cpu_s
        waited = waited_share()
        library_s = library_threads_s() - library_s
        counts = list(played.snapshot().cameras.values())
    return Played(wall_s, cpu_s, library_s, waited, [count for _, count in counts])


def schedstat() -> dict[int, tuple[float, float]]:
    """Seconds on a processor and seconds waiting for one, by thread."""
    times = {}
    for task in Path("/proc/self/task").iterdir():
        ran_ns, waited_ns, _ = (task / "schedstat").read_text().split()
        times[int(task.name)] = (int(ran_ns) / 1e9, int(waited_ns) / 1e9)
    return times


def library_threads_s() -> float:
    """Processor time of the threads that Python did not start: OpenVINO's."""
    own = {thread.native_id for thread in threading.enumerate()}
    return sum(ran for native_id, (ran, _) in schedstat().items() if native_id not in own)


def waited_share() -> float:
    """Share of the threads' working time that they spent waiting for a processor."""
    ran, waited = (sum(column) for column in zip(*schedstat().values(), strict=True))
    return float(waited / max(ran + waited, 1e-9))


def show(settings: Settings, played: Played, clocks: StageClocks, log: ModelLog, bare: Bare) -> None:
    """The table for people: processor milliseconds for each analysed frame."""
    inference, cameras = settings.inference, settings.cameras
    pace = "in real time" if cameras[0].realtime else "unpaced"
    threads = inference.threads or "all"
    precision = f"{inference.precision}{' and int8' * inference.quantized}"
    table = Table(
        title=f"{len(cameras)} x 1080p {pace}, {inference.stack} models, {precision}, model threads: {threads}"
    )
    for heading in ("CPU ms a frame", "agent's own", "models, decoder", "the same, bare"):
        table.add_column(heading, justify="right" if table.columns else "left")
    for name, own_s, model_s, bare_s in rows(played, clocks, log, bare):
        cells = (f"{seconds / max(played.total('processed'), 1) * 1000:.2f}" for seconds in (own_s, model_s, bare_s))
        table.add_row(name, *(cell if cell != "0.00" else "" for cell in cells))
    console = Console(width=100)
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    frame_s = played.cpu_s / max(played.total("processed"), 1)
    console.print(
        f"{played.total('processed')} of {played.total('frames_in')} frames in {played.wall_s:.1f} s; "
        f"{played.total('detections')} searched for plates, {played.total('looks')} looks. "
        f"{FPS} frames/s of each camera take {frame_s * FPS * len(cameras):.0%} of one processor. "
        f"Load average {load} on {os.cpu_count()} processors; threads waited {played.waited:.0%} of their working time."
    )


def rows(played: Played, clocks: StageClocks, log: ModelLog, bare: Bare) -> list[tuple[str, float, float, float]]:
    """Name, the agent's own seconds, those in models and decoder, those of the reference; the last row sums up."""
    model_s = {name: clocks.seconds[f"model {name}"] for name in log.calls}
    lines: list[tuple[str, float, float, float]] = [
        ("decode", 0.0, clocks.seconds["decode"], bare.decode_frame_s * played.total("frames_in"))
    ]
    for stage in STAGES[1:]:
        models = [name for name in log.calls if STAGE_OF[name] == stage]
        reference_s = sum(bare.models_s[name] for name in models)
        lines.append((stage, clocks.seconds[stage], sum(model_s[name] for name in models), reference_s))
    lines.append(("OpenVINO's own threads", 0.0, played.library_threads_s, 0.0))
    known_s = sum(own + models for _, own, models, _ in lines)
    lines.append(("everything else", played.cpu_s - known_s, 0.0, 0.0))
    sums = (sum(own for _, own, _, _ in lines), sum(m for _, _, m, _ in lines), sum(bare for *_, bare in lines))
    return [*lines, ("all", *sums)]


def figures(
    played: Played, log: ModelLog, bare: Bare, expected: set[tuple[str, str]], matcher: Matcher
) -> dict[str, float]:
    """The last line."""
    cameras, processed = len(played.counts), max(played.total("processed"), 1)
    bare_s = sum(bare.models_s.values()) + bare.decode_frame_s * played.total("frames_in")
    return {
        "cameras": cameras,
        "fps_per_camera": round(processed / played.wall_s / cameras, 2),
        "dropped": played.total("dropped"),
        "overhead_ms_per_frame": round((played.cpu_s - bare_s) / processed * 1000, 2),
        "hits_expected": len(expected),
        "hits_found": len(expected & matcher.found),
        "cpu_percent": round(played.cpu_s / played.wall_s * 100, 1),
    }


if __name__ == "__main__":
    app()
