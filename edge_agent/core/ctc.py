"""From a CTC network's output to a look, and how likely a look makes any text.

CTC emits one distribution per time step over its symbols, of which symbol 0 is the blank. The symbols are folded
first: upper and lower case are one character, print such as hyphens and dots is as good as a blank. The best path
takes the likeliest symbol of each step, joins equal neighbours and drops blanks. A joined run is one character; its
distribution is that of its surest step.

A text is as likely as all the ways together in which its characters can be spread over the steps (the forward pass of
Graves et al. 2006): so a look that nearly saw one character more, or less, says so of the longer or shorter text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.looks import SYMBOLS, Look
from protocol.plates import ALPHABET

BLANK: Final = 0
SURE_BLANK: Final = 0.999
"""Steps in a row that are blank beyond doubt are kept as one: what they could say else is nothing."""


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
    return look_at(fold(steps, symbols))


def look_at(steps: NDArray[np.float32]) -> Look:
    """The look of (T, 37) steps, the blank first."""
    best = steps.argmax(axis=1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]]) if len(best) else best
    ends = np.r_[starts[1:], len(best)]
    runs = [(start, end) for start, end in zip(starts, ends, strict=True) if best[start] != BLANK]
    rows = [steps[start + int(steps[start:end, best[start]].argmax()), 1:] for start, end in runs]
    return Look(np.stack(rows), _condensed(steps)) if rows else Look.blank()


def fold(steps: NDArray[np.float32], symbols: Symbols) -> NDArray[np.float32]:
    """Steps over the blank and `ALPHABET`, (T, 37)."""
    onto = np.zeros((len(symbols.column), SYMBOLS), np.float32)
    onto[np.arange(len(symbols.column)), symbols.column + 1] = 1
    return np.asarray(steps @ onto, np.float32)


def likelihoods(steps: NDArray[np.floating], texts: Sequence[str]) -> NDArray[np.float64]:
    """How likely each text is, given (T, 37) steps: the sum over all the ways to spread it over them."""
    paths, is_skippable = _paths(texts)
    along = steps.astype(np.float64)[:, paths]
    reached = np.zeros(paths.shape)
    reached[:, :2] = along[0, :, :2]
    for step in along[1:]:
        before = reached.copy()
        before[:, 1:] += reached[:, :-1]
        before[:, 2:] += reached[:, :-2] * is_skippable
        reached = before * step
    ends = 2 * np.array([len(text) for text in texts])
    rows = np.arange(len(texts))
    return np.asarray(reached[rows, ends] + np.where(ends > 0, reached[rows, ends - 1], 0))


def _paths(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each text with blanks around its characters, and where the blank between two of them may be left out."""
    paths = np.zeros((len(texts), 2 * max(map(len, texts)) + 1), np.int64)
    for path, text in zip(paths, texts, strict=True):
        path[1 : 2 * len(text) : 2] = [1 + ALPHABET.index(character) for character in text]
    return paths, (paths[:, 2:] != BLANK) & (paths[:, 2:] != paths[:, :-2])


def _condensed(steps: NDArray[np.float32]) -> NDArray[np.float32]:
    is_sure = steps[:, BLANK] >= SURE_BLANK
    return np.asarray(steps[~(is_sure & np.r_[False, is_sure[:-1]])], np.float32)
