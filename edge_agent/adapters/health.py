"""What the machine says of itself: temperature, disk, memory, processor. A figure it does not give is None."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_MB: Final = 1_000_000


def temperature_mc(zones: Path = Path("/sys/class/thermal")) -> int | None:
    """The hottest sensor, in thousandths of a degree Celsius."""
    readings = [reading for zone in zones.glob("thermal_zone*/temp") if (reading := _number(zone)) is not None]
    return max(readings, default=None)


def disk_free_mb(folder: Path) -> int | None:
    """Room left for the agent on the disk of a folder."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize // _MB


def memory_mb(status: Path = Path("/proc/self/status")) -> int | None:
    """Memory of this process that is in RAM."""
    try:
        lines = status.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    resident = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(resident[0]) * 1024 // _MB if resident else None


@dataclass(slots=True)
class Processor:
    """How busy all cores were between one call and the next."""

    stat: Path = Path("/proc/stat")
    _before: tuple[int, int] = field(default=(0, 0))

    def busy_permille(self) -> int | None:
        """Share of the time since the last call, or since the machine's start, that was not idle."""
        try:
            times = [int(word) for word in self.stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):
            return None
        # proc(5): user nice system idle iowait irq softirq steal
        total, idle = sum(times), times[3] + times[4]
        (total_before, idle_before), self._before = self._before, (total, idle)
        passed = total - total_before
        return min(1000, max(0, 1000 - 1000 * (idle - idle_before) // passed)) if passed > 0 else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
