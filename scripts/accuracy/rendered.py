"""Rendered Mexican plates: the one set whose truth is sure, and the one that is easier than any street.

The press draws a fixed set with seeds that no training uses (`plate_press.evaluation` states what is done to them), and
beside it one as harsh as the training's street. The detector has no part in it: the reader gets the plate's own box,
as a tight detector would give it. A picture of no plate is read where its middle is; whatever comes of it is a false
read.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from plate_press.evaluation import press_evaluation
from plate_press.press import MEXICAN_KINDS, Pressed, press

from accuracy.answers import voted
from accuracy.scoring import Errors
from accuracy.stacks import Stack
from edge_agent.core.boxes import Xyxy

SEED: Final = 20_260
NARROW_PX: Final = (40, 60, 80, 100, 130, 160, 10_000)
"""Upper ends of the classes of width that the table shows."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a stack made of one rendered picture."""

    kind: str
    text: str
    width_px: float
    said: str
    confidence: float


def evaluation_set(count: int) -> list[Pressed]:
    """The fixed set of Mexican plates, and pictures of none for every tenth of them."""
    rng = np.random.default_rng([SEED, 0])
    return [*press_evaluation(SEED, count), *(press(rng, "none") for _ in range(count // 10))]


def street_set(count: int) -> list[Pressed]:
    """Mexican plates from 40 pixels on, in all that the press can do to them: no aim, but where reading ends."""
    return [
        press(np.random.default_rng([SEED, 1, number]), MEXICAN_KINDS[number % len(MEXICAN_KINDS)])
        for number in range(count)
    ]


def read_all(stack: Stack, pictures: Iterable[Pressed]) -> dict[str, list[Rendered]]:
    """One look at each, and the vote of all looks, by the names of `stacks`."""
    looked, heard = [], []
    for pressed in pictures:
        box = box_of(pressed)
        look, outcome = stack.read(pressed.image, box), stack.vote(pressed.image, box)
        plate = (pressed.kind, pressed.text, box[2] - box[0])
        looked.append(Rendered(*plate, look.text, look.confidence))
        heard.append(Rendered(*plate, outcome.text if outcome else "", outcome.confidence if outcome else 0.0))
    return {stack.name: looked, voted(stack.name): heard}


def box_of(pressed: Pressed) -> Xyxy:
    """The box around a plate's corners; the middle of a picture that has none."""
    height, width = pressed.image.shape[:2]
    if not pressed.text:
        return width * 0.1, height * 0.1, width * 0.9, height * 0.9
    (left, top), (right, bottom) = pressed.corners.min(axis=0), pressed.corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def exact(answers: Iterable[Rendered]) -> Errors:
    """Strict errors of the plates; pictures of none do not count here."""
    plates = [answer for answer in answers if answer.text]
    return Errors(sum(answer.said != answer.text for answer in plates), len(plates))


def false_reads(answers: Iterable[Rendered], least_confidence: float = 0.0) -> Errors:
    """Pictures without a plate that gave a text nevertheless."""
    empty = [answer for answer in answers if not answer.text]
    return Errors(sum(bool(answer.said) and answer.confidence >= least_confidence for answer in empty), len(empty))


def by_kind(answers: Iterable[Rendered]) -> dict[str, Errors]:
    """Strict errors of each kind of plate."""
    groups: defaultdict[str, list[Rendered]] = defaultdict(list)
    for answer in answers:
        if answer.text:
            groups[answer.kind].append(answer)
    return {kind: exact(groups[kind]) for kind in sorted(groups)}


def by_width(answers: Iterable[Rendered]) -> dict[str, Errors]:
    """Strict errors by the plate's width in pixels."""
    groups: defaultdict[int, list[Rendered]] = defaultdict(list)
    for answer in answers:
        if answer.text:
            groups[next(place for place, most in enumerate(NARROW_PX) if answer.width_px < most)].append(answer)
    return {_width_name(place): exact(groups[place]) for place in sorted(groups)}


def _width_name(place: int) -> str:
    least = NARROW_PX[place - 1] if place else 0
    return f"{least} and more" if place == len(NARROW_PX) - 1 else f"{least} to {NARROW_PX[place] - 1}"
