"""The fixed set on which reading rendered Mexican plates is measured.

Mexican kinds only, each as often as the press makes it; the plate 60 to 200 px wide; harshness 0.5: roll to 7, yaw to
25, pitch to 17 degrees, blur to 1/16, motion to 1/6 of a character's pitch, shade, glare, dirt, infrared, rain, noise
and compression at up to half of their strengths and half as often as on the training's street.
The seeds lie apart from those of training: shards seed their generators with two numbers, this set with three, of which
the first (`SEED_SPACE`) stands for the set.
A person can read every picture of it; whoever changes the press looks again (docs/plates.md).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from plate_press.chance import weighted
from plate_press.press import KINDS, MEXICAN_KINDS, Pressed, press

SEED_SPACE: Final = 20_161_001
HARSHNESS: Final = 0.5
WIDTH_PX: Final = (60.0, 200.0)


def press_evaluation(seed: int, count: int) -> Iterator[Pressed]:
    """`count` pictures of the set numbered `seed`; a longer set begins with the shorter one."""
    shares = {kind: KINDS[kind] for kind in MEXICAN_KINDS}
    for number in range(count):
        rng = np.random.default_rng([SEED_SPACE, seed, number])
        yield press(rng, weighted(rng, shares), harshness=HARSHNESS, width_px=WIDTH_PX)
