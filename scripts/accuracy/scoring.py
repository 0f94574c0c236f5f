"""How a read is held against the truth.

- Texts are compared whole: one wrong character is an error, and so is no read at all. `strict` compares A-Z and 0-9 as
  they are; `folded` takes O for 0 and I for 1 on both sides, as published tables do in their various ways.
- An error rate comes with its 95 % interval by Wilson's score method: it stays inside 0..1 and holds its level for few
  pictures and for no errors, where the usual normal interval has no width.
- Character accuracy is one less the Levenshtein distance, over the characters of the truth.
- The alignment with fewest edits says of each character that was read whether it is the right one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_agent.core.boxes import Xyxy, iou
from edge_agent.core.detections import Detections

Z_95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
_FOLD: Final = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True)
class Errors:
    """So many errors of n."""

    errors: int
    n: int

    @property
    def share(self) -> float:
        """Errors as a fraction of 1; none of nothing is 0."""
        return self.errors / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the error rate."""
        return wilson(self.errors, self.n)


def folded(text: str) -> str:
    """Return a text with O as 0 and I as 1."""
    return text.translate(_FOLD)


def wilson(errors: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Score interval of a share; everything is possible where nothing was tried."""
    if not 0 <= errors <= n:
        raise ValueError(f"{errors} errors of {n}")
    if n == 0:
        return 0.0, 1.0
    share, spread = errors / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / n / 4) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def edits(read: str, truth: str) -> list[tuple[str, str]]:
    """Return the alignment with fewest edits: pairs of what was read and what is true, "" where one has nothing."""
    costs = _costs(read, truth)
    row, column, pairs = len(read), len(truth), []
    while row or column:
        differs = not (row and column) or read[row - 1] != truth[column - 1]
        if row and column and costs[row, column] == costs[row - 1, column - 1] + differs:
            row, column = row - 1, column - 1
            pairs.append((read[row], truth[column]))
        elif row and costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((read[row], ""))
        else:
            column -= 1
            pairs.append(("", truth[column]))
    return pairs[::-1]


def _costs(read: str, truth: str) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    costs = np.zeros((len(read) + 1, len(truth) + 1), np.int64)
    costs[:, 0], costs[0, :] = range(len(read) + 1), range(len(truth) + 1)
    for row, one in enumerate(read, start=1):
        for column, other in enumerate(truth, start=1):
            least = min(costs[row - 1, column], costs[row, column - 1]) + 1
            costs[row, column] = min(least, costs[row - 1, column - 1] + (one != other))
    return costs


def distance(read: str, truth: str) -> int:
    """Levenshtein distance."""
    return sum(one != other for one, other in edits(read, truth))


def character_accuracy(pairs: Sequence[tuple[str, str]]) -> float:
    """One less the edits from read to truth over the characters of the truth; below 0 where nonsense was added."""
    characters = sum(len(truth) for _, truth in pairs)
    return 1 - sum(distance(read, truth) for read, truth in pairs) / characters if characters else 0.0


def best_iou(found: Detections, box: Xyxy, *, most_confident: bool = False) -> float:
    """How well the best of the boxes found fits the true one; or only the one that would be read."""
    if not len(found):
        return 0.0
    overlaps = iou(found.xyxy, np.array([box], np.float32))[:, 0]
    return float(overlaps[int(found.confidence.argmax())] if most_confident else overlaps.max())
