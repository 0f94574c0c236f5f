"""When the agent works: what a supervisor may be told, or else it starts the agent anew.

An agent whose cameras, network or command centre are away works: it waits for them, and a new start would help nobody.
It does not work if frames keep coming that should be looked at, and none is looked at any more: a thread, a driver or a
device of the inference hangs. It is given `STUCK_S`, which is longer than any look at a picture takes.
"""

from dataclasses import dataclass
from typing import Final

STUCK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """Counts since the start: frames that the plan wanted looked at, and frames that were."""

    wanted: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The last time that things were seen to go on."""

    pulse: Pulse
    at_s: float

    def seen(self, pulse: Pulse, now_s: float) -> "Progress":
        """What is known after another look: progress is a frame looked at, or none to look at."""
        if pulse.looked_at != self.pulse.looked_at or pulse.wanted == self.pulse.wanted:
            return Progress(pulse, now_s)
        return self

    def is_stuck(self, now_s: float) -> bool:
        """Whether frames have waited in vain for too long."""
        return now_s - self.at_s > STUCK_S
