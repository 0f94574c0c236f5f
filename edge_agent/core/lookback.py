"""The look-back window: reads of the last minutes, in memory, so that a car reported stolen a minute ago is found.

Rules
- A read stays for the window, 15 minutes at most, and 0 remembers nothing. Age is counted on the monotonic clock,
  so that no jump of the wall clock lengthens it. Every call that is given `now_s` first forgets what is too old;
  the agent also calls `expire` each second, so that a quiet street is forgotten in time too.
- All reads together stay within a byte budget. When a new one does not fit, the oldest go, and `covers_s` says how
  far back the memory still reaches. A restart empties it: it covers nothing from before its own start.
- When the hotlist changes, `rematch` gives each read's matches with entries that it was not told of before. A
  read's entries are told once, whether live (`told`, when it is added) or late.
- The pictures in here are redacted before they come in.

Nothing of it may be written anywhere: no repr shows a plate, and there is no way out but a match.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from edge_agent.core.matching import HotlistIndex
from edge_agent.core.reads import Candidate
from protocol.messages import Match
from protocol.names import CameraId

MAX_WINDOW_S: Final = 15 * 60
DEFAULT_BUDGET_BYTES: Final = 32 * 1024 * 1024
READ_BYTES: Final = 1024
"""What a read costs besides its texts and its picture: objects, references, the list's slot (rounded up)."""
_TEXT_BYTES: Final = 128
"""What one candidate costs."""


@dataclass(frozen=True, slots=True, repr=False)
class Remembered:
    """What a late hit needs of a read. `thumbnail` is a redacted JPEG; `captured_s` is monotonic, for its age."""

    camera: CameraId
    track_id: int
    text: str
    observed: str
    confidence: float
    candidates: tuple[Candidate, ...]
    format_name: str | None
    captured_ms: int
    captured_s: float
    box: tuple[int, int, int, int]
    frame_size: tuple[int, int]
    looks: int
    thumbnail: bytes = b""
    told: frozenset[str] = frozenset()

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate."""
        return f"Remembered(camera={self.camera!r}, track_id={self.track_id})"

    @property
    def size_bytes(self) -> int:
        """What it takes of the budget."""
        return READ_BYTES + _TEXT_BYTES * len(self.candidates) + len(self.thumbnail)


@dataclass(frozen=True, slots=True, repr=False)
class LateMatch:
    """A remembered read and the entries it is now found to match."""

    read: Remembered
    matches: tuple[Match, ...]

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate."""
        return f"LateMatch({self.read!r}, matches={len(self.matches)})"


class Lookback:
    """The window. Holds reads by age, oldest first, within its window and its budget."""

    __slots__ = ("_budget_bytes", "_reads", "_since_s", "_size_bytes", "_window_s")

    def __init__(self, *, window_s: float, started_s: float, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        """An empty window of 0 to `MAX_WINDOW_S` seconds; raises `ValueError` for another length."""
        if not 0 <= window_s <= MAX_WINDOW_S:
            raise ValueError(f"a look-back window of {window_s} s: want 0 to {MAX_WINDOW_S}")
        self._window_s = window_s
        self._budget_bytes = budget_bytes
        self._since_s = started_s
        self._size_bytes = 0
        self._reads: list[Remembered] = []

    def __len__(self) -> int:
        """How many reads are held."""
        return len(self._reads)

    @override
    def __repr__(self) -> str:
        """Say nothing of the plates."""
        return f"Lookback(reads={len(self._reads)}, bytes={self._size_bytes})"

    @property
    def size_bytes(self) -> int:
        """What the reads take of the budget."""
        return self._size_bytes

    def covers_s(self, now_s: float) -> float | None:
        """How many seconds back every read is still held; None where the window is switched off."""
        if self._window_s == 0:
            return None
        return max(0.0, min(now_s - self._since_s, self._window_s))

    def add(self, read: Remembered, *, now_s: float, told: Iterable[Match] = ()) -> None:
        """Remember a read, with the matches that were told live."""
        entries = {match.entry for match in told}
        self._insert(replace(read, told=read.told.union(entries)))
        self.expire(now_s)
        self._fit()

    def amend(self, read: Remembered, *, now_s: float, told: Iterable[Match] = ()) -> None:
        """Put a track's later vote in the place of its earlier one, if that is still held."""
        earlier = next((r for r in reversed(self._reads) if _is_same_track(r, read)), None)
        if earlier is not None:
            self._remove(earlier)
            read = replace(read, told=earlier.told | read.told)
        self.add(read, now_s=now_s, told=told)

    def rematch(self, index: HotlistIndex, *, now_s: float, now_ms: int, city: str) -> tuple[LateMatch, ...]:
        """Reads that match entries they were not told of yet, oldest first; from now on they are told."""
        self.expire(now_s)
        found: list[LateMatch] = []
        for at, read in enumerate(self._reads):
            matches = tuple(m for m in index.match(read.text, now_ms, city) if m.entry not in read.told)
            if matches:
                found.append(LateMatch(read, matches))
                self._reads[at] = replace(read, told=read.told.union(m.entry for m in matches))
        return tuple(found)

    def expire(self, now_s: float) -> None:
        """Forget what is as old as the window, or older."""
        oldest_s = now_s - self._window_s
        kept = next((at for at, read in enumerate(self._reads) if read.captured_s > oldest_s), len(self._reads))
        self._forget(kept)

    def clear(self, now_s: float) -> None:
        """Forget everything: from now on the window covers nothing from before this instant."""
        self._forget(len(self._reads))
        self._since_s = now_s

    def _insert(self, read: Remembered) -> None:
        insort(self._reads, read, key=_age)
        self._size_bytes += read.size_bytes

    def _remove(self, read: Remembered) -> None:
        self._reads.remove(read)
        self._size_bytes -= read.size_bytes

    def _fit(self) -> None:
        """Give up the oldest until the budget holds, and say that coverage begins after them."""
        given_up, size_bytes = 0, self._size_bytes
        while size_bytes > self._budget_bytes:
            size_bytes -= self._reads[given_up].size_bytes
            given_up += 1
        if given_up:
            self._since_s = max(self._since_s, self._reads[given_up - 1].captured_s)
            self._forget(given_up)

    def _forget(self, count: int) -> None:
        self._size_bytes -= sum(read.size_bytes for read in self._reads[:count])
        del self._reads[:count]


def _age(read: Remembered) -> float:
    return read.captured_s


def _is_same_track(one: Remembered, other: Remembered) -> bool:
    return one.camera == other.camera and one.track_id == other.track_id
