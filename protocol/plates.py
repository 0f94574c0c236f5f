"""Plate texts: how they are written, which forms Mexico issues, and which characters are mistaken for which.

Rules
- A plate text is A-Z and 0-9 only. `normalise` drops everything else (hyphens, spaces, the bolt heads that
  some reader took for a dot) and never replaces a character by another.
- A format is a mask: `L` is one of the 23 letters Mexico puts on plates, `D` a digit, any other character
  stands for itself (`AM-DDD-LL` is an ambulance). Hyphens are print, not text.
- A format is a prior, and so is a state's series. They may raise or lower the confidence of a read; no code may use
  them to change one.
- A text of no format is not wrong: foreign plates (Texas is next door) are kept as read.
- Two characters are confusable when `CONFUSIONS` says so. The relation is symmetric and not transitive:
  a hotlist match may use at most one of its substitutions, counted on single characters.

Sources: NOM-001-SCT-2-2016 and the series published with it. A format with `is_certain=False` comes from
secondary sources and waits for a check against the norm; its prior is weaker (docs/plates.md: what was checked how).
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS: Final = "0123456789"
UNUSED_LETTERS: Final = frozenset("IOQ")
"""Letters of `ALPHABET` on no Mexican plate (nor is Ñ, which `ALPHABET` lacks)."""
LETTERS: Final = "".join(c for c in ALPHABET[10:] if c not in UNUSED_LETTERS)

_KEPT: Final = frozenset(ALPHABET + ALPHABET[10:].lower())

CONFUSION_GROUPS: Final = (
    "0ODQ",  # round, closed; the tail of Q and the flat back of D vanish in blur
    "1IL",  # one upright stroke
    "1T",  # the bar of T lost at the plate's upper rim
    "17",  # the highway faces print 1 with a flag
    "7T",  # the same bar, one-sided
    "2Z",
    "4A",
    "5S",
    "6G",
    "CG",  # the bar of G lost
    "8B",
    "UV",
    "VY",
    "MN",  # narrow M in the condensed faces
)
"""Within each group any two characters are taken for one another. Glyphs alike in the highway and the
plate faces, the classes every plate reader's users report; wider groups would make every match `possible`."""


def _confusions() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {character: set() for character in ALPHABET}
    for group in CONFUSION_GROUPS:
        for one, other in combinations(group, 2):
            table[one].add(other)
            table[other].add(one)
    return {character: frozenset(others) for character, others in table.items()}


CONFUSIONS: Final[dict[str, frozenset[str]]] = _confusions()
"""For every character of `ALPHABET`, the characters it may be mistaken for (never itself; may be empty)."""


@dataclass(frozen=True, slots=True)
class PlateFormat:
    """One printed form. `is_current`: still issued under the norm, not only still on the road."""

    name: str
    mask: str
    is_current: bool = True
    is_certain: bool = True

    def matches(self, text: str) -> bool:
        """Whether a normalised text has this form."""
        pattern = self.mask.replace("-", "")
        return len(text) == len(pattern) and all(map(_fits, pattern, text))

    @property
    def has_series(self) -> bool:
        """Whether its first three letters tell the state, as private cars' do."""
        return self.mask in _SERIES_MASKS


def _fits(symbol: str, character: str) -> bool:
    match symbol:
        case "L":
            return character in LETTERS
        case "D":
            return character in DIGITS
        case _:
            return character == symbol


def _older(name: str, *masks: str) -> tuple[PlateFormat, ...]:
    return tuple(PlateFormat(name, mask, is_current=False) for mask in masks)


