"""What a state's programs spend while a fleet talks: CPU of each kind of program, memory of each, over all cities."""

import resource
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from load.spent import Meter, Spent
from stack.city import LocalCity

FLEET: Final = "fleet"
_SEPARATOR: Final = " of "
_KB: Final = 1024


def programs_of(cities: Iterable[LocalCity]) -> dict[str, int]:
    """The process ids of every running program, by what it is and whose."""
    found: dict[str, int] = {}
    for city in cities:
        postmaster = _first_line(city.cluster / "postmaster.pid")
        pids = {"aggregator": city.aggregator.pid, "broker": city.broker.pid, "database": postmaster}
        found |= {f"{what}{_SEPARATOR}{city.city}": pid for what, pid in pids.items() if pid is not None}
    return found


class Expense:
    """A meter over all programs and this process, from its making on."""

    def __init__(self, pids: dict[str, int]) -> None:
        """Read the meters."""
        self._meter, self._own_s = Meter(pids), own_cpu_s()

    def spent(self, elapsed_s: float) -> Spent:
        """CPU seconds of each kind of program since."""
        spent = self._meter.stop(elapsed_s=elapsed_s, fleet=own_cpu_s() - self._own_s)
        return Spent(by_kind(spent.parts), spent.idle_s, spent.elapsed_s)


def by_kind(parts: dict[str, float]) -> dict[str, float]:
    """The parts of all cities added up."""
    sums = defaultdict[str, float](float)
    for name, value in parts.items():
        sums[name.partition(_SEPARATOR)[0]] += value
    return dict(sums)


def memory_mb(pids: dict[str, int]) -> dict[str, float]:
    """What each kind of program keeps in memory, shared pages counted by their share; children left out."""
    return by_kind({name: _memory_mb(pid) for name, pid in pids.items()})


def own_cpu_s() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / _KB


def _first_line(file: Path) -> int | None:
    return int(file.read_text().split("\n", 1)[0]) if file.exists() else None
