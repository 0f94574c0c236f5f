"""What programs spent: CPU seconds from /proc, theirs and their children's, and what the machine had left.

On a machine that others use too, a rate by the clock says little. `Machine.available` is the CPU time that a stretch
offered us: what we used and what nobody used. Time that others took is not ours to fill.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(root: int) -> float:
    """CPU seconds of a process and all below it so far, ended and waited-for children included."""
    found = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
    family, grown = {root} & found.keys(), True
    while grown:
        more = {pid for pid, stat in found.items() if stat.parent in family} - family
        grown, family = bool(more), family | more
    return sum(found[pid].ticks for pid in family) / _TICKS


def idle_s() -> float:
    """CPU seconds that the whole machine spent idle so far."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / _TICKS


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of each part over a stretch, by name; idle time of the machine; seconds by the clock."""

    parts: dict[str, float]
    idle_s: float
    elapsed_s: float

    @property
    def total_s(self) -> float:
        """CPU seconds of all parts."""
        return sum(self.parts.values())

    @property
    def available_cores(self) -> float:
        """How many cores the machine had for us: what we used and what nobody used, each second."""
        return (self.total_s + self.idle_s) / self.elapsed_s


class Meter:
    """Reads what programs spend between `start` and `stop`."""

    def __init__(self, pids: dict[str, int]) -> None:
        """Programs by name; each with all its children."""
        self._pids = pids
        self._before = self._read()

    def start(self) -> None:
        """Count from now."""
        self._before = self._read()

    def stop(self, *, elapsed_s: float, **others_s: float) -> Spent:
        """What was spent since; `others_s` are parts that measured themselves."""
        now = self._read()
        parts = {name: now[name] - self._before[name] for name in self._pids}
        return Spent(parts | others_s, now[""] - self._before[""], elapsed_s)

    def _read(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._pids.items()} | {"": idle_s()}


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    ticks: int


def _pids() -> Iterable[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _stat(pid: int) -> _Stat | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None  # ended since it was listed; its parent's count has it
    return _Stat(parent=int(fields[1]), ticks=sum(map(int, fields[11:15])))
