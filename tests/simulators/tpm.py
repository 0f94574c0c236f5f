"""A TPM 2.0 in software (swtpm), on loopback ports, that several programs may use at once.

tpm2-tss dials swtpm anew for every command, so it serves several programs; what is missing is the kernel's resource
manager (`/dev/tpmrm0`), which would forget what a killed program had loaded: there is room for three objects.

    with Tpm(folder) as tpm:
        monkeypatch.setenv("ATALAYA_TPM", tpm.tcti)
        tpm.restart()      # power off and on: what was loaded is gone, what was sealed is not
"""

import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Self

from stack.ports import free_ports

START_TIMEOUT_S: Final = 30.0


class Tpm:
    """A running TPM with a state of its own, as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started yet."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port, _ = free_ports(2)  # one after the other, as tpm2-tss wants them

    @property
    def tcti(self) -> str:
        """How tpm2-tss reaches it."""
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def __enter__(self) -> Self:
        """Power on."""
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        """Power off."""
        self.power_off()

    def power_on(self) -> None:
        """Start the chip from the state on its disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._folder}"),
                *("--server", f"type=tcp,port={self.port},bindaddr=127.0.0.1"),
                *("--ctrl", f"type=tcp,port={self.port + 1},bindaddr=127.0.0.1"),
                *("--flags", "not-need-init,startup-clear"),
            ],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "swtpm ended at once"
            if all(map(_listens, (self.port + 1, self.port))):  # it begins to, one after the other
                return
            time.sleep(0.02)
        raise AssertionError("swtpm does not listen")

    def power_off(self) -> None:
        """The chip forgets all that is not on its disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=START_TIMEOUT_S)
            self._process = None

    def restart(self) -> None:
        """Off and on."""
        self.power_off()
        self.power_on()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
