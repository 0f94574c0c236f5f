"""Files redacted: pictures side by side, and a video's frames side by side, covered in their order.

Rules
- A file appears under its name only when it is finished; whatever goes wrong, nothing half-written is left behind.
- What is written is made from pixels alone: sound, subtitles and metadata stay behind.
- In a video covers are carried over frames and take in the head (`edge_agent.core.carrying`).
- A file that cannot be redacted is told and not written; the others go on.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.clips import check_codec, clip_frames, clip_info, write_clip
from edge_agent.adapters.pictures import encode_picture, is_known, is_video, read_picture
from edge_agent.adapters.redactor_pool import RedactorPool
from edge_agent.core.carrying import CarrySettings, Covered, Seen, carried
from edge_agent.core.redaction import HEAD, PLATE, Redactor, cover
from edge_agent.errors import BadPicture, EdgeError

Image = NDArray[np.uint8]
Step = Callable[[str, int, int], None]
"""Told a file's name, how far it is and how far it goes (0: nobody knows): pictures of a folder, frames of a video."""


class Job(NamedTuple):
    """A file to read and a file to write."""

    original: Path
    written: Path


def redact_files(jobs: Sequence[Job], pool: RedactorPool, quality: int, step: Step) -> Iterator[str | None]:
    """Redact all, pictures first; for each what went wrong, or None."""
    pictures = [job for job in jobs if not is_video(job.original)]
    yield from pool.in_order(partial(_redact_picture, quality=quality), pictures)
    for clip in (job for job in jobs if is_video(job.original)):
        yield _reason(partial(_redact_clip, clip, pool, step))


def _reason(work: Callable[[], None]) -> str | None:
    try:
        work()
    except EdgeError as exc:
        return str(exc)
    return None


def _redact_picture(redactor: Redactor, job: Job, *, quality: int) -> str | None:
    def work() -> None:
        with _finished_only(job) as unfinished:
            image = redactor.redact(read_picture(job.original))
            unfinished.write_bytes(encode_picture(image, job.written.suffix, quality))

    return _reason(work)


def _redact_clip(job: Job, pool: RedactorPool, step: Step) -> None:
    with (
        _finished_only(job) as unfinished,
        closing(clip_frames(job.original)) as frames,
        closing(pool.in_order(_sought, (frame.image for frame in frames))) as seen,
    ):
        check_codec(job.written)
        info = clip_info(job.original)
        covered = (_covered(frame) for frame in carried(seen, CarrySettings.of(float(info.rate))))
        first = next(covered, None)
        if first is None:
            raise BadPicture(f"{job.original}: holds no pictures")
        upright = replace(info, height_px=first.shape[0], width_px=first.shape[1])
        images = _counted(chain([first], covered), partial(step, job.original.name), info.frames)
        write_clip(unfinished, unfinished.suffix.lower(), upright, images)


def _sought(redactor: Redactor, image: Image) -> Seen[Image]:
    found = redactor.seek(image)
    return Seen(image, found.faces, found.plates)


def _covered(frame: Covered[Image]) -> Image:
    image = frame.image if frame.image.flags.writeable else frame.image.copy()
    cover(image, frame.plates, PLATE)
    cover(image, frame.faces, HEAD)
    return image


def _counted(images: Iterable[Image], step: Callable[[int, int], None], total: int) -> Iterator[Image]:
    for number, image in enumerate(images, 1):
        yield image
        step(number, total)


@contextmanager
def _finished_only(job: Job) -> Iterator[Path]:
    """A place to write to; what lies there takes its name when the block ends well, and is gone otherwise."""
    if not is_known(job.written):
        raise BadPicture(f"{job.written}: give a name that ends like a picture or video, such as {job.original.suffix}")
    if is_video(job.original) != is_video(job.written):
        raise BadPicture(f"{job.written}: a video stays a video and a picture a picture")
    try:
        job.written.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=job.written.parent, prefix=".redacting-") as work:
            unfinished = Path(work) / job.written.name
            yield unfinished
            unfinished.replace(job.written)
    except OSError as exc:
        raise BadPicture(f"{job.written}: cannot be written: {exc.strerror or exc}") from exc
