"""How links stand, in the words of a table: at the region a line for each city, in a city one for the region.

A link is `linked`; `silent` if nothing was heard over it for a while; `away` if the last try failed; `left`; `invited`
if the city has not joined yet. A difference of the clocks is `ahead` of ours when it is positive.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

SILENT_AFTER: Final = timedelta(minutes=5)


@unique
class LinkState(Enum):
    """How a link stands."""

    INVITED = "invited"
    LINKED = "linked"
    SILENT = "silent"
    AWAY = "away"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """One line. What is not known is None."""

    peer: str
    state: LinkState
    since: datetime
    heard_at: datetime | None = None
    lag_s: float | None = None
    backlog: int | None = None
    clock_offset_ms: int | None = None
    release: str | None = None
    list_version: int | None = None
    log_number: int | None = None
    log_behind: int | None = None
    trust_number: int | None = None
    roster_number: int | None = None
    note: str = ""


def state_of(heard_at: datetime, *, now: datetime, left: bool = False, problem: str | None = None) -> LinkState:
    """How a link stands that was made, and heard of at an instant."""
    if left:
        return LinkState.LEFT
    if problem is not None:
        return LinkState.AWAY
    return LinkState.SILENT if now - heard_at > SILENT_AFTER else LinkState.LINKED


def lag_s(backlog: int | None, since: datetime | None, *, now: datetime) -> float | None:
    """How long the oldest message waits that is still to be sent on; none if nobody said."""
    if backlog is None:
        return None
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def behind(end: int | None, taken: int | None) -> int | None:
    """How many items of the log are still to be taken."""
    return None if end is None else max(0, end - (taken or 0))
