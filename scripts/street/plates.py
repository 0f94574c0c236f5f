"""Plate texts of the street: which classes drive by, and texts that cannot be mistaken for each other.

Masks follow the Mexican plate classes: `L` is a letter (never I, Ñ, O or Q), `D` a digit. Only ordinary
classes are drawn; police, civil protection, ambulance and fire plates are nobody's toy. Two texts of one video differ
in at least three characters after characters that a reader confuses are folded into one, so that a misread of
one vehicle can never count as the other. Series are random: no plate is copied from a real vehicle.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from random import Random

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
DIGITS = "0123456789"
_FOLD = str.maketrans({"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8", "G": "6"})
_MIN_DIFFERENCE = 3


class PlateClass(StrEnum):
    """Who carries the plate; decides mask, look and vehicle."""

    PRIVATE = "private_car"
    PRIVATE_CDMX = "private_car_mexico_city"
    PRIVATE_OLD = "private_car_older"
    TRUCK = "private_truck"
    TAXI = "taxi"
    FEDERAL = "federal_carrier"
    MOTORCYCLE = "motorcycle"
    BUS = "bus"


MASKS = {
    PlateClass.PRIVATE: "LLL-DDD-L",
    PlateClass.PRIVATE_CDMX: "LDD-LLL",
    PlateClass.PRIVATE_OLD: "LLL-DD-DD",
    PlateClass.TRUCK: "LL-DDDD-L",
    PlateClass.TAXI: "L-DDD-LLL",
    PlateClass.FEDERAL: "DD-LL-DL",
    PlateClass.MOTORCYCLE: "LDD-LL",
    PlateClass.BUS: "DD-LLL-DD",
}

# The first letters of a state's private cars; the other classes have no state in their text.
_SERIES = {
    "COAHUILA": ("EU", "EV", "EW", "EX", "EY", "EZ", "FA", "FB", "FC", "FD", "FE", "FF", "FG", "FH", "FJ", "FK"),
    "CHIHUAHUA": ("DT", "DU", "DV", "DW", "DX", "DY", "DZ", "EA", "EB", "EC", "ED", "EF", "EG", "EH"),
    "NUEVO LEON": ("RK", "RL", "RM", "RN", "RP", "RR", "RS", "RT", "RU", "RV", "SA", "SB", "SC", "SD"),
    "TAMAULIPAS": ("WX", "WY", "WZ", "XA", "XB", "XC", "XD", "XE", "XF", "XG", "XH", "XJ", "XK"),
    "ZACATECAS": ("ZD", "ZE", "ZF", "ZG", "ZH"),
}
_FIXED_STATE = {PlateClass.PRIVATE_CDMX: "CIUDAD DE MEXICO", PlateClass.FEDERAL: "SERVICIO PUBLICO FEDERAL"}


@dataclass(frozen=True, slots=True)
class Plate:
    """`shown` has the hyphens as embossed, `text` has none."""

    shown: str
    plate_class: PlateClass
    state: str

    @property
    def text(self) -> str:
        """What a read should say: A-Z and 0-9 only."""
        return self.shown.replace("-", "")


def draw_plates(classes: list[PlateClass], rng: Random) -> list[Plate]:
    """One plate for each class wanted, no two of them confusable."""
    drawn: list[Plate] = []
    for plate_class in classes:
        plate = _draw(plate_class, rng)
        while any(not are_distinct(plate.text, other.text) for other in drawn):
            plate = _draw(plate_class, rng)
        drawn.append(plate)
    return drawn


def are_distinct(one: str, other: str) -> bool:
    """Whether no plausible misread turns one text into the other."""
    return _edit_distance(one.translate(_FOLD), other.translate(_FOLD)) >= _MIN_DIFFERENCE


def _draw(plate_class: PlateClass, rng: Random) -> Plate:
    state = _FIXED_STATE.get(plate_class) or rng.choice(sorted(_SERIES))
    drawn = "".join(rng.choice({"L": LETTERS, "D": DIGITS}.get(c, c)) for c in MASKS[plate_class])
    if plate_class in {PlateClass.PRIVATE, PlateClass.PRIVATE_OLD}:
        drawn = rng.choice(_SERIES[state]) + drawn[2:]
    return Plate(drawn, plate_class, state)


def _edit_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        costs = [d + (a != b) for d, b in zip(row, other, strict=False)]
        after = [i]
        for (_, above), cost in zip(pairwise(row), costs, strict=True):
            after.append(min(cost, above + 1, after[-1] + 1))
        row = after
    return row[-1]
