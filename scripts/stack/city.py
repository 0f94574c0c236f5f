"""One city: its keys, its broker, its aggregator, its boxes, two officers and their hotlist.

Everything is done by the commands of `aggregator` and `edge-agent` as an operator types them; passphrases are random
and live in files of mode 600 under the city's folder. All servers listen on loopback, on free ports.
"""

import csv
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stack.ports import free_ports
from stack.process import Program, StackError

BIN = Path(sys.executable).parent
OFFICERS = ("ana-ruiz", "luis-vega")
_COMMAND_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its folder holds identity, settings, data and log."""

    device: str
    point: str
    folder: Path

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "agent.toml"

    @property
    def events(self) -> Path:
        """What happened, one JSON object a line."""
        return self.folder / "events.jsonl"

    @property
    def pictures(self) -> Path:
        """Where its redacted pictures are kept for people to look at."""
        return self.folder / "redacted"


@dataclass
class LocalCity:
    """A city under a folder. `found` first; then register, enrol, want; start and stop what is needed."""

    folder: Path
    city: str = "saltillo"
    ports: tuple[int, ...] = field(default_factory=lambda: free_ports(4))
    officers: tuple[str, str] = OFFICERS

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.broker = Program("broker", self._argv("broker", "run"), self.folder / "broker.log")
        self.aggregator = Program("aggregator", self._argv("run"), self.folder / "aggregator.log")

    @property
    def home(self) -> Path:
        """The installation."""
        return self.folder / "city"

    @property
    def config(self) -> Path:
        """The aggregator's settings."""
        return self.home / "aggregator.toml"

    @property
    def cluster(self) -> Path:
        """Where its database server's files are."""
        return self.home / "postgres" / "cluster"

    def found(self, *options: str, workers: int = 1) -> None:
        """Make keys, certificates, database, settings, the broker's configuration; `options` are more of `init`'s."""
        broker, http, health, enrol = self.ports
        self._run(
            *("init", str(self.home), "--city", self.city, "--name", self.city.replace("-", " ").title(), *options),
            *("--root-passphrase-file", self._passphrase("root"), "--workers", str(workers)),
            *("--evidence-passphrase-file", self._passphrase("evidence"), "--broker-port", str(broker)),
            *("--http-port", str(http), "--health-port", str(health), "--enrol-port", str(enrol)),
            with_config=False,
        )

    def start_servers(self) -> None:
        """Start broker and aggregator, and wait until they answer."""
        self.start_broker()
        self.start_aggregator()

    def start_broker(self) -> None:
        """Start mosquitto and wait until it listens."""
        self.broker.start()
        self.broker.await_ready(lambda: listens(self.ports[0]))

    def start_aggregator(self, extra: Mapping[str, str] | None = None) -> None:
        """Start the aggregator and wait until it calls itself healthy."""
        self.aggregator.start(extra)
        self.aggregator.await_ready(self.is_healthy)

    def kill_database(self) -> None:
        """kill -9 the embedded PostgreSQL, its first process and with it all others."""
        pid_file = self.cluster / "postmaster.pid"
        os.kill(int(pid_file.read_text().split("\n", 1)[0]), signal.SIGKILL)

    def is_healthy(self) -> bool:
        """What the aggregator says of itself."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[2]}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def register(self, point: str, cameras: Sequence[str], *, name: str = "Blvd. V. Carranza y Calz. Narro") -> None:
        """Register a point with its cameras."""
        self._run("point", "add", point, "--city", self.city, "--name", name, "--latitude=25.43", "--longitude=-101.0")
        for camera in cameras:
            self._run("camera", "add", camera, "--point", point, "--heading", "180")

    def enrol(self, device: str, point: str, settings: str) -> Box:
        """Register a device, have its key made and certified, write its settings (TOML after the folders)."""
        box = Box(device, point, self.folder / device)
        box.folder.mkdir(mode=0o700)
        identity = box.folder / "identity"
        self._run("device", "add", device, "--point", point)
        self._command("edge-agent", "identity", "new", str(identity), "--device", device)
        self._run("device", "issue", device, "--csr", str(identity / "device.csr.pem"), "--out", str(identity))
        box.config.write_text(f'identity_dir = "identity"\ndata_dir = "data"\n{settings}')
        return box

    def agent(self, box: Box, *arguments: str, program: Sequence[str] = ()) -> Program:
        """The agent of a box, not started yet; `program` runs it in the place of `edge-agent`."""
        start = program or (str(BIN / "edge-agent"),)
        argv = [*start, "run", "--config", str(box.config), "--events-jsonl", str(box.events)]
        return Program(f"agent {box.device}", [*argv, *arguments], box.folder / "agent.log")

    def appoint_officers(self) -> None:
        """Two officers make their keys; the root grants them."""
        root = self.root()
        for name in self.officers:
            keys = self.folder / name
            self._run(
                *("officer", "new", name, "--out", str(keys), "--passphrase-file", self._passphrase(name)),
                with_config=False,
            )
            (public,) = keys.glob("*.pub*")
            self._run("officer", "grant", name, "--key", str(public), *root)

    def want(self, plates: Iterable[str], *, days: float = 30, scope: str = "") -> str:
        """Put plates on the hotlist: import, one officer proposes, the other approves; the batch id.

        `scope` names cities; none is this city, `*` the whole region.
        """
        expires = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        file = self.folder / f"wanted-{secrets.token_hex(4)}.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("plate", "reason", "case_number", "expires", "scope"))
            cases = ((plate, f"DEMO/{number}/2026") for number, plate in enumerate(plates, 1))
            writer.writerows((plate, "stolen-vehicle", case, expires, scope) for plate, case in cases)
        self._run("hotlist", "import", str(file))
        file.unlink()
        self._run("hotlist", "propose", *self.officer(self.officers[0]))
        (batch,) = [row["batch_id"] for row in self.rows("hotlist", "batches") if row["state"] == "proposed"]
        self._run("hotlist", "approve", str(batch), *self.officer(self.officers[1]))
        return str(batch)

    def root(self) -> tuple[str, ...]:
        """The options under which the root signs."""
        offline = self.home / "offline" / "root.key.pem"
        return ("--root-key", str(offline), "--root-passphrase-file", self._passphrase("root"))

    def officer(self, name: str) -> tuple[str, ...]:
        """The options under which an officer signs."""
        (private,) = (path for path in (self.folder / name).glob("*.pem") if ".pub" not in path.name)
        return ("--officer-key", str(private), "--passphrase-file", self._passphrase(name))

    def run(self, *command: str) -> str:
        """Run a command of `aggregator`; what it printed. Raises `StackError`."""
        return self._run(*command)

    def rows(self, *command: str) -> list[dict[str, Any]]:
        """What a list command answers."""
        rows: list[dict[str, Any]] = json.loads(self._run(*command, "--json"))
        return rows

    def write_broker_config(self) -> None:
        """Have the broker's files written anew from the settings."""
        self._run("broker", "config")

    def stop(self) -> None:
        """Stop the servers; the broker last."""
        self.aggregator.stop()
        self.broker.stop()

    def _argv(self, *command: str) -> list[str]:
        return [str(BIN / "aggregator"), *command, "--config", str(self.config)]

    def _run(self, *command: str, with_config: bool = True) -> str:
        return self._command("aggregator", *command, *(("--config", str(self.config)) if with_config else ()))

    def _command(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(BIN / program), *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_COMMAND_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode != 0:
            raise StackError(
                f"{program} {' '.join(arguments[:2])} failed: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    def _passphrase(self, whose: str) -> str:
        file = self.folder / f"{whose}.passphrase"
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(24) + "\n")
        return str(file)


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
