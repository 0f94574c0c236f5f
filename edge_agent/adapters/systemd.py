"""What the agent tells systemd: that it is ready, that it works, that it stops (sd_notify(3)).

One datagram of text to the socket that systemd names in the environment. Elsewhere, in a terminal or a test, nobody
listens and nothing is said. The aggregator has the same few lines: the two programs share the wire, and no more.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_SOCKET: Final = "NOTIFY_SOCKET"
_LIMIT_US: Final = "WATCHDOG_USEC"
_WHOSE: Final = "WATCHDOG_PID"
_FEEDS_PER_LIMIT: Final = 3


@dataclass(frozen=True, slots=True)
class Supervisor:
    """systemd, if it started us. `feed_every_s` is None if it does not watch."""

    address: str | None
    feed_every_s: float | None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ, *, pid: int | None = None) -> Self:
        """Who supervises this process."""
        address = environment.get(_SOCKET) or None
        limit_us, whose = environment.get(_LIMIT_US, ""), environment.get(_WHOSE)
        is_watched = limit_us.isdecimal() and whose in (None, str(os.getpid() if pid is None else pid))
        return cls(address, int(limit_us) / 1e6 / _FEEDS_PER_LIMIT if address and is_watched else None)

    def ready(self) -> None:
        """The start is done."""
        self._say("READY=1")

    def feed(self, status: str) -> None:
        """It works; one line for `systemctl status`."""
        self._say(f"WATCHDOG=1\nSTATUS={status}")

    def stuck(self, status: str) -> None:
        """It does not work: systemd is told why, and not fed."""
        self._say(f"STATUS={status}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if self.address is None:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            try:
                line.sendto(text.encode(), address)
            except OSError:
                return  # systemd that does not hear will act on the silence
