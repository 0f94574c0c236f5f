"""A folder in memory, for a server whose files need not outlive the tests.

A database for each test is some eight hundred files made and deleted within a second. ext4 gives no inode out again for
seconds after it was freed (`recently_deleted` in fs/ext4/ialloc.c), and looks past each one that it may not give: with
thousands of them a `CREATE DATABASE` of 0.1 s takes a whole second of the kernel's time. tmpfs takes 0.06 s, always.
What is tested of disks (fsync, a full one, a kill) is tested on the real one, in a test's own folder.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_NEEDED_BYTES: Final = 4_000_000_000  # each process of the tests has a server, and each keeps up to 2 GB of log
_NAME: Final = "atalaya-tests-"


@contextmanager
def in_memory() -> Iterator[Path | None]:
    """A new folder, gone at the end; None where there is no such disk or little room on it."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _NEEDED_BYTES:
        yield None
        return
    _clear_after_the_dead()
    with tempfile.TemporaryDirectory(prefix=f"{_NAME}{os.getpid()}-", dir=_MEMORY) as made:
        yield Path(made)


def _clear_after_the_dead() -> None:
    """Give back what tests that were killed have left: memory, until somebody does."""
    for left in _MEMORY.glob(f"{_NAME}*"):
        owner = left.name.removeprefix(_NAME).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)  # of another user, or gone meanwhile
