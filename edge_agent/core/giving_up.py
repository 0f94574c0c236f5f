"""What an outbox without room gives up for a new message.

The order is `protocol.delivery.GIVEN_UP`: reports, then pictures, then alarms and amendments, hits last; within a
class the oldest goes first. A message pushes out rows of its own class and of those before it, never of a class after
its own: a report finds no room in an outbox full of hits. `dropped`, which tells what was given up, never is.
"""

from collections.abc import Iterable
from typing import Final

from edge_agent.core.delivery import Row
from protocol.delivery import GIVEN_UP
from protocol.messages import Kind

_PLACES: Final[dict[Kind, int]] = {kind: place for place, kinds in enumerate(GIVEN_UP) for kind in kinds}
_NEVER: Final = len(GIVEN_UP)


def place_of(kind: Kind) -> int:
    """A kind's place in the order of giving up: 0 goes first."""
    return _PLACES.get(kind, _NEVER)


def victims(candidates: Iterable[Row], *, rows: int, size_bytes: int) -> tuple[Row, ...] | None:
    """The first candidates that together free this many rows and bytes; None if all together do not."""
    chosen: list[Row] = []
    left = iter(candidates)
    while rows > 0 or size_bytes > 0:
        row = next(left, None)
        if row is None:
            return None
        chosen.append(row)
        rows, size_bytes = rows - 1, size_bytes - row.size_bytes
    return tuple(chosen)
