"""When the aggregator works: what a supervisor may be told, or else it starts the aggregator anew.

One whose database or broker is away works: it keeps its batch, tries again, and says so in its health; a new start
would help nobody. It does not work if the database answers and a delivery waits all the same, for longer than
any batch takes.
"""

from typing import Final

STUCK_S: Final = 120.0


def is_stuck(*, database_answers: bool, lag_s: float) -> bool:
    """Whether a delivery waits without a reason."""
    return database_answers and lag_s > STUCK_S
