"""What the kernel says of this machine, for the doctor: processor, memory, swap, core dumps, the data folder's disk."""

import os
import resource
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Final

from edge_agent.adapters.health import temperature_mc
from edge_agent.adapters.profiles import architecture
from edge_agent.core.checks_machine import DataFolder, Machine

_MB: Final = 1_000_000
PROC: Final = Path("/proc")


def look_at_machine(*, is_locked: bool | None, proc: Path = PROC) -> Machine:
    """The machine as the kernel tells it. `is_locked`: what a running agent says of its memory."""
    hottest = temperature_mc()
    return Machine(
        architecture=architecture(),
        cpu_flags=_cpu_flags((proc / "cpuinfo").read_text(encoding="utf-8")),
        cores=len(os.sched_getaffinity(0)),
        ram_mb=_ram_mb((proc / "meminfo").read_text(encoding="ascii")),
        swap_mb=_disk_swap_mb((proc / "swaps").read_text(encoding="utf-8")),
        core_pattern=(proc / "sys/kernel/core_pattern").read_text(encoding="utf-8").strip(),
        core_limit=resource.getrlimit(resource.RLIMIT_CORE)[0],
        temperature_c=None if hottest is None else hottest / 1000,
        is_locked=is_locked,
    )


def look_at_data_folder(folder: Path, *, mounts: Path = PROC / "self/mountinfo") -> DataFolder:
    """Room and kind of the disk, and the time of one real transaction in the folder, or in the one it will lie in."""
    there = _nearest(folder)
    found = os.statvfs(there)
    system = _file_system(there, mounts.read_text(encoding="utf-8"))
    free_mb = found.f_bavail * found.f_frsize // _MB
    try:
        return DataFolder(str(folder), system, free_mb, _commit_ms(there))
    except (OSError, sqlite3.Error) as exc:
        return DataFolder(str(folder), system, free_mb, None, str(exc))


def _nearest(folder: Path) -> Path:
    """The folder, or what of its path is there already."""
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())


def _commit_ms(folder: Path) -> float:
    """One transaction as the outbox makes it: journal, and all of it on the disk when it returns."""
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as scratch:
        database = sqlite3.connect(Path(scratch) / "trial.db")
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("CREATE TABLE trial (body BLOB)")
            begun = time.perf_counter()
            with database:
                database.execute("INSERT INTO trial VALUES (zeroblob(4096))")
            return (time.perf_counter() - begun) * 1000
        finally:
            database.close()


def _file_system(folder: Path, mounts: str) -> str:
    """The file system that a folder lies on: the longest mount point above it, of them the last (proc(5))."""
    at, found, longest = folder.resolve(), "", -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(fields.split()[4].encode("ascii").decode("unicode_escape"))
        if at.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = rest.split()[0], len(point.parts)
    return found


def _cpu_flags(cpuinfo: str) -> frozenset[str]:
    """Flags of the first core (`flags` on x86-64, `Features` on Arm)."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((frozenset(v.split()) for k, _, v in lines if k.strip() in ("flags", "Features")), frozenset())


def _ram_mb(meminfo: str) -> int:
    kib = next((int(line.split()[1]) for line in meminfo.splitlines() if line.startswith("MemTotal:")), 0)
    return kib * 1024 // _MB


def _disk_swap_mb(swaps: str) -> int:
    """Swap that lies on a disk; compressed memory (zram) does not."""
    areas = (line.split() for line in swaps.splitlines()[1:])
    return sum(int(area[2]) for area in areas if not Path(area[0]).name.startswith("zram")) * 1024 // _MB
