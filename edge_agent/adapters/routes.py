"""Ways out of this box, as the kernel tells them (`/proc/net/route`, IPv4)."""

import socket
import struct
from pathlib import Path
from typing import Final

from edge_agent.core.checks_network import Route

TABLE: Final = Path("/proc/net/route")
_UP: Final = 0x0001  # RTF_UP of route(7)


def default_routes(table: Path = TABLE) -> tuple[Route, ...]:
    """The default routes that are up."""
    rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    return tuple(
        Route(device=row[0], gateway=_address(row[2]), metric=int(row[6]))
        for row in rows
        if row[1] == "00000000" and row[7] == "00000000" and int(row[3], 16) & _UP
    )


def _address(word: str) -> str:
    """The kernel prints addresses as words in the machine's own byte order."""
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))
