"""Which of many alike things are worth a line of the log: the first, and then one in so long a time for all since.

A sender that says the same wrong thing a hundred times a second must not fill the disk by it, nor hide what else the
log says. Counters count each one; this is only about lines.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

EVERY: Final = timedelta(minutes=10)
SUBJECTS: Final = 1_000


class Seldom:
    """By subject, when it was last told and how often it was met since."""

    def __init__(self, every: timedelta = EVERY, subjects: int = SUBJECTS) -> None:
        """Nothing was met; of more than so many subjects, the one told longest ago is forgotten."""
        self._every, self._subjects = every, subjects
        self._met: dict[Hashable, tuple[datetime, int]] = {}

    def worth_telling(self, subject: Hashable, at: datetime) -> int:
        """How many times a line about it would stand for, this one included; 0: not yet."""
        told_at, since = self._met.get(subject, (None, 0))
        if told_at is not None and timedelta() <= at - told_at < self._every:  # a clock set back tells again
            self._met[subject] = told_at, since + 1
            return 0
        self._met.pop(subject, None)  # to the end: the order is that of telling
        self._met[subject] = at, 0
        if len(self._met) > self._subjects:
            del self._met[next(iter(self._met))]
        return since + 1
