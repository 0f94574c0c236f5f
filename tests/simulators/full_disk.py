"""A disk that is full, as far as this process can tell: its files may not grow beyond so many bytes."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def files_end_at(limit_bytes: int) -> Iterator[None]:
    """Writing beyond the limit fails until the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def left_in(folder: Path) -> Sequence[str]:
    """The names in a folder."""
    return sorted(each.name for each in folder.iterdir())
