"""`edge-agent redact IN OUT`: cover all faces and all plates of pictures and videos.

A file is written under its name only when it is finished. One that cannot be redacted is not written at all; the
others are, and the command ends with an error.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from edge_agent.adapters.clips import clip_frames, clip_info, write_clip
from edge_agent.adapters.pictures import encode_picture, files_in, is_known, is_video, read_picture
from edge_agent.cli.engine import EngineOptions
from edge_agent.errors import BadPicture, EdgeError

Redact = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def redact(
    source: Annotated[Path, Parameter(name="IN")],
    target: Annotated[Path, Parameter(name="OUT")],
    /,
    *,
    engine: EngineOptions | None = None,
) -> int:
    """Cover all faces and plates of a picture, a video, or all those in a folder.

    Names and sizes are kept; sound and metadata are left behind.

    Parameters
    ----------
    source
        Picture, video file or folder.
    target
        File or folder to write; never the source itself.
    """
    jobs = list(_jobs(source, target))
    vision = (engine or EngineOptions()).open()
    failures = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        overall = progress.add_task("redacting", total=len(jobs))
        for original, written in jobs:
            progress.update(overall, description=original.name)
            try:
                _redact_file(original, written, vision.redactor.redact, progress)
            except EdgeError as exc:
                failures.append(str(exc))
            progress.advance(overall)
    return _summarise(len(jobs), failures, target)


def _jobs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Pairs of file to read and file to write; refuses to write over or into what is read."""
    if not source.exists():
        raise BadPicture(f"{source}: no such file or folder")
    if source.resolve() == target.resolve() or (source.is_dir() and source.resolve() in target.resolve().parents):
        raise BadPicture(f"{target}: give another place to write to than what is read")
    if source.is_file():
        if not is_known(source):
            raise BadPicture(f"{source}: not a picture or video by its name")
        yield source, target / source.name if target.is_dir() else target
        return
    files = list(files_in(source))
    if not files:
        raise BadPicture(f"{source}: holds no pictures or videos")
    for file in files:
        yield file, target / file.relative_to(source)


def _redact_file(original: Path, written: Path, redact_image: Redact, progress: Progress) -> None:
    if not is_known(written):
        raise BadPicture(f"{written}: give a name that ends like a picture or video, such as {original.suffix}")
    if is_video(original) != is_video(written):
        raise BadPicture(f"{written}: a video stays a video and a picture a picture")
    written.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=written.parent, prefix=".redacting-") as work:
        unfinished = Path(work) / written.name
        if is_video(original):
            _redact_clip(original, unfinished, redact_image, progress)
        else:
            image = redact_image(read_picture(original))
            unfinished.write_bytes(encode_picture(image, written.suffix))
        unfinished.replace(written)


def _redact_clip(original: Path, unfinished: Path, redact_image: Redact, progress: Progress) -> None:
    info = clip_info(original)
    task = progress.add_task(original.name, total=info.frames or None)

    def redacted() -> Iterator[NDArray[np.uint8]]:
        for picture in clip_frames(original):
            yield redact_image(picture.image)
            progress.advance(task)

    try:
        write_clip(unfinished, unfinished.suffix.lower(), info, redacted())
    finally:
        progress.remove_task(task)


def _summarise(total: int, failures: list[str], target: Path) -> int:
    for reason in failures:
        print(f"edge-agent redact: {reason}", file=sys.stderr)
    print(f"{total - len(failures)} of {total} redacted into {target}")
    return 1 if failures else 0
