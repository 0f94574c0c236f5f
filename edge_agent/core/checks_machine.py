"""The machine against its profile: processor, memory, what could carry memory to the disk, disk, heat.

Rules
- What the profile's figures rest on (architecture, processor features) fails the box; less of a thing (cores, RAM)
  warns, until the agent itself no longer fits.
- Memory holds plates and must not reach the disk (docs/privacy.md): swap on a disk fails a box whose agent runs without
  locked memory. Compressed RAM (zram) is no disk.
- The data folder's file system must keep what it was told to keep through a power cut, and keep others out: those that
  lie in memory, on a network, or know no owner fail.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.profiles import Profile

FIT: Final = frozenset({"ext4", "ext3", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"})
UNFIT: Final = frozenset({
    "tmpfs", "ramfs", "vfat", "msdos", "exfat", "ntfs", "ntfs3", "nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs",
    "squashfs", "iso9660",
})  # fmt: skip
SLOW_COMMIT_MS: Final = 200.0
FITTED_SHARE: Final = 0.85
"""The kernel and the graphics keep some of the RAM that is fitted."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the kernel says of the box. `swap_mb` is swap on disks; `is_locked` is None if no agent runs."""

    architecture: str
    cpu_flags: frozenset[str]
    cores: int
    ram_mb: int
    swap_mb: int
    core_pattern: str
    core_limit: int
    temperature_c: float | None
    is_locked: bool | None


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder that the outbox lies in. `commit_ms` is a real transaction's time; None if there could be none."""

    path: str
    file_system: str
    free_mb: int
    commit_ms: float | None
    why_not: str = ""


def check_machine(machine: Machine, profile: Profile) -> tuple[Check, ...]:
    """Everything but the disk."""
    return (
        _architecture(machine, profile),
        _features(machine, profile),
        _cores(machine, profile),
        _ram(machine, profile),
        _swap(machine),
        _core_dumps(machine),
        _temperature(machine, profile),
    )


def check_disk(folder: DataFolder, profile: Profile) -> tuple[Check, ...]:
    """Room, and whether what is written there stays."""
    return _room(folder, profile), _file_system(folder)


def _architecture(machine: Machine, profile: Profile) -> Check:
    wanted = profile.hardware.architecture
    if machine.architecture != wanted:
        return failed("profile", machine.architecture, "doctor-profile-foreign", profile=profile.name, wanted=wanted)
    return passed("profile", profile.name)


def _features(machine: Machine, profile: Profile) -> Check:
    missing = [name for name in profile.hardware.cpu_features if name not in machine.cpu_flags]
    if missing:
        return failed("cpu-features", ", ".join(missing), "doctor-cpu-features-missing", features=", ".join(missing))
    return passed("cpu-features", ", ".join(profile.hardware.cpu_features) or "-")


def _cores(machine: Machine, profile: Profile) -> Check:
    if machine.cores < profile.hardware.cores:
        return warned("cores", str(machine.cores), "doctor-cores-few", wanted=profile.hardware.cores)
    return passed("cores", str(machine.cores))


def _ram(machine: Machine, profile: Profile) -> Check:
    value = f"{machine.ram_mb} MB"
    if machine.ram_mb < profile.memory.agent_mb.value:
        return failed("ram", value, "doctor-ram-too-small", wanted_mb=profile.memory.ram_mb)
    if machine.ram_mb < profile.memory.ram_mb * FITTED_SHARE:
        return warned("ram", value, "doctor-ram-small", wanted_mb=profile.memory.ram_mb)
    return passed("ram", value)


def _swap(machine: Machine) -> Check:
    value = f"{machine.swap_mb} MB"
    if machine.swap_mb == 0:
        return passed("swap", "off")
    match machine.is_locked:
        case True:
            return passed("swap", f"{value}, agent's memory is locked")
        case False:
            return failed("swap", value, "doctor-swap-on")
        case None:
            return warned("swap", value, "doctor-swap-on")


def _core_dumps(machine: Machine) -> Check:
    is_piped = machine.core_pattern.startswith("|")
    if is_piped or machine.core_limit != 0:
        return warned("core-dumps", machine.core_pattern.split(" ")[0], "doctor-core-dumps-on")
    return passed("core-dumps", "off")


def _temperature(machine: Machine, profile: Profile) -> Check:
    thermal = profile.thermal
    if machine.temperature_c is None:
        return warned("temperature", "-", "doctor-temperature-unknown")
    value = f"{machine.temperature_c:.0f} °C"
    if machine.temperature_c >= thermal.fail_c:
        return failed("temperature", value, "doctor-temperature-too-high", limit_c=thermal.limit_c.value)
    if machine.temperature_c >= thermal.limit_c.value:
        return warned("temperature", value, "doctor-temperature-high", limit_c=thermal.limit_c.value)
    return passed("temperature", value)


def _room(folder: DataFolder, profile: Profile) -> Check:
    value = f"{folder.free_mb} MB"
    if folder.free_mb < profile.disk.outbox_mb:
        return failed("disk-room", value, "doctor-disk-full", path=folder.path, wanted_mb=profile.disk.free_mb)
    if folder.free_mb < profile.disk.free_mb:
        return warned("disk-room", value, "doctor-disk-full", path=folder.path, wanted_mb=profile.disk.free_mb)
    return passed("disk-room", value)


def _file_system(folder: DataFolder) -> Check:
    name, system = "disk-file-system", folder.file_system
    if folder.commit_ms is None:
        return failed(name, system, "doctor-disk-unwritable", path=folder.path, reason=folder.why_not)
    if system in UNFIT:
        return failed(name, system, "doctor-file-system-unfit", path=folder.path, system=system)
    value = f"{system}, commit {folder.commit_ms:.1f} ms"
    if folder.commit_ms > SLOW_COMMIT_MS:
        return warned(name, value, "doctor-disk-slow", path=folder.path)
    if system not in FIT:
        return warned(name, value, "doctor-file-system-unknown", path=folder.path, system=system)
    return passed(name, value)
