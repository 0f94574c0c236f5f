"""The real mosquitto under the generated configuration, to be killed, restarted and suspended by tests and drills.

with Broker(settings) as broker:
    broker.kill()      # kill -9: whatever it had not saved is lost
    broker.start()     # again, on the same port, from what is on its disk
    with broker.suspended(): ...
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from aggregator.adapters import mosquitto
from aggregator.settings import Settings

START_TIMEOUT_S = 30.0


def free_port() -> int:
    """A loopback port that nobody listens on, nor means to."""
    from stack.ports import free_ports  # noqa: PLC0415  scripts are on pytest's path, not on that of programs of tests

    return free_ports(1)[0]


class Broker:
    """A running mosquitto, as a context manager."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings of an installation; nothing is started yet."""
        self.settings = settings
        self.host, self.port = settings.broker.host, settings.broker.port
        self.log_file = settings.mosquitto.directory / "test.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Write the configuration and start the broker."""
        mosquitto.write(self.settings)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the broker, however it stands."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)
            self.stop()

    @property
    def pid(self) -> int:
        """The running broker's process id."""
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the broker has said since the first start."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        assert self._process is None, "the broker runs already"
        files = mosquitto.BrokerFiles.under(self.settings.mosquitto.directory)
        argv, environment = [mosquitto.program(), "-c", str(files.configuration)], {**os.environ, **files.environment}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self._wait_until_it_listens(self._process)

    def stop(self) -> None:
        """Stop it as an operator does: it saves its state first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Have it read CRL and access list again."""
        os.kill(self.pid, signal.SIGHUP)

    def save(self) -> None:
        """Have it write its state to the disk now."""
        os.kill(self.pid, signal.SIGUSR1)

    def suspend(self) -> None:
        """Stop it from running without ending it: connections stay up and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Suspend it for a while."""
        self.suspend()
        try:
            yield
        finally:
            self.resume()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None, "the broker does not run"
        process.send_signal(how)
        process.wait(timeout=START_TIMEOUT_S)

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                raise AssertionError(f"mosquitto ended with {process.returncode}:\n{self.log}")
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"mosquitto does not listen on {self.port}:\n{self.log}")
