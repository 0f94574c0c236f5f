"""A camera that looks at one photograph: every glance is of the picture as a sensor would give it, with fresh noise."""

from functools import cache

import cv2
import numpy as np
from camera_health.alterations import HARMFUL, HARMLESS, Alteration, Picture, noisy

from edge_agent.adapters.pictures import read_picture
from edge_agent.core.scene import Glance, glance
from edge_agent.core.scene_health import Change, SceneHealth
from edge_agent.core.scene_reference import LEARN_GLANCES
from tests.simulators.drawn import SKIMAGE_DATA

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png")
ALTERATIONS: dict[str, Alteration] = {**HARMLESS, **{name: each for name, (_, each) in HARMFUL.items()}}
SIZE_PX = (640, 360)
EVERY_S = 5.0


@cache
def photograph(name: str) -> Picture:
    """A real photograph, cut to a camera's shape."""
    image = read_picture(SKIMAGE_DATA / name)
    height = min(image.shape[0], image.shape[1] * SIZE_PX[1] // SIZE_PX[0])
    cut = image[(image.shape[0] - height) // 2 :][:height]
    return np.asarray(cv2.resize(cut, SIZE_PX, interpolation=cv2.INTER_AREA), np.uint8)


class StreetCamera:
    """Looks at a photograph; `show` lets time pass while something is the matter with it."""

    def __init__(self, name: str, health: SceneHealth, *, seed: int = 1) -> None:
        self.image = photograph(name)
        self.other = photograph(PHOTOGRAPHS[PHOTOGRAPHS.index(name) - 1])
        self.health = health
        self.now_s = 0.0
        self._rng = np.random.default_rng(seed)

    def see(self, alteration: str = "noise") -> Glance:
        """One glance."""
        return glance(ALTERATIONS[alteration](self.image, self.other, self._rng))

    def show(self, alteration: str, seconds: float) -> list[Change]:
        """What is told while the picture is altered so for some time."""
        changes: list[Change] = []
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            changes += self.step(self.see(alteration))
        return changes

    def step(self, seen: Glance) -> list[Change]:
        """Show one glance."""
        self.now_s += EVERY_S
        return self.health.step(seen, self.now_s)

    def learn(self) -> None:
        """Show the picture as it is, until it is known."""
        assert self.show("noise", (LEARN_GLANCES + 1) * EVERY_S) == []


__all__ = ["ALTERATIONS", "EVERY_S", "PHOTOGRAPHS", "StreetCamera", "noisy", "photograph"]
