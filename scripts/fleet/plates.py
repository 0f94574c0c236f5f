"""Plates of nobody: as many different texts of private cars as are wanted, the same for the same seed."""

from random import Random
from typing import Final

from street.plates import DIGITS, LETTERS

_MASK: Final = "LLLDDDL"


def some_plates(count: int, rng: Random) -> list[str]:
    """So many texts, no two alike."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choice(LETTERS if each == "L" else DIGITS) for each in _MASK)] = None
    return list(found)
