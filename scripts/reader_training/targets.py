"""What the network is to say of a plate: symbol 0 is the blank, then 0-9 and A-Z.

The network has two rows of forty steps, the upper one first. A plate's upper line belongs to the upper row and
its lower line to the lower row; a plate of one line belongs to the upper row alone, wherever its characters lie, and
the lower row then stays blank. Each row is a CTC sequence of its own in training: that says more than one sequence
of eighty would, and decoding all eighty steps as one path gives the same text. A third line joins the second.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.plates import ALPHABET

ROWS: Final = 2
COLUMNS: Final = 40
STEPS: Final = ROWS * COLUMNS
SYMBOLS: Final = len(ALPHABET) + 1
BLANK: Final = 0
UNSAID: Final = -100
TEXT_FROM, TEXT_TO = 0.15, 0.85
"""Where a line's text mostly begins and ends in a loose crop, as shares of its width."""

_CODES: Final = {character: code for code, character in enumerate(ALPHABET, start=1)}
_FOLDED: Final = str.maketrans("OI", "01")


def codes(text: str) -> tuple[int, ...]:
    """Symbols of a normalised text."""
    return tuple(_CODES[character] for character in text)


def steps_needed(text: str) -> int:
    """CTC says equal neighbours apart by a blank, so they need a step more."""
    return len(text) + sum(one == other for one, other in pairwise(text))


def two_rows(rows: Sequence[str]) -> tuple[str, str]:
    """The lines of a plate, as the network's two rows are to say them."""
    upper, *lower = rows or ("",)
    return upper, "".join(lower)


def coded(plates: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All rows' symbols one after another, and the length of each row: upper and lower of the first plate, ..."""
    rows = [codes(row) for plate in plates for row in two_rows(plate)]
    return np.array([code for row in rows for code in row], np.int64), np.array([len(row) for row in rows], np.int64)


def drilled(plates: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """A guess at which step says which character, (n, 80): a row's characters spread evenly over where text lies.

    `UNSAID` elsewhere. CTC alone stays for long at saying nothing; a rough guess, dropped soon, shows it the way.
    """
    guess = np.full((len(plates), ROWS, COLUMNS), UNSAID, np.int64)
    for plate, rows in zip(guess, plates, strict=True):
        for steps, text in zip(plate, two_rows(rows), strict=True):
            for place, code in enumerate(codes(text)):
                centre = int(COLUMNS * (TEXT_FROM + (TEXT_TO - TEXT_FROM) * (place + 0.5) / len(text)))
                steps[centre] = code
    return guess.reshape(len(plates), STEPS)


def folded(text: str) -> str:
    """The text with O taken for 0 and I for 1."""
    return text.translate(_FOLDED)
