"""From a CTC network's output to a look.

CTC emits one distribution per time step over its symbols, of which symbol 0 is the blank. The best path
takes the likeliest symbol of each step, joins equal neighbours and drops blanks. A joined run is one
character; its distribution is that of its surest step. Symbols outside A-Z and 0-9 (print such as hyphens
and dots) win steps of their own and are then left out; lower case counts as upper case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.looks import Look
from protocol.plates import ALPHABET


@dataclass(frozen=True, slots=True)
class Symbols:
    """The network's symbols, folded: `column[s]` is the place of symbol s in `ALPHABET`, -1 for print."""

    column: NDArray[np.int64]

    @classmethod
    def of(cls, characters: Sequence[str]) -> "Symbols":
        """`characters` names every symbol in order, the blank first as an empty text."""
        return cls(np.array([ALPHABET.find(text.upper()) if text else -1 for text in characters], np.int64))


def decode(steps: NDArray[np.float32], symbols: Symbols) -> Look:
    """Best path through (steps, symbols) probabilities."""
    best = steps.argmax(axis=1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
    ends = np.r_[starts[1:], len(best)]
    rows = [
        _fold(steps[start + int(steps[start:end, best[start]].argmax())], symbols)
        for start, end in zip(starts, ends, strict=True)
        if symbols.column[best[start]] >= 0
    ]
    return Look(np.stack(rows)) if rows else Look.blank()


def _fold(step: NDArray[np.float32], symbols: Symbols) -> NDArray[np.float32]:
    """One step's distribution over `ALPHABET`; the blank and print keep their share, so it sums below 1."""
    known = symbols.column >= 0
    row = np.bincount(symbols.column[known], step[known], len(ALPHABET))
    return row.astype(np.float32)
