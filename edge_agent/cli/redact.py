"""`edge-agent redact IN OUT`: cover all faces and all plates of pictures and videos.

A file is written under its name only when it is finished. One that cannot be redacted is not written at all; the
others are, and the command ends with an error.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter, validators
from rich.console import Console
from rich.progress import Progress

from edge_agent.adapters.pictures import files_in, is_known, is_video
from edge_agent.adapters.redactor_pool import open_redactors
from edge_agent.cli.engine import EngineOptions
from edge_agent.errors import BadPicture
from edge_agent.service.redact_files import Job, redact_files

MANY: Final = 1 << 16
"""Pictures enough to keep every core busy: what a video holds."""


def redact(
    source: Annotated[Path, Parameter(name="IN")],
    target: Annotated[Path, Parameter(name="OUT")],
    /,
    *,
    quality: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100))] = 90,
    engine: EngineOptions | None = None,
) -> int:
    """Cover all faces and plates of a picture, a video, or all those in a folder.

    Names and sizes are kept; sound and metadata are left behind. In videos the whole head is covered, and a cover
    is carried over frames in which nothing was found.

    Parameters
    ----------
    source
        Picture, video file or folder.
    target
        File or folder to write; never the source itself.
    quality
        JPEG quality of pictures that are written as JPEG.
    """
    jobs = list(_jobs(source, target))
    pictures = MANY if any(is_video(job.original) for job in jobs) else len(jobs)
    with (
        open_redactors((engine or EngineOptions()).settings(), pictures) as pool,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        overall, clip = progress.add_task("redacting", total=len(jobs)), progress.add_task("", visible=False)

        def step(name: str, done: int, total: int) -> None:
            progress.update(clip, description=name, completed=done, total=total or None, visible=done != total)

        failures = []
        for failure in redact_files(jobs, pool, quality, step):
            failures += [failure] if failure else []
            progress.advance(overall)
    return _summarise(len(jobs), failures, target)


def _jobs(source: Path, target: Path) -> Iterator[Job]:
    """Files to read and to write; refuses to write over or into what is read."""
    if not source.exists():
        raise BadPicture(f"{source}: no such file or folder")
    if source.resolve() == target.resolve() or (source.is_dir() and source.resolve() in target.resolve().parents):
        raise BadPicture(f"{target}: give another place to write to than what is read")
    if source.is_file():
        if not is_known(source):
            raise BadPicture(f"{source}: not a picture or video by its name")
        yield Job(source, target / source.name if target.is_dir() else target)
        return
    files = list(files_in(source))
    if not files:
        raise BadPicture(f"{source}: holds no pictures or videos")
    for file in files:
        yield Job(file, target / file.relative_to(source))


def _summarise(total: int, failures: list[str], target: Path) -> int:
    for reason in failures:
        print(f"edge-agent redact: {reason}", file=sys.stderr)
    print(f"{total - len(failures)} of {total} redacted into {target}")
    return 1 if failures else 0
