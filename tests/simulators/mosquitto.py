"""A real mosquitto on a free loopback port, with mutual TLS; it can be killed and started again."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulators.broker import free_port
from tests.simulators.city import City

START_TIMEOUT_S = 30.0


class Mosquitto:
    """The broker of a city. The certificate's common name is user name and client id."""

    def __init__(self, folder: Path, city: City, *, extra: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"""
listener {self.port} 127.0.0.1
cafile {city.folder / "ca.pem"}
certfile {city.folder / "broker.crt.pem"}
keyfile {city.folder / "broker.key.pem"}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
max_queued_messages 100000
persistence false
log_dest none
user root
{extra}
"""
        )

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start and wait until it listens."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program, "mosquitto is not installed: run `make setup`"
        self._process = subprocess.Popen([program, "-c", self._config])
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "mosquitto ended at once: see its configuration"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stop it from running: connections stay up and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
