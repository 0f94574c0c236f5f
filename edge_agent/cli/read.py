"""`edge-agent read PATH...`: read the plates of pictures and video files.

For trying the reader out, on files somebody already has. It is not a way to watch a street outside the audited
path, so it refuses cameras and addresses, and it refuses to run on an enrolled box at all.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from edge_agent.adapters.clips import clip_frames, clip_info
from edge_agent.adapters.pictures import files_in, is_video, read_picture
from edge_agent.adapters.vision import Vision
from edge_agent.cli.engine import EngineOptions
from edge_agent.core.boxes import Xyxy
from edge_agent.core.frames import Frame
from edge_agent.core.pipeline import CameraPipeline
from edge_agent.core.reads import Candidate
from edge_agent.core.stills import look_over
from edge_agent.errors import BadPicture, EdgeError
from edge_agent.settings import DEFAULT_PATH, ENVIRONMENT_KEY, Settings
from protocol.names import CameraId

CLIP_CAMERA: Final = CameraId("clip")


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One plate of a file: what the vote says, and the best single look beside it. `at_s`, `looks` only in videos.

    `is_read` is false for what the agent would not say, but count as unreadable.
    """

    plate: str
    observed: str
    confidence: float
    is_read: bool
    box: tuple[float, ...]
    candidates: tuple[dict[str, str | float], ...]
    format: str | None
    at_s: float | None = None
    looks: int | None = None


class FileReads(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `--jsonl`."""

    file: str
    reads: list[Found]
    unreadable: int
    ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read."""

    reason: str


def read(
    *paths: str,
    jsonl: bool = False,
    config: Annotated[Path, Parameter(help="Settings of the agent: where they exist, this refuses.")] = DEFAULT_PATH,
    engine: EngineOptions | None = None,
) -> int:
    """Read the plates of pictures and video files (and of all those in a folder).

    Parameters
    ----------
    paths
        Pictures, video files or folders. No cameras, no addresses.
    jsonl
        Print one JSON object per file instead of a table.
    """
    refuse_if_enrolled(config)
    files = [file for path in paths for file in files_in(local_path(path))]
    if not files:
        raise BadPicture("nothing to read: give pictures, video files or folders that hold some")
    vision = (engine or EngineOptions()).open()
    results = _results(files, vision)
    return print_jsonl(results) if jsonl else print_table(results)


def refuse_if_enrolled(config: Path) -> None:
    """Raise where an agent is set up: reads there go through the agent, which matches, counts and forgets."""
    if is_enrolled(config):
        raise EdgeError("this box is enrolled: plates are read here by `edge-agent run` only; use another machine")


def is_enrolled(config: Path) -> bool:
    """Whether this machine has an agent's settings or identity, wherever somebody says they are."""
    named = os.environ.get(ENVIRONMENT_KEY)
    places = [DEFAULT_PATH, Settings().identity_dir, config, *([Path(named)] if named else [])]
    return any(place.exists() for place in places)


def local_path(text: str) -> Path:
    """Return a path of a file or folder; raises for an address, a device, or nothing."""
    path = Path(text)
    if "://" in text:
        raise BadPicture(f"{text}: addresses and cameras are not read here, only files")
    if not path.exists():
        raise BadPicture(f"{text}: no such file or folder")
    if not (path.is_file() or path.is_dir()) or Path("/dev") in path.resolve().parents:
        raise BadPicture(f"{text}: devices are not read here, only files")
    return path


def _results(files: Sequence[Path], vision: Vision) -> Iterator[tuple[Path, FileReads | Failed]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for file in progress.track(files, description="reading"):
            started_s = time.perf_counter()
            try:
                found, unreadable = _read_clip(file, vision) if is_video(file) else _read_picture(file, vision)
            except BadPicture as exc:
                yield file, Failed(str(exc))
                continue
            spent_ms = (time.perf_counter() - started_s) * 1000
            yield file, FileReads(file=str(file), reads=found, unreadable=unreadable, ms=round(spent_ms, 1))


def _read_picture(file: Path, vision: Vision) -> tuple[list[Found], int]:
    still = look_over(read_picture(file), vision.plates, vision.reader)
    reads = [
        Found(
            plate=r.outcome.text,
            observed=r.outcome.observed,
            confidence=round(r.outcome.confidence, 3),
            is_read=r.is_read,
            box=_rounded(r.xyxy),
            candidates=_candidates(r.outcome.candidates),
            format=r.outcome.format_name,
        )
        for r in still.reads
    ]
    return reads, still.unreadable


def _read_clip(file: Path, vision: Vision) -> tuple[list[Found], int]:
    """Vehicles of a video; an amended read stands in the place of the first."""
    clip_info(file)
    pipeline = CameraPipeline(CLIP_CAMERA, vision.plates, vision.reader)
    started_at = datetime.now(UTC)
    frames = (
        Frame(CLIP_CAMERA, each.index, started_at + timedelta(seconds=each.at_s), each.at_s, each.image)
        for each in clip_frames(file)
    )
    outputs = [*map(pipeline.process, frames), pipeline.flush()]
    by_vehicle = {read.track_id: read for output in outputs for read in output.reads}
    reads = [
        Found(
            plate=r.text,
            observed=r.observed,
            confidence=round(r.confidence, 3),
            is_read=True,
            box=_rounded(r.xyxy),
            candidates=_candidates(r.candidates),
            format=r.format_name,
            at_s=round(r.frame.captured_mono_s, 3),
            looks=r.looks,
        )
        for r in by_vehicle.values()
    ]
    return reads, sum(output.unreadable for output in outputs)


def _rounded(xyxy: Xyxy) -> tuple[float, ...]:
    return tuple(round(side, 1) for side in xyxy)


def _candidates(candidates: tuple[Candidate, ...]) -> tuple[dict[str, str | float], ...]:
    return tuple({"plate": c.text, "confidence": round(c.confidence, 3)} for c in candidates)


def print_jsonl(results: Iterator[tuple[Path, FileReads | Failed]]) -> int:
    """One JSON object per file on stdout, failures on stderr; 1 if any failed."""
    failures = 0
    for _, result in results:
        if isinstance(result, Failed):
            failures += 1
            _complain(result)
        else:
            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
            sys.stdout.flush()
    return 1 if failures else 0


def print_table(results: Iterator[tuple[Path, FileReads | Failed]]) -> int:
    """A table on stdout, unreadable plates with a question mark, failures on stderr; 1 if any failed."""
    table = Table("file", "plate", "confidence", "format", "at", "ms")
    failures = 0
    for file, result in results:
        if isinstance(result, Failed):
            failures += 1
            _complain(result)
            continue
        for found in result.reads:
            at = "" if found.at_s is None else f"{found.at_s:.2f} s"
            plate = found.plate if found.is_read else f"{found.plate} ?"
            table.add_row(str(file), plate, f"{found.confidence:.2f}", found.format or "-", at, f"{result.ms:.0f}")
        if not result.reads:
            table.add_row(str(file), "-", "", "", "", f"{result.ms:.0f}")
    Console().print(table)
    return 1 if failures else 0


def _complain(failed: Failed) -> None:
    print(f"edge-agent read: {failed.reason}", file=sys.stderr)
