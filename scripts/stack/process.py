"""A program of the stack as a child process: started, watched, stopped, killed, started again.

The output goes to a file, so that no pipe fills up and the last lines can be shown when something goes wrong. A child
is told by the kernel to end when we do, however we end: nothing that a drill starts outlives it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# The kernel ends the child when the thread that started it ends; setpriv becomes the program, with the same pid.
_END_WITH_US = ("setpriv", "--pdeathsig", "KILL")


class StackError(Exception):
    """Something of the stack did not do what it should; the text names the log to read."""


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What is to be told of errors out of task groups: the first, since one leads to the others."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


class Program:
    """One program. `environment` is what it gets besides ours."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Nothing is started yet."""
        self.name, self.log = name, log
        self._argv, self._environment = [*_END_WITH_US, *argv], dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it; `extra` is environment for this start only."""
        environment = {**os.environ, **self._environment, **(extra or {})}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; the exit code. Raises `StackError` if it goes on."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise StackError(f"{self.name} still runs after {timeout_s:.0f} s; see {self.log}") from exc

    def stop(self, timeout_s: float = 20.0) -> None:
        """Ask it to end, and make it end if it does not."""
        if self.pid is None or self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def suspend(self) -> None:
        """Stop it without ending it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def await_ready(self, is_ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until it is ready; raises `StackError` with its last lines if it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.pid is None or time.monotonic() > deadline:
                state = "ended" if self.pid is None else f"is not ready after {timeout_s:.0f} s"
                raise StackError(f"{self.name} {state}; the last it said:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return "(nothing)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
