"""What the machine says of itself for a support bundle: system, packages, unit, log lines, files by name and size."""

import os
import platform
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any, Final

UNIT: Final = "atalaya-agent"
MAX_LOG_LINES: Final = 5000
_TIMEOUT_S: Final = 20.0
_RELEASE: Final = Path("/etc/os-release")


def about() -> dict[str, Any]:  # `Any`: JSON
    """Release, system and packages."""
    named = {each.metadata["Name"]: each.version for each in distributions() if each.metadata["Name"]}
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "agent": version("atalaya"),
        "python": sys.version.split()[0],
        "machine": platform.machine(),
        "kernel": platform.release(),
        "system": _system(),
        "cores": os.cpu_count(),
        "uptime_s": _first_number(Path("/proc/uptime")),
        "packages": dict(sorted(named.items())),
    }


def log_lines(unit: str = UNIT) -> str:
    """The unit's last lines in the journal, or why there are none."""
    return _said("journalctl", "--unit", unit, "--lines", str(MAX_LOG_LINES), "--output", "short-iso", "--no-pager")


def unit_state(unit: str = UNIT) -> str:
    """What systemd says of the unit."""
    return _said("systemctl", "status", "--lines", "0", "--no-pager", unit)


def listing(folder: Path) -> list[dict[str, Any]]:  # `Any`: JSON
    """Names, sizes, modes and owners of a folder's files; never what is in them."""
    found = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.append(
            {
                "name": str(path.relative_to(folder)),
                "bytes": status.st_size,
                "mode": stat.filemode(status.st_mode),
                "owner": status.st_uid,
                "changed": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds"),
            }
        )
    return found


def _said(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        return f"{program} is not here\n"
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return f"{program} did not answer within {_TIMEOUT_S:.0f} s\n"
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def _system() -> str:
    try:
        lines = dict(line.split("=", 1) for line in _RELEASE.read_text().splitlines() if "=" in line)
    except OSError:
        return platform.system()
    return lines.get("PRETTY_NAME", platform.system()).strip('"')


def _first_number(path: Path) -> int | None:
    try:
        return int(float(path.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return None
