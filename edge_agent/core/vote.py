"""The vote: many looks at one plate, one text, and how sure.

Rules
- A look is filed under its length. A length counts by the worth of its looks: weight times the square of
  the weakest character's probability, because a character that is not there is a weak one. A look one
  character shorter whose text is an end of a longer one's lends part of its worth to the longer: the last
  character is what a reader loses most (a plate UPF-337-A read as UPF337).
- Within a length, each position sums up the looks' log probabilities. Looks at one passage are alike, so n
  of them count as sqrt(n) independent ones. No look is believed more than `CHARACTER_CEILING` on a character:
  readers say 1.00 to a blur.
- Confidence is the product of the length's share (with `LENGTH_DOUBT` withheld: one look proves little), of the
  characters' posteriors, and of the prior of the text's form. The prior never changes a character: it only makes
  a text more or less sure, and so may put one candidate before another that looks also saw.
- The result does not depend on the order of the looks.

Weights say how much a look is worth, 0 to 1: a far, small crop must not outvote a near one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from edge_agent.core.looks import Look
from edge_agent.core.reads import Candidate
from protocol.plates import ALPHABET, DIGITS, format_of, state_of

CHARACTER_CEILING: Final = 0.995
LENGTH_DOUBT: Final = 0.1
LENT_SHARE: Final = 0.25
MAX_CANDIDATES: Final = 5
MIN_CANDIDATE: Final = 0.005
"""A candidate less likely than this is not named."""
PLAUSIBLE_LENGTH: Final = range(4, 10)
SHORT_LENGTH: Final = 4
SHORT_PRIOR: Final = 0.9
"""Few plates have four characters, and a longer one half hidden looks like them."""


@dataclass(frozen=True, slots=True, repr=False)
class Weighed:
    """A look and what it is worth."""

    look: Look
    weight: float


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What the looks so far say; `candidates` includes the winner, in falling confidence."""

    text: str
    observed: str
    confidence: float
    candidates: tuple[Candidate, ...]
    format_name: str | None

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate."""
        return f"Outcome(candidates={len(self.candidates)})"


def prior(text: str) -> float:
    """How much a text's form and series raise or lower its confidence, in 0..1; a foreign plate is not ruled out."""
    if len(text) not in PLAUSIBLE_LENGTH:
        return 0.3
    form = format_of(text)
    if form is not None and (not form.has_series or state_of(text)):
        whole = 1.0 if form.is_certain else 0.98
        return whole if len(text) > SHORT_LENGTH else SHORT_PRIOR
    has_both = any(c in DIGITS for c in text) and any(c not in DIGITS for c in text)
    return 0.95 if has_both else 0.8


def vote(looks: list[Weighed]) -> Outcome | None:
    """Weigh all looks at one plate; None if none of them saw a character."""
    seen = [weighed for weighed in looks if len(weighed.look) > 0 and weighed.weight > 0]
    if not seen:
        return None
    by_length: dict[int, list[Weighed]] = {}
    for weighed in seen:
        by_length.setdefault(len(weighed.look), []).append(weighed)
    shares = _length_shares(by_length)
    weighed_texts: dict[str, float] = {}
    for length, group in by_length.items():
        for text, probability in _texts(_posterior(group)):
            weighed_texts[text] = shares[length] * probability * prior(text)
    ranked = sorted(weighed_texts.items(), key=lambda item: (-item[1], item[0]))
    best = ranked[0][0]
    form = format_of(best)
    named = [Candidate(text, value) for text, value in ranked[:MAX_CANDIDATES] if value >= MIN_CANDIDATE]
    return Outcome(
        text=best,
        observed=_best_look(seen).text,
        confidence=ranked[0][1],
        candidates=tuple(named or [Candidate(*ranked[0])]),
        format_name=form.name if form else None,
    )


def _best_look(seen: list[Weighed]) -> Look:
    return max(seen, key=lambda w: (w.weight * w.look.confidence, w.look.text)).look


def _length_shares(by_length: dict[int, list[Weighed]]) -> dict[int, float]:
    """Share of the worth behind each length; `LENGTH_DOUBT` belongs to none."""
    worths = {length: sum(_worth(w) for w in group) for length, group in by_length.items()}
    moved = dict(worths)
    for length, group in by_length.items():
        longer = {w.look.text for w in by_length.get(length + 1, [])}
        lent = sum(_worth(w) for w in group if any(_is_end_of(w.look.text, text) for text in longer))
        lent *= LENT_SHARE
        if lent:
            moved[length] -= lent
            moved[length + 1] += lent
    total = sum(worths.values()) + LENGTH_DOUBT
    return {length: worth / total for length, worth in moved.items()}


def _worth(weighed: Weighed) -> float:
    return weighed.weight * weighed.look.confidence**2


def _is_end_of(shorter: str, longer: str) -> bool:
    return shorter in (longer[1:], longer[:-1])


def _posterior(group: list[Weighed]) -> NDArray[np.float64]:
    """Pool looks of one length: (n, 36), rows sum to 1."""
    floor = (1 - CHARACTER_CEILING) / len(ALPHABET)
    weights = np.array([weighed.weight for weighed in group])
    stack = np.stack([weighed.look.probabilities for weighed in group]).astype(np.float64)
    logs = np.log(stack * CHARACTER_CEILING + floor)
    independent = np.sqrt(weights.sum()) if weights.sum() > 1 else 1.0
    pooled = np.tensordot(weights / weights.sum(), logs, axes=1) * independent
    pooled = np.exp(pooled - pooled.max(axis=1, keepdims=True))
    return np.asarray(pooled / pooled.sum(axis=1, keepdims=True))


def _texts(posterior: NDArray[np.float64]) -> list[tuple[str, float]]:
    """The likeliest text, and those that differ from it in one of its doubtful characters."""
    order = np.argsort(-posterior, axis=1, kind="stable")
    best = [int(index) for index in order[:, 0]]
    certainty = float(np.prod(posterior[np.arange(len(best)), best]))
    texts = [("".join(ALPHABET[index] for index in best), certainty)]
    for position in range(len(best)):
        for other in order[position, 1:3]:
            ratio = posterior[position, other] / posterior[position, best[position]]
            text = [*best[:position], int(other), *best[position + 1 :]]
            texts.append(("".join(ALPHABET[index] for index in text), float(certainty * ratio)))
    return texts
