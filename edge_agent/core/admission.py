"""Who may look at the aiming page: one phone, for a while, by a code that works once.

1. The code is good until it has been used, until `CODE_S` have passed, or until `MOST_TRIES` wrong ones were given by
   anybody. Then the page closes, and a new code is a new start of the command.
2. Who gives it gets a session. There is never a second one.
3. The session ends when it is left, when nothing was asked in it for `IDLE_S`, or after the whole time of the page.
"""

import hmac
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

CODE_DIGITS: Final = 8
CODE_S: Final = 300.0
MOST_TRIES: Final = 5
IDLE_S: Final = 60.0


class Closed(Enum):
    """Why the page closed."""

    LEFT = "left"
    IDLE = "idle"
    TIME_IS_UP = "time-is-up"
    NOBODY_CAME = "nobody-came"
    TOO_MANY_TRIES = "too-many-tries"


@dataclass(slots=True)
class Admission:
    """The page's door. `code` and `session` are given at random by the caller; times are monotonic."""

    code: str = field(repr=False)
    session: str = field(repr=False)
    started_s: float
    most_s: float
    wrong: int = 0
    asked_s: float | None = None
    has_left: bool = False

    @property
    def tries_left(self) -> int:
        """Wrong codes that may still be given."""
        return MOST_TRIES - self.wrong

    def enter(self, code: str, now_s: float) -> bool:
        """Whether the code opens the page; it opens it once."""
        if self.closed(now_s) or self.asked_s is not None:
            return False
        digits = "".join(each for each in code if each.isdecimal() and each.isascii())
        if not hmac.compare_digest(digits, self.code):
            self.wrong += 1
            return False
        self.asked_s = now_s
        return True

    def admits(self, session: str, now_s: float) -> bool:
        """Whether a request belongs to the session; one that does keeps it alive."""
        if self.asked_s is None or self.closed(now_s) or not hmac.compare_digest(session.encode(), self._session):
            return False
        self.asked_s = now_s
        return True

    def leave(self) -> None:
        """End the session."""
        self.has_left = True

    def closed(self, now_s: float) -> Closed | None:
        """Whether the page is closed, and why."""
        if self.has_left:
            return Closed.LEFT
        if now_s - self.started_s >= self.most_s:
            return Closed.TIME_IS_UP
        if self.asked_s is not None:
            return Closed.IDLE if now_s - self.asked_s >= IDLE_S else None
        if self.tries_left <= 0:
            return Closed.TOO_MANY_TRIES
        return Closed.NOBODY_CAME if now_s - self.started_s >= CODE_S else None

    @property
    def _session(self) -> bytes:
        return self.session.encode()
