"""Why something was refused, as a value: counted, told in the receipt, never raised across tasks.

A refusal is `final` when the same bytes can never be taken: the sender moves them to its dead letters. It is
`retry` when the receiver may yet take them: a key not registered yet, a store that is down, a version or a kind that
a newer receiver will know (boxes are often upgraded before the city).
"""

from enum import IntEnum, unique


@unique
class Refusal(IntEnum):
    """Reasons of a receipt `refused(reason)`. Numbers are wire values: never reuse one."""

    TOO_LARGE = 1
    BAD_FORM = 2
    UNKNOWN_VERSION = 3
    UNKNOWN_KEY = 4
    REVOKED_KEY = 5
    BAD_SIGNATURE = 6
    WRONG_ALGORITHM = 7
    NOT_YOUR_TOPIC = 8
    NOT_YOUR_PLACE = 9
    UNKNOWN_KIND = 10
    EQUIVOCATION = 11
    BUSY = 12
    INTERNAL = 13
    OUTSIDE_TERMS = 14

    @property
    def is_final(self) -> bool:
        """Whether the same bytes can never be taken."""
        return self not in _RETRY


_RETRY = frozenset({Refusal.UNKNOWN_KEY, Refusal.UNKNOWN_VERSION, Refusal.UNKNOWN_KIND, Refusal.BUSY, Refusal.INTERNAL})
