"""What stands on a plate: texts by kind.

A row is written as it is shown: characters, `-` a hyphen, ` ` a gap, `.` a raised dot, `*` an emblem, and `{HH}` small
letters stacked above each other. Hyphens, gaps, dots, emblems and stacked letters are print, not text: the labelled
real plates leave stacked letters out, so the reader learns to leave them out too.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from plate_press.chance import between, often, pick, weighted, whole
from plate_press.vocabulary import VANITY
from protocol.plates import ALPHABET, DIGITS, FORMATS, LETTERS, SERIES, PlateFormat, normalise

_STACKED = re.compile(r"\{[^}]*\}")
_ALL_LETTERS: Final = ALPHABET[10:]
MX_SHARES: Final[dict[str, float]] = {
    "private-car": 0.150,
    "private-car-mexico-city": 0.030,
    "private-truck": 0.050,
    "taxi": 0.030,
    "federal-carrier": 0.025,
    "motorcycle": 0.045,
    "bus": 0.018,
    "trailer": 0.015,
    "disability": 0.008,
    "ecological": 0.008,
    "police": 0.007,
    "civil-protection": 0.004,
    "ambulance": 0.005,
    "fire": 0.005,
}


@dataclass(frozen=True, slots=True)
class Writing:
    """Rows as shown, top to bottom."""

    shown: tuple[str, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(text_of(row) for row in self.shown)


def text_of(shown: str) -> str:
    """What of a row is plate text."""
    return normalise(_STACKED.sub("", shown))


def fill(rng: np.random.Generator, mask: str, letters: str = LETTERS) -> str:
    """A mask's symbols drawn: `L` a letter, `D` a digit, `X` either; all else stands for itself."""
    sets = {"L": letters, "D": DIGITS, "X": DIGITS + letters}
    return "".join(pick(rng, sets[c]) if c in sets else c for c in mask)


def mexican(rng: np.random.Generator, name: str) -> tuple[str, PlateFormat]:
    """A text of one Mexican class, two thirds of them in a form still issued."""
    forms = [form for form in FORMATS if form.name == name]
    current = [form for form in forms if form.is_current]
    older = [form for form in forms if not form.is_current]
    form = pick(rng, older if older and (often(rng, 0.34) or not current) else current)
    shown = fill(rng, form.mask)  # PC, AM and BM stand for themselves
    if form.mask.startswith("LLL") and name == "private-car" and often(rng, 0.6):
        shown = _head(rng) + shown[3:]
    return shown, form


def _head(rng: np.random.Generator) -> str:
    """The three letters of one state's private cars, every second time of Coahuila's or a neighbour's."""
    series = pick(rng, _NEAR if often(rng, 0.5) else SERIES)
    first = LETTERS.index(series.first[0])
    letters = LETTERS[first : LETTERS.index(series.last[0]) + 1]
    while True:
        head = pick(rng, letters) + fill(rng, "LL")
        if series.first <= head <= series.last:
            return head


_NEAR: Final = tuple(s for s in SERIES if s.state in {"coahuila", "chihuahua", "durango", "nuevo-leon", "zacatecas"})
_US_MASKS: Final[dict[str, float]] = {
    "DLLLDDD": 3, "LLL-DDDD": 4, "LLL DDDD": 3, "DDD-LLL": 3, "LLL-DDD": 4, "LLL DDD": 3, "LLL*DDD": 2, "DDD*LLL": 1,
    "LDD-LLL": 1, "DDDD LL": 1, "DDD DDDD": 2, "DDD DDD": 1, "LLDDDDD": 1, "LL DDDDD": 1, "LL-DDDDD": 1, "DDLLLD": 1,
    "LLL DDL": 1, "LLLDDDD": 3, "DDDLLL": 1, "LLLDDD": 2, "XXX XXX": 3, "XXXXXXX": 4, "XXX XXXX": 3, "XXX*XXX": 1,
    "LDD DDDD": 1, "LD DDDD": 1, "DD-DDDD": 1, "D-DDDDD": 1, "D-DDDDL": 1, "DDD DDD DDD": 0.2, "LX-DDD": 1, "LL-DDD": 1,
    "LL DDDD": 1, "DLDDDDD": 1, "DDDDLL": 1, "DDDDDD": 1, "LDDDDD": 1, "DD LLDD": 1, "DLL DDD": 1, "LLD DDL": 1,
    "LLDDLLL": 1, "LLL-LDD": 0.5, "LDDLLL": 1, "DDDDD": 0.7, "DDDD": 0.5, "XXXX": 0.5, "XXXXX": 0.7, "LLL*DDDD": 1,
    "DL*DDDD": 0.7, "D*DDDD": 0.4, "DD*DDDL": 0.4, "LDD*DDDD": 0.4, "LLD-LDDD": 0.8, "LLDLDDD": 0.8, "LLDL*DDD": 0.5,
    "LLXXXX": 1, "LLL.DDD": 0.5, "LLL.DDL": 0.5, "L.DDDDD": 0.3, "XXXXXXXX": 0.4, "XXX-XXXX": 1, "XXX-XXX": 1,
}  # fmt: skip


