"""Whether a probability of 0.9 is right nine times out of ten, and the temperature that makes it so.

A temperature divides the logits before the softmax: it changes how sure the reader is, never what it reads. It is
fitted to characters that never taught, by the likelihood of the true ones. Characters can be set side by side only
where the read has the length of the truth; the others are counted and left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.ctc import Symbols, decode
from protocol.plates import ALPHABET
from reader_training.targets import BLANK, codes

TEMPERATURES: Final = np.geomspace(0.5, 5, 93)
BINS: Final = 15
SYMBOLS: Final = Symbols.of(("", *ALPHABET))


@dataclass(frozen=True, slots=True)
class Characters:
    """Read characters beside the true ones: logits (n, 37) of the step that spoke, and the true symbol (n)."""

    logits: NDArray[np.float32]
    truth: NDArray[np.int64]

    def surest(self, temperature: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Probability of what was read, and whether it is right."""
        probabilities = softmax(self.logits / temperature)
        read = probabilities[:, BLANK + 1 :].argmax(axis=1) + BLANK + 1
        return probabilities[np.arange(len(read)), read], read == self.truth

    def loss(self, temperature: float) -> float:
        """Mean negative log likelihood of the true characters."""
        probabilities = softmax(self.logits / temperature)
        return float(-np.log(probabilities[np.arange(len(self.truth)), self.truth].clip(1e-12)).mean())


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities over the last axis."""
    shifted = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float64)


def texts_of(logits: NDArray[np.float32]) -> list[str]:
    """What (n, 80, 37) logits read; a temperature would not change it."""
    return [decode(steps, SYMBOLS).text for steps in softmax(logits).astype(np.float32)]


def characters(logits: NDArray[np.float32], truths: Sequence[str]) -> Characters:
    """All characters of the reads that have their truth's length."""
    found: list[NDArray[np.float32]] = []
    wanted: list[int] = []
    for steps, truth in zip(logits, truths, strict=True):
        spoken = _spoken(steps)
        if len(spoken) == len(truth):
            found.append(steps[spoken])
            wanted += codes(truth)
    rows = np.concatenate(found) if found else np.zeros((0, logits.shape[-1]), np.float32)
    return Characters(rows, np.array(wanted, np.int64))


def _spoken(steps: NDArray[np.float32]) -> list[int]:
    """The step that stands for each character, as `ctc.decode` picks it."""
    probabilities, best = softmax(steps), steps.argmax(axis=1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
    ends = np.r_[starts[1:], len(best)]
    return [
        int(start + probabilities[start:end, best[start]].argmax())
        for start, end in zip(starts, ends, strict=True)
        if best[start] != BLANK
    ]


def fitted(read: Characters) -> float:
    """The likeliest temperature of a fixed list; 1 where there is nothing to fit."""
    return min(map(float, TEMPERATURES), key=read.loss) if len(read.truth) else 1.0


def calibration_error(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float:
    """Expected calibration error over equal bins of confidence, as a share of 1."""
    if not len(confidence):
        return 0.0
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, confidence - is_right, BINS)
    return float(np.abs(gaps).sum() / len(confidence))
