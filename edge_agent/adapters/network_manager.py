"""NetworkManager by its own tools: `nmcli` for lines, and its D-Bus checkpoints (`busctl`) for changes on trial.

A checkpoint is NetworkManager's own timer: when it runs out, NetworkManager itself puts back what was, also if this
program was killed with the technician's session. New lines and new devices go with it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.core.checks_network import Device
from edge_agent.errors import BadNetwork, NoNetworkManager

CONNECTIONS: Final = Path("/etc/NetworkManager/system-connections")
COMMAND_S: Final = 20.0
_UP_S: Final = 30
_CHECKPOINT_FLAGS: Final = "7"
"""Other checkpoints end, new connections are deleted, new devices are disconnected (NMCheckpointCreateFlags)."""
_SERVICE: Final = (
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
    "org.freedesktop.NetworkManager",
)
_FIELDS: Final = "GENERAL.DEVICE,GENERAL.TYPE,GENERAL.STATE,GENERAL.CONNECTION,IP4.ADDRESS,IP4.GATEWAY,IP4.DNS"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What NetworkManager will put back when its time is over."""

    path: str

    def keep(self) -> None:
        """Let the change stay."""
        _bus("CheckpointDestroy", "o", self.path)

    def roll_back(self) -> None:
        """Put back what was, now."""
        _bus("CheckpointRollback", "o", self.path)


def check_there() -> None:
    """Raises `NoNetworkManager` if this box is not NetworkManager's."""
    if shutil.which("nmcli") is None:
        raise NoNetworkManager(
            "nmcli is not installed: this box's network is kept by something else (/etc/network/interfaces, netplan, "
            "systemd-networkd); change it there, or `apt install network-manager`"
        )
    try:
        is_running = _run("nmcli", "-t", "-f", "RUNNING", "general").strip() == "running"
    except BadNetwork as exc:
        raise NoNetworkManager(f"NetworkManager does not answer ({exc}): `systemctl start NetworkManager`") from exc
    if not is_running:
        raise NoNetworkManager("NetworkManager does not run: `systemctl start NetworkManager`")


def devices() -> tuple[Device, ...]:
    """All devices but the loopback."""
    told = _run("nmcli", "-t", "-f", _FIELDS, "device", "show")
    found = (_device(block) for block in told.strip().split("\n\n") if block.strip())
    return tuple(each for each in found if each.kind != "loopback")


def checkpoint(seconds: int) -> Checkpoint:
    """Remember how everything is; it comes back after so many seconds unless the change is kept."""
    told = _bus("CheckpointCreate", "aouu", "0", str(seconds), _CHECKPOINT_FLAGS)
    return Checkpoint(told.split('"')[1])


def apply(name: str, text: str, *, folder: Path = CONNECTIONS) -> None:
    """Put a line's keyfile in place, readable by root alone, and bring the line up; raises `BadNetwork`."""
    path = folder / f"{name}.nmconnection"
    try:
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as exc:
        raise BadNetwork(f"{path}: cannot be written ({exc.strerror}); run this as root") from exc
    _run("nmcli", "connection", "load", str(path))
    _run("nmcli", "-w", str(_UP_S), "connection", "up", name, limit_s=_UP_S + COMMAND_S)


def _bus(method: str, signature: str, *arguments: str) -> str:
    return _run("busctl", "--system", "call", *_SERVICE, method, signature, *arguments)


def _run(*argv: str, limit_s: float = COMMAND_S) -> str:
    """What a tool says; raises `BadNetwork` with its complaint."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit_s, check=False, env=environment)
    except FileNotFoundError as exc:
        raise NoNetworkManager(f"{argv[0]} is not installed: `apt install network-manager systemd`") from exc
    except subprocess.TimeoutExpired as exc:
        raise BadNetwork(f"{argv[0]} did not answer within {limit_s:.0f} s; is NetworkManager well?") from exc
    if done.returncode != 0:
        raise BadNetwork(f"{argv[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _device(block: str) -> Device:
    """One block of `nmcli -t device show`: `KEY:value` or `KEY[n]:value`, `--` for nothing, colons escaped."""
    one: dict[str, str] = {}
    many: dict[str, list[str]] = {"IP4.ADDRESS": [], "IP4.DNS": []}
    for line in block.splitlines():
        key, _, value = line.partition(":")
        value = value.replace("\\:", ":").replace("\\\\", "\\")
        if (name := key.partition("[")[0]) in many:
            many[name].append(value)
        else:
            one[name] = "" if value == "--" else value
    return Device(
        device=one.get("GENERAL.DEVICE", ""),
        kind=one.get("GENERAL.TYPE", ""),
        state=one.get("GENERAL.STATE", "").partition("(")[2].rstrip(")"),
        connection=one.get("GENERAL.CONNECTION", ""),
        addresses=tuple(many["IP4.ADDRESS"]),
        gateway=one.get("IP4.GATEWAY", ""),
        dns=tuple(many["IP4.DNS"]),
    )
