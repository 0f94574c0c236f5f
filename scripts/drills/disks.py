"""A disk that can be filled at will: a small file system in memory under one folder.

Full means full for everybody, at once and exactly: the file system's size is set to what is used. Mounting takes
root; without it these drills say that they were not run.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.process import StackError

_ROOMY = "2g"


class NotPossible(Exception):
    """This machine or this user cannot run the drill; the text says what it takes."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """The file system mounted at a folder."""

    folder: Path

    def fill(self) -> None:
        """No more room for anything."""
        self._resize(str(self._used_bytes()))

    def free(self) -> None:
        """Room again."""
        self._resize(_ROOMY)

    def _used_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return max(found.f_blocks - found.f_bfree, 1) * found.f_frsize  # a size of 0 would mean without bounds

    def _resize(self, size: str) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Move a folder, which nobody uses, onto a disk of its own, and back at the end, when nobody uses it any more."""
    if os.geteuid() != 0:
        raise NotPossible("mounting a small disk takes root")
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    _run("mount", "-t", "tmpfs", "-o", f"size={_ROOMY},mode=700", "drill", str(folder))
    try:
        _run("cp", "-a", f"{kept}/.", str(folder))
        shutil.rmtree(kept)
        yield SmallDisk(folder)
    finally:
        _move_back(folder, kept)


def _move_back(folder: Path, kept: Path) -> None:
    try:
        if not kept.exists():
            _run("cp", "-a", str(folder), str(kept))
    finally:
        _run("umount", "--lazy", str(folder))
        folder.rmdir()
    kept.rename(folder)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"{' '.join(argv[:3])} failed: {done.stderr.strip()}")
