"""How a run spends its time: the learning rate, the share of real photographs, and how far it has come.

A run is as long as a number of pictures or of minutes. Only the first repeats to the bit from its seed: with minutes
the machine's speed enters the learning rate. Progress runs from 0 to 1 either way.
"""

import math
from dataclasses import dataclass
from typing import Final

ENTERING: Final = 0.1
"""How much of a run it takes until the photographs have their whole share."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may take; whichever is set and spent first ends it."""

    images: int | None = None
    minutes: float | None = None

    def progress(self, images: int, elapsed_s: float) -> float:
        """How much is spent, 1 at the end."""
        by_images = images / self.images if self.images else 0.0
        by_minutes = elapsed_s / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_images, by_minutes))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Warm-up by steps, then half a cosine by progress; photographs come in about half-way.

    A run that goes on from another's weights (`onward`) has photographs from its first step, and needs no drill.
    """

    peak: float = 1.5e-3
    floor: float = 1e-5
    warm_up_steps: int = 200
    drill_steps: int = 1500
    real_share: float = 0.3
    real_from: float = 0.45

    @classmethod
    def onward(cls, peak: float) -> "Schedule":
        """The schedule of a run that starts from weights which can read already."""
        return cls(peak=peak, drill_steps=0, real_from=-ENTERING)

    def rate(self, step: int, progress: float) -> float:
        """Learning rate of a step."""
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return (self.floor + (self.peak - self.floor) * cosine) * min(1.0, (step + 1) / self.warm_up_steps)

    def drill(self, step: int) -> float:
        """Weight of the guessed alignment: all at first, nothing soon."""
        return max(0.0, 1 - step / self.drill_steps) if self.drill_steps else 0.0

    def real(self, progress: float) -> float:
        """Share of a batch that is real photographs."""
        entered = (progress - self.real_from) / ENTERING
        return self.real_share * min(1.0, max(0.0, entered))


def averaging(step: int, most: float = 0.999) -> float:
    """How much of the averaged weights a step keeps: little at first, when the average is of little worth."""
    return min(most, (1 + step) / (10 + step))
