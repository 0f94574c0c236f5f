"""Free loopback ports for servers that listen a moment later, none of which another test or drill has in mind too.

A port stays free until its server binds it, and others look for one meanwhile. So each process says which ports it
means: a byte of one file for each, locked until the process ends or has been given many others since. They are below
the range that the kernel takes outgoing ports from (32768 and up): nobody's connection sits on one by chance.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from functools import cache
from pathlib import Path
from typing import Final

PORTS: Final = range(20_000, 32_000)
_KEPT: Final = 500
_given: deque[int] = deque()


def free_ports(count: int) -> tuple[int, ...]:
    """Loopback ports in a row that nobody listens on and nobody else means to."""
    while True:
        first = random.SystemRandom().choice(PORTS[:-count])
        ports = tuple(range(first, first + count))
        if not set(ports) & set(_given) and all(_is_claimed(port) and _is_free(port) for port in ports):
            _given.extend(ports)
            while len(_given) > _KEPT:
                fcntl.lockf(_claims(), fcntl.LOCK_UN, 1, _given.popleft())
            return ports


def _is_claimed(port: int) -> bool:
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):  # another process means it
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@cache
def _claims() -> int:
    """The file, open for as long as the process lives: to close it once would give up every byte."""
    path = Path(tempfile.gettempdir(), f"atalaya-ports-{os.geteuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
