"""A look: what one crop of one plate says, step by step and character by character.

A look is evidence, not an answer. It keeps the reader's steps, from which it can be asked how likely any text is, and
for every character of its own best text how likely each of the 36 is, so that a vote over many looks can weigh a
doubtful 8 against a doubtful B. A look with no characters is a look that saw none.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from edge_agent.core.boxes import Xyxy
from protocol.plates import ALPHABET

SYMBOLS: Final = 1 + len(ALPHABET)
"""The blank, which stands first, and the characters."""


@dataclass(frozen=True, slots=True, repr=False)
class Look:
    """`probabilities` is (n, 36) float32 in the order of `ALPHABET`; rows sum to at most 1.

    `steps` is (T, 37) float32, the blank first: what the reader said at each step of its way along the plate.
    """

    probabilities: NDArray[np.float32]
    steps: NDArray[np.float32]

    @property
    def text(self) -> str:
        """The likeliest character at each position."""
        return "".join(ALPHABET[index] for index in self.probabilities.argmax(axis=1)) if len(self) else ""

    @property
    def confidence(self) -> float:
        """Probability of the weakest character: a text is as sure as that. 0 for no text."""
        return float(self.probabilities.max(axis=1).min()) if len(self) else 0.0

    def __len__(self) -> int:
        return int(self.probabilities.shape[0])

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate: a look may end up in a traceback."""
        return f"Look(characters={len(self)})"

    @classmethod
    def blank(cls) -> "Look":
        """Nothing was seen."""
        return cls(np.zeros((0, len(ALPHABET)), np.float32), np.zeros((0, SYMBOLS), np.float32))

    @classmethod
    def spelt(cls, rows: NDArray[np.float32]) -> "Look":
        """A step for each character, with a blank after it; what a row leaves of 1 is the blank's."""
        steps = np.zeros((2 * len(rows), SYMBOLS), np.float32)
        steps[::2, 1:], steps[::2, 0], steps[1::2, 0] = rows, 1 - rows.sum(axis=1), 1
        return cls(rows, steps.clip(0, 1))


class Recognizer(Protocol):
    """Reads the characters of one plate in a picture."""

    @property
    def margins(self) -> tuple[float, ...]:
        """How much of a box's surroundings looks at one plate are to see, in turns."""
        ...

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        """Look at the box, widened by a share of its own size, in a BGR picture."""
        ...
