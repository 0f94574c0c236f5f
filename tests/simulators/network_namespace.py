"""A box with a network of its own: a real NetworkManager on a private D-Bus, in namespaces that end with the test.

Two cables, `uplink0` and `spare0`, lead to another namespace, where the command centre answers at 10.9.0.1 on the
first. Needs root, as a network namespace does, and Debian's network-manager. Nothing of the machine's own network or
of its /etc is touched: both folders that NetworkManager writes are empty file systems of the namespace.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

CENTRE = "10.9.0.1"
PORT = 8883
START_S = 40.0
CAN_RUN = os.geteuid() == 0 and all(
    map(shutil.which, ("NetworkManager", "dbus-daemon", "nsenter", "unshare", "busctl"))
)

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
"""
_CONFIG = """[main]
plugins=keyfile
dns=none
rc-manager=unmanaged
no-auto-default=*
auth-polkit=root-only
"""
_BOX = """
mkdir -p /run/NetworkManager
mount -t tmpfs none /run/NetworkManager
mount -t tmpfs none /etc/NetworkManager
mkdir -m 700 /etc/NetworkManager/system-connections
mount -t sysfs -o ro none /sys  # as in a container: then NetworkManager does not wait for udev
ip link set lo up
exec sleep infinity
"""
_LISTEN = f"""
import socket
with socket.create_server(("{CENTRE}", {PORT})) as server:
    print("up", flush=True)
    while True:
        server.accept()[0].close()
"""


class BoxNetwork:
    """Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._box = self._far = 0

    def __enter__(self) -> Self:
        """Make the namespaces, the cable, the centre and NetworkManager."""
        with ExitStack() as stack:
            self._box = self._start(stack, "unshare", "-n", "-m", "sh", "-ec", _BOX)
            self._far = self._start(stack, "unshare", "-n", "sleep", "infinity")
            self._until(lambda: self._is_apart(self._far) and "sleep" in self._command(self._box))
            self._cable()
            self._centre(stack)
            self._manager(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """End every process; the namespaces go with them."""
        self._stack.close()

    def run(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run a program on the box."""
        return subprocess.run(self._inside(*argv), capture_output=True, text=True, check=False, env=self._environment)

    def start(self, *argv: str) -> "subprocess.Popen[str]":
        """Start a program on the box; the caller ends it."""
        return subprocess.Popen(
            self._inside(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment
        )

    def command(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run `edge-agent` on the box."""
        return self.run(*agent(*argv))

    def addresses(self, device: str = "uplink0") -> list[str]:
        """IPv4 addresses of a device, as the kernel has them."""
        told = self.run("ip", "-4", "-brief", "address", "show", "dev", device).stdout.split()
        return told[2:]

    def cut(self, *, is_cut: bool = True) -> None:
        """Cut the far end of the cable off, or put it on again."""
        self._far_run("ip", "link", "set", "far0", "down" if is_cut else "up")

    @property
    def _environment(self) -> dict[str, str]:
        bus = f"unix:path={self._folder}/bus"
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus, "LC_ALL": "C.UTF-8", "COLUMNS": "160"}

    def _inside(self, *argv: str) -> list[str]:
        return ["nsenter", "-t", str(self._box), "-n", "-m", "--", *argv]

    def _far_run(self, *argv: str) -> None:
        subprocess.run(["nsenter", "-t", str(self._far), "-n", "--", *argv], check=True)

    def _cable(self) -> None:
        for near, far in (("uplink0", "far0"), ("spare0", "far1")):
            link = ("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(self._far))
            assert self.run(*link).returncode == 0
            self._far_run("ip", "link", "set", far, "up")
        self._far_run("ip", "address", "add", f"{CENTRE}/24", "dev", "far0")

    def _centre(self, stack: ExitStack) -> None:
        argv = ["nsenter", "-t", str(self._far), "-n", "--", sys.executable, "-c", _LISTEN]
        server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        stack.callback(_end, server)
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"

    def _manager(self, stack: ExitStack) -> None:
        (self._folder / "bus.conf").write_text(_BUS.format(folder=self._folder))
        (self._folder / "nm.conf").write_text(_CONFIG)
        bus = self._inside("dbus-daemon", f"--config-file={self._folder}/bus.conf", "--nofork", "--nopidfile")
        self._start(stack, *bus)
        self._until((self._folder / "bus").exists)
        nothing, state = f"{self._folder}/nothing", f"{self._folder}/state"
        options = (
            f"--config={self._folder}/nm.conf", f"--config-dir={nothing}", f"--system-config-dir={nothing}",
            f"--state-file={state}", f"--intern-config={state}.intern", f"--pid-file={self._folder}/nm.pid",
        )  # fmt: skip
        self._start(stack, *self._inside("NetworkManager", "--no-daemon", *options))
        self._until(lambda: self.run("nmcli", "-t", "-f", "RUNNING", "general").stdout.strip() == "running")

    def _start(self, stack: ExitStack, *argv: str) -> int:
        with (self._folder / f"{Path(argv[0]).name}-{len(argv)}.log").open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, env=self._environment)
        stack.callback(_end, process)
        return process.pid

    def _until(self, claim: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not claim():
            assert time.monotonic() < deadline, "the box's network did not come up"
            time.sleep(0.02)

    @staticmethod
    def _is_apart(pid: int) -> bool:
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    @staticmethod
    def _command(pid: int) -> str:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii")


def agent(*argv: str) -> tuple[str, ...]:
    """The command line of `edge-agent`."""
    return (sys.executable, "-c", "from edge_agent.cli import main; main()", *argv)


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
