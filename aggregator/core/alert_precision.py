"""How often reads were right, as people found: errors out of n, with an interval that says how little n may prove.

Only what somebody decided counts: a confirmation, a rejection, or an outcome that says whether it was the vehicle. Of
an alert of several hits each that lay before the decision counts for its camera, its list and its reader.

The interval is Wilson's score interval at 95 %: it stays within 0 and 1, and says something sensible of 0 errors out
of 3.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_Z: Final = 1.959963984540054  # the normal distribution's 97.5 % point
_READER: Final = re.compile(r"[a-z0-9-]*reader[a-z0-9-]*/\S+")
UNKNOWN_READER: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Precision:
    """Errors out of `n` decided hits."""

    n: int
    errors: int

    @property
    def share(self) -> float | None:
        """The share that was right; none of nothing."""
        return None if self.n == 0 else (self.n - self.errors) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies, at 95 %."""
        return wilson(self.n - self.errors, self.n)


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of `right` out of `n` at 95 %; of nothing, anything."""
    if n == 0:
        return (0.0, 1.0)
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the formula gives the end itself, but for rounding.
    low, high = (0.0 if right == 0 else middle - half), (1.0 if right == n else middle + half)
    return (low, high)


def reader_of(versions: Sequence[str]) -> str:
    """Which reader a box ran, out of the versions that it names."""
    return next((each for each in versions if _READER.fullmatch(each)), UNKNOWN_READER)