FORMATS: Final[tuple[PlateFormat, ...]] = (
    # A form with letters of its own stands before the general ones it would also fit.
    PlateFormat("civil-protection", "DD-PC-DDD"),
    PlateFormat("ambulance", "AM-DDD-LL"),
    PlateFormat("fire", "BM-DDD-LL"),
    PlateFormat("police", "LL-DDDL-D"),
    PlateFormat("private-car", "LLL-DDD-L"),
    PlateFormat("private-car-mexico-city", "LDD-LLL"),
    PlateFormat("private-truck", "L-DDD-LL", is_certain=False),
    PlateFormat("taxi", "L-DDD-LLL"),
    PlateFormat("federal-carrier", "DD-LL-DL"),
    PlateFormat("motorcycle", "LDD-LL"),
    PlateFormat("bus", "DD-LL-D"),
    PlateFormat("trailer", "L-DL-DD"),
    PlateFormat("disability", "DDD-L"),
    PlateFormat("ecological", "DDL-DDD"),
    *_older("private-car", "LLL-DD-DD", "LLL-DDD", "DDD-LLL"),
    *_older("private-truck", "LL-DDDD-L", "LL-DD-DDD"),
    *_older("taxi", "DD-DD-LLL"),
    *_older("motorcycle", "LDDD-L", "LLL-DD", "DDDD-L"),
    *_older("bus", "DD-LLL-DD", "D-LLL-DD"),
    *_older("trailer", "DLL-DDD-L", "D-LL-DDDD"),
    *_older("disability", "DDD-LL"),
    *_older("ecological", "DD-LLL"),
)


@dataclass(frozen=True, slots=True)
class Series:
    """Three-letter heads `first` to `last`, both included, that one state puts on private cars."""

    state: str
    first: str
    last: str


SERIES: Final[tuple[Series, ...]] = (
    Series("aguascalientes", "AAA", "AFZ"),
    Series("baja-california", "AGA", "CYZ"),
    Series("baja-california-sur", "CZA", "DEZ"),
    Series("campeche", "DFA", "DKZ"),
    Series("chiapas", "DLA", "DSZ"),
    Series("chihuahua", "DTA", "ETZ"),
    Series("coahuila", "EUA", "FPZ"),
    Series("colima", "FRA", "FWZ"),
    Series("durango", "FXA", "GFZ"),
    Series("guanajuato", "GGA", "GYZ"),
    Series("guerrero", "GZA", "HFZ"),
    Series("hidalgo", "HGA", "HRZ"),
    Series("jalisco", "HSA", "LFZ"),
    Series("mexico", "LGA", "PEZ"),
    Series("michoacan", "PFA", "PUZ"),
    Series("morelos", "PVA", "RDZ"),
    Series("nayarit", "REA", "RJZ"),
    Series("nuevo-leon", "RKA", "TGZ"),
    Series("oaxaca", "THA", "TMZ"),
    Series("puebla", "TNA", "UJZ"),
    Series("queretaro", "UKA", "UPZ"),
    Series("quintana-roo", "URA", "UVZ"),
    Series("san-luis-potosi", "UWA", "VEZ"),
    Series("sinaloa", "VFA", "VSZ"),
    Series("sonora", "VTA", "WKZ"),
    Series("tabasco", "WLA", "WWZ"),
    Series("tamaulipas", "WXA", "XSZ"),
    Series("tlaxcala", "XTA", "XXZ"),
    Series("veracruz", "XYA", "YVZ"),
    Series("yucatan", "YWA", "ZCZ"),
    Series("zacatecas", "ZDA", "ZHZ"),
)
"""All states but Mexico City, whose private cars have a form of their own; "mexico" is the State of Mexico. Past `ZHZ`
nothing is given out. The norm's appendix C as two independent transcriptions give it, which agree in every row."""

_SERIES_MASKS: Final = frozenset({"LLL-DDD-L", "LLL-DD-DD", "LLL-DDD"})


def normalise(text: str) -> str:
    """Keep A-Z and 0-9 of a text, upper case; nothing is replaced by a look-alike."""
    return "".join(character for character in text if character in _KEPT).upper()


def format_of(text: str) -> PlateFormat | None:
    """Return the first Mexican format a normalised text has, or None (a foreign plate, or a misread)."""
    return next((form for form in FORMATS if form.matches(text)), None)


def classify(text: str) -> str | None:
    """Name of the format that a normalised text has, or None."""
    form = format_of(text)
    return form.name if form else None


def state_of(text: str) -> str | None:
    """State whose private-car series a normalised text lies in, or None where the table does not say."""
    form = format_of(text)
    if form is None or not form.has_series:
        return None
    return next((s.state for s in SERIES if s.first <= text[:3] <= s.last), None)
