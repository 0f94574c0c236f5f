#!/usr/bin/env python3
"""`systemctl` where no systemd runs: starts, stops and asks after programs, and nothing else of it.

Run as a program it reads the units from `$ATALAYA_UNITS`, a folder with a file for each unit that holds its command
line, and keeps their process ids and logs there. `start` returns when the program has said READY (sd_notify), as for
units of Type=notify. `install` puts it on a path under its name; `stop_all` ends what was started.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT_KEY = "ATALAYA_UNITS"
STOP_S = 30.0
START_S = 90.0


def install(bin_dir: Path, units_dir: Path, commands: Mapping[str, str]) -> None:
    """Put `systemctl` into a folder of programs; `commands` are the units' command lines by name."""
    for folder in (bin_dir, units_dir):
        folder.mkdir(exist_ok=True)
    for unit, command in commands.items():
        (units_dir / unit).write_text(command)
    program = bin_dir / "systemctl"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n')
    program.chmod(0o755)


def stop_all(units_dir: Path) -> None:
    """End every unit that runs."""
    for pid_file in units_dir.glob("*.pid"):
        stop(pid_file)


def start(unit: Path) -> None:
    """Start a unit's program on its own and wait until it is ready; its output goes beside it."""
    if is_active(unit.with_suffix(".pid")):
        return
    address = f"\0atalaya-{unit.name}-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, unit.with_suffix(".log").open("ab") as log:
        notices.bind(address)
        notices.settimeout(START_S)
        process = subprocess.Popen(
            shlex.split(unit.read_text()), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "NOTIFY_SOCKET": address.replace("\0", "@")},
        )  # fmt: skip
        unit.with_suffix(".pid").write_text(str(process.pid))
        while b"READY=1" not in notices.recv(4096):
            pass


def stop(pid_file: Path) -> None:
    """End a program in order, or after a time limit at once."""
    if not is_active(pid_file):
        return
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + STOP_S
    while is_active(pid_file) and time.monotonic() < limit:
        time.sleep(0.1)
    if is_active(pid_file):
        os.kill(pid, signal.SIGKILL)
    pid_file.unlink()


def is_active(pid_file: Path) -> bool:
    """Whether the program of a process id file runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return False
    return state != "Z"


def main(argv: list[str]) -> int:
    """`systemctl VERB UNIT`; the exit codes are systemctl's own."""
    verb, name = argv[0], argv[-1].removesuffix(".service")
    unit = Path(os.environ[ENVIRONMENT_KEY]) / name
    if not unit.exists():
        print(f"Unit {name}.service could not be found.", file=sys.stderr)
        return 5
    pid_file = unit.with_suffix(".pid")
    if verb in ("stop", "restart"):
        stop(pid_file)
    if verb in ("start", "restart", "enable"):
        start(unit)
    if verb == "is-active":
        print("active" if is_active(pid_file) else "inactive")
        return 0 if is_active(pid_file) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
