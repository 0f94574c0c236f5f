"""The vote: many looks at one plate, one text, and how sure.

Rules
- Texts are proposed by the looks: what each saw; and for looks of one length what they say together, character by
  character, with the doubtful characters' alternatives.
- Each look then says of every proposed text how likely it makes it, over all the ways to spread the text along its
  steps. So lengths need no vote of their own: a look that saw `UPF337` and nearly one character more makes
  `UPF337A` likely too. A look may also have lost an end character without a trace (`LOST_END`), as readers do most.
- Looks at one passage are alike, so n of them count as sqrt(n) independent ones. No step is believed beyond
  `STEP_CEILING`: readers say 1.00 to a blur, and one look must not veto a character that the others saw.
- Confidence is a text's share among the proposed and among all that nobody proposed, less `FEW_LOOKS_DOUBT` (one look
  proves little), times the prior of the text's form. The prior never changes a character: it only makes a text more or
  less sure, and so may put one candidate before another that looks also saw.
- The result does not depend on the order of the looks.

Weights say how much a look is worth, 0 to 1: a far, small crop must not outvote a near one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from edge_agent.core.ctc import BLANK, likelihoods
from edge_agent.core.looks import SYMBOLS, Look
from edge_agent.core.reads import Candidate
from protocol.plates import ALPHABET, DIGITS, format_of, state_of

STEP_CEILING: Final = 0.995
LOST_END: Final = 0.03
"""How often a look lacks a plate's first or last character and shows no trace of it."""
LEAST: Final = 1e-6
"""How likely a look at least makes a text: it may have been a look at something else."""
UNPROPOSED: Final = 1000.0
"""Texts that share what looks give to none of the proposed: they seldom mean the same one."""
FEW_LOOKS_DOUBT: Final = 0.1
MOST_PROPOSED: Final = 48
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
    texts = _proposed(seen)
    shares = _shares(seen, texts)
    weighed_texts = {text: share * prior(text) for text, share in zip(texts, shares.tolist(), strict=True)}
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


def _proposed(seen: list[Weighed]) -> list[str]:
    """Texts worth weighing, the likeliest of each length first; without order where nothing orders them."""
    by_length: dict[int, list[Weighed]] = {}
    for weighed in seen:
        by_length.setdefault(len(weighed.look), []).append(weighed)
    found = {weighed.look.text: 1.0 for weighed in seen}
    for group in by_length.values():
        for text, probability in _texts(_posterior(group)):
            found[text] = max(found.get(text, 0.0), probability)
    return sorted(found, key=lambda text: (-found[text], text))[:MOST_PROPOSED]


def _shares(seen: list[Weighed], texts: Sequence[str]) -> NDArray[np.float64]:
    """How sure the looks together make each text; what is left of 1 belongs to none of them."""
    asked = list(dict.fromkeys(each for text in texts for each in (text, text[1:], text[:-1])))
    place = {text: at for at, text in enumerate(asked)}
    whole, headless, tailless = (
        np.array([place[text] for text in each])
        for each in (texts, [text[1:] for text in texts], [text[:-1] for text in texts])
    )
    weights = np.array([weighed.weight for weighed in seen])
    logs = np.empty((len(seen), len(texts) + 1))
    for row, weighed in zip(logs, seen, strict=True):
        said = likelihoods(_doubted(weighed.look.steps), asked)
        said_of = said[whole] + LOST_END * (said[headless] + said[tailless])
        row[:-1] = np.log(said_of.clip(LEAST, 1))
        row[-1] = np.log((1 - said[whole].sum()).clip(LEAST, 1))
    independent = float(np.sqrt(max(weights.sum(), 1.0)))
    pooled = (weights / weights.sum()) @ logs * independent
    pooled[-1] -= (independent - 1) * np.log(UNPROPOSED)
    scale = np.logaddexp.reduce(pooled)
    certain = weights.sum() / (weights.sum() + FEW_LOOKS_DOUBT)
    return np.asarray(np.exp(pooled[:-1] - scale) * certain)


def _doubted(steps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Steps of which none that shows a character is believed beyond the ceiling."""
    shows = steps[:, BLANK] < 0.5
    doubted = steps.astype(np.float64)
    doubted[shows] = doubted[shows] * STEP_CEILING + (1 - STEP_CEILING) / SYMBOLS
    return doubted


def _posterior(group: list[Weighed]) -> NDArray[np.float64]:
    """Pool looks of one length: (n, 36), rows sum to 1."""
    floor = (1 - STEP_CEILING) / len(ALPHABET)
    weights = np.array([weighed.weight for weighed in group])
    stack = np.stack([weighed.look.probabilities for weighed in group]).astype(np.float64)
    logs = np.log(stack * STEP_CEILING + floor)
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
