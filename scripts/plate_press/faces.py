"""A flat plate, printed and cut: what the designs of each country return."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, pick, weighted
from plate_press.dies import DIES
from plate_press.palette import Colour
from plate_press.sheet import Hand
from plate_press.typefaces import DIN, SANS, SERIF, face_of_die

_OUTLINES: Final[tuple[Colour, ...]] = ((250, 250, 250), (250, 250, 250), (20, 20, 20), (60, 180, 240))


@dataclass(frozen=True, slots=True)
class Face:
    """`bgr` (h, w, 3) and its outline `alpha` (h, w), 255 where the plate is; rows top to bottom, A-Z and 0-9."""

    bgr: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    rows: tuple[str, ...]
    kind: str
    width_mm: float

    @property
    def text(self) -> str:
        return "".join(self.rows)

    @property
    def bgra(self) -> NDArray[np.uint8]:
        """The picture with its outline as the fourth channel, (h, w, 4), not premultiplied."""
        return np.dstack([self.bgr, self.alpha])


def any_hand(rng: np.random.Generator, shares: Sequence[float] = (0.68, 0.29, 0.03)) -> Hand:
    """How characters are set: with a die of ours, a sans-serif typeface or one with serifs, in these shares."""
    family = weighted(rng, dict(zip(("die", "sans", "serif"), shares, strict=True)))
    match family:
        case "die":
            face, stretch = face_of_die(int(rng.random() * DIES)), between(rng, 0.85, 1.15)
        case "sans":
            face, stretch = pick(rng, SANS), between(rng, 0.7, 1.1)
        case _:
            face, stretch = pick(rng, SERIF), between(rng, 0.7, 1.0)
    return Hand(
        face=face,
        stretch=stretch,
        gap=between(rng, 0.03, 0.2),
        is_even=often(rng, 0.5),
        grow_px=between(rng, -0.55, 0.7),
        relief=between(rng, 0, 1.6) if often(rng, 0.85) else 0.0,
        outline=pick(rng, _OUTLINES) if often(rng, 0.07) else None,
        wear=between(rng, 0.05, 0.9) if often(rng, 0.07) else 0.0,
    )


def din_hand(rng: np.random.Generator) -> Hand:
    """DIN and FE-like characters of Europe: mostly narrow, flat or softly raised."""
    hand = any_hand(rng, (0.6, 0.4, 0.0))
    face = pick(rng, DIN) if often(rng, 0.3) else hand.face
    return replace(hand, face=face, gap=between(rng, 0.06, 0.16), relief=hand.relief * 0.5)
