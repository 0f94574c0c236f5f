"""Adoption: which officers of another city are to count here, by the word of our own root.

A city's officers are named by its root, and only its own boxes hold that. For another city's boxes to arm what they
sign, that city's root must grant them too: its next bundle takes the grants over as they are, with their cities and
dates. Three things can be said of an officer of the other city:

    adopt      the other root grants him for our city too, and ours does not, or otherwise
    held       ours grants him just so
    elsewhere  the other root does not let him list vehicles here: nothing to take over
    withdraw   ours grants him, the other root once did and does so no more

Nothing is taken over by itself: who holds our root sees the list, and compares the other root's fingerprint with the
people of that city.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, unique

from protocol.trust import Grant, Role, TrustStore


@unique
class Step(Enum):
    """What is to be done about an officer."""

    ADOPT = "adopt"
    HELD = "held"
    ELSEWHERE = "elsewhere"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer of the other city, as its root grants him (or ours, to be withdrawn), and what is to be done."""

    grant: Grant
    step: Step


def plan(
    own: TrustStore, theirs: Sequence[TrustStore], *, city: str, at_ms: int, names: Collection[str] = ()
) -> tuple[Officer, ...]:
    """What adoption would do in a city; `theirs` is all that the other root has said, the newest last."""
    said = [[g for g in store.grants if g.role is Role.OFFICER] for store in theirs]
    current = [g for g in said[-1] if g.not_after_ms > at_ms] if said else []
    there = {g.key_id for g in current}
    once = {g.key_id for grants in said[:-1] for g in grants} - there
    gone = [g for g in own.grants if g.role is Role.OFFICER and g.key_id in once]
    found = [
        *(Officer(g, _step(own, g, city)) for g in current),
        *(Officer(g, Step.WITHDRAW) for g in gone),
    ]
    wanted = [each for each in found if not names or each.grant.subject in names]
    return tuple(sorted(wanted, key=lambda each: (each.grant.subject, each.grant.key_id)))


def _step(own: TrustStore, grant: Grant, city: str) -> Step:
    if not grant.covers(city):
        return Step.ELSEWHERE
    return Step.HELD if grant in own.grants else Step.ADOPT
