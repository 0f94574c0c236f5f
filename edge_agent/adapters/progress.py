"""A stream of what happens, one JSON object a line, for demonstrations and drills. Off unless a file is named.

It is not a log: a hit's line holds the hit's plate. Reads that matched nothing are only ever counted in it.
"""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO


class Progress(Protocol):
    """Takes an event and its facts."""

    def __call__(self, event: str, **facts: object) -> None:
        """Tell it."""
        ...


def no_progress(event: str, **facts: object) -> None:
    """What runs in service: nothing is written."""


class ProgressFile:
    """Appends to a file, each line whole and at once, so that another program can follow it."""

    def __init__(self, path: Path) -> None:
        """The file is made readable by its owner only."""
        self._path = path
        self._file: TextIO

    def __enter__(self) -> Self:
        """Open the file."""
        self._path.touch(mode=0o600, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def __call__(self, event: str, **facts: object) -> None:
        """Write a line; `at_ms` is the wall clock, `at_mono_s` the monotonic clock that hits are timed by."""
        line = {"event": event, "at_ms": int(time.time() * 1000), "at_mono_s": round(time.monotonic(), 4), **facts}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