def american(rng: np.random.Generator) -> str:
    """A US text: issued series, vanity words, small stacked letters before or behind."""
    if often(rng, 0.2):
        return vanity(rng)
    shown = fill(rng, weighted(rng, _US_MASKS), LETTERS if often(rng, 0.4) else _ALL_LETTERS)
    if len(text_of(shown)) <= 6 and often(rng, 0.42):
        stack = "{" + fill(rng, pick(rng, ("LL", "LL", "LLL", "XX", "DD", "DL")), _ALL_LETTERS) + "}"
        shown = stack + shown if often(rng, 0.6) else shown + stack
    elif len(text_of(shown)) <= 6 and often(rng, 0.3):
        shown = _with_emblem(rng, shown)
    return shown


def _with_emblem(rng: np.random.Generator, shown: str) -> str:
    """An emblem as high as the characters before, behind or among them."""
    bare = shown.replace("-", "").replace(" ", "").replace("*", "")
    at = 0 if often(rng, 0.5) else whole(rng, 1, len(bare))
    return bare[:at] + "*" + bare[at:]


def vanity(rng: np.random.Generator) -> str:
    """What an owner chose himself: a word, a syllable heap, or a word with a gap or a digit in it."""
    word = pick(rng, VANITY) if often(rng, 0.5) else _syllables(rng, whole(rng, 3, 7))
    if often(rng, 0.25) and len(word) < 7:
        word = word + fill(rng, pick(rng, ("D", "DD", " D")))
    elif often(rng, 0.2) and len(word) > 3:
        at = whole(rng, 1, len(word) - 1)
        word = word[:at] + pick(rng, (" ", "-", "*")) + word[at:]
    return word[:9]


def _syllables(rng: np.random.Generator, length: int) -> str:
    consonant, vowel = "BCDFGHJKLMNPRSTVWXYZ", "AEIOUAEIO0134"
    start = int(between(rng, 0, 2))
    return "".join(pick(rng, vowel if (i + start) % 2 else consonant) for i in range(length))


_EU_MASKS: Final[dict[str, float]] = {
    "LL*DDDLL": 6, "LL-DDDLL": 3, "DLD*DDDD": 4, "DLD DDDD": 2, "DLL*DDDD": 1, "LLL*DD-DD": 1.5, "LL DDDDD": 1.5,
    "L*LL DDDD": 1.5, "LL*LL DDD": 2, "LLL*L DDD": 1, "LLL*LL DD": 1, "LLDD LLL": 3, "LL-DDD-LL": 3, "LLDDD LL": 1.5,
    "DDDD LLL": 2, "L-DDD-LL": 1, "LL-DD-LL": 1, "DD-LL-DD": 1, "DD-LLL-D": 0.7, "DLLLDDD": 0.8, "D-LLL-DDD": 1,
    "LLL DDD": 1.5, "LLL-DDD": 1.5, "LL DD DDD": 0.7, "LLDDDDD": 0.7, "LL DDDDL": 0.7, "LL*DDDDD": 0.7, "LL DDDLL": 1,
    "L DDDLL": 0.4, "XXXXXXX": 1, "XXX XXXX": 1, "LLL DDDD": 1, "LL LLDDD": 0.6, "L DDDD LL": 0.5, "LL DDDD LL": 1,
    "LL*DDD-LL": 1, "LLL DDLL": 0.6, "LL*LLLLL": 0.3, "DLD*DDDD ": 0.5, "LL DDDD": 0.5, "LL DDD": 0.3, "DDDDDD": 0.2,
}  # fmt: skip
_EU_SQUARE: Final = (
    ("LL", "DDD LL"),
    ("LLL", "DDDD"),
    ("LL DD", "DDD"),
    ("LLDD", "LLL"),
    ("DLD", "DDDD"),
    ("LL*L", "DDDD"),
    ("LL-", "DDDLL"),
)


def european(rng: np.random.Generator, *, is_square: bool) -> tuple[str, ...]:
    """A European text; square plates carry it in two rows."""
    letters = LETTERS if often(rng, 0.3) else _ALL_LETTERS
    if is_square:
        return tuple(fill(rng, row, letters) for row in pick(rng, _EU_SQUARE))
    return (fill(rng, weighted(rng, _EU_MASKS), letters).strip(),)


def brazilian(rng: np.random.Generator, *, is_old: bool, is_square: bool) -> tuple[str, ...]:
    """LLL-DDDD, or Mercosur's LLLDLDD; all 26 letters. Motorcycles have the letters above the digits."""
    mask = "LLL-DDDD" if is_old else "LLLDLDD"
    shown = fill(rng, mask, _ALL_LETTERS)
    if not is_square:
        return (shown.replace("-", pick(rng, (".", ".", "-", " "))),)
    return (shown[:3], shown[3:].lstrip("-"))


def anything(rng: np.random.Generator, *, is_square: bool) -> tuple[str, ...]:
    """Characters without a system, so that the reader trusts what it sees before what it expects."""
    count = whole(rng, 4, 9)
    # I and O look like 1 and 0 in most dies; a label nobody can know teaches little, so they are drawn less often.
    symbols = ALPHABET if often(rng, 0.3) else "".join(c for c in ALPHABET if c not in "IO")
    shown = "".join(pick(rng, symbols) for _ in range(count))
    if is_square:
        cut = whole(rng, 2, count - 2)
        return (shown[:cut], shown[cut:])
    for _ in range(whole(rng, 0, 2)):
        at = whole(rng, 1, len(shown) - 1)
        shown = shown[:at] + pick(rng, "- .*") + shown[at:]
    return (shown,)
