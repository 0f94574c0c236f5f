"""A change of the network on trial: kept if the command centre is reached with it, put back if it is not.

A technician may sit at the far end of the line that he changes. So NetworkManager is told first to put everything back
after a time; then the change is made and the command centre dialled until it answers; only then is the change kept. If
this program dies with his session, NetworkManager's timer does what it would have done.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from edge_agent.adapters import network_manager
from edge_agent.core.network import Line, keyfile, name_of
from edge_agent.errors import BadNetwork

DIAL_S: Final = 3.0
PAUSE_S: Final = 1.0
ROLLBACK_MARGIN_S: Final = 5.0
"""So much before NetworkManager's own timer we give up: then we say so, instead of being cut off."""


@unique
class Outcome(Enum):
    """How a trial ended."""

    KEPT = "kept"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Goal:
    """What must be reached for a change to stay."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Goal":
        """From HOST:PORT; raises `BadNetwork`."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal():
            raise BadNetwork(f"{text}: want HOST:PORT of something that answers at the command centre")
        return cls(host, int(port))


@dataclass(frozen=True, slots=True)
class Trial:
    """How it ended, and why a change was not kept."""

    outcome: Outcome
    reason: str = ""


def is_reached(goal: Goal) -> bool:
    """Whether a TCP connection to it can be made."""
    try:
        with socket.create_connection((goal.host, goal.port), DIAL_S):
            return True
    except OSError:
        return False


def try_line(line: Line, goal: Goal, *, within_s: int, on_progress: Callable[[str], None] = lambda _: None) -> Trial:
    """Change the network, and keep the change if the goal is reached within the time; raises `BadNetwork`."""
    text = keyfile(line)
    network_manager.check_there()
    deadline_s = time.monotonic() + within_s - ROLLBACK_MARGIN_S
    remembered = network_manager.checkpoint(within_s)
    on_progress("applying")
    try:
        network_manager.apply(name_of(line), text)
    except BadNetwork as exc:
        remembered.roll_back()
        return Trial(Outcome.ROLLED_BACK, str(exc))
    on_progress("dialling")
    while time.monotonic() < deadline_s:
        if is_reached(goal):
            remembered.keep()
            return Trial(Outcome.KEPT)
        time.sleep(PAUSE_S)
    on_progress("rolling-back")
    remembered.roll_back()
    return Trial(Outcome.ROLLED_BACK, f"{goal.host}:{goal.port} was not reached")
