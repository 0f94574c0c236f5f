"""Which frames are looked at, and whose turn it is: rules of sampling and of the newest-frame queues.

A camera sends more frames than a box can read. Two things may happen to a frame that is not looked at, and they are
counted apart, because one is a plan and the other is distress:

- *sampled out*: the plan wants so many frames a second, and this one is not due. It is never converted.
- *dropped*: it was due, but the consumer was busy until a newer one replaced it.

The plan goes by the stream's own time, and takes of each period the frame nearest to its due time: a frame is due half
a frame's spacing early, so that a camera that sends exactly the wanted rate with some jitter loses none. A gap does
not make later frames come in a burst; time that jumps back (a loop, a camera that restarted) starts the plan afresh.

Every camera has places for its few newest frames, and cameras are served in turn: a camera that sends fast cannot keep
the others waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FramePlan:
    """A frame every `period_s`. The next is due at `due_s` of the stream's time; `last_s` is the last one seen."""

    period_s: float
    due_s: float | None = None
    last_s: float = 0.0

    @classmethod
    def per_second(cls, frames_per_s: float) -> Self:
        """Plan for a rate above 0."""
        if frames_per_s <= 0:
            raise ValueError(f"frames per second: want more than 0, not {frames_per_s:g}")
        return cls(1 / frames_per_s)

    def paced(self, period_s: float) -> "FramePlan":
        """The same plan at another pace; the frame that is due next stays due."""
        return FramePlan(period_s, self.due_s, self.last_s)

    def see(self, at_s: float) -> tuple[bool, "FramePlan"]:
        """Return whether the frame of this time is due, and the plan after it."""
        if self.due_s is None or at_s < self.last_s:
            return True, FramePlan(self.period_s, at_s + self.period_s, at_s)
        spacing_s = min(at_s - self.last_s, self.period_s)
        if at_s < self.due_s - spacing_s / 2:
            return False, FramePlan(self.period_s, self.due_s, at_s)
        on_time = at_s <= self.due_s + self.period_s
        due_s = (self.due_s if on_time else at_s) + self.period_s
        return True, FramePlan(self.period_s, due_s, at_s)


def next_in_turn(has_frame: Sequence[bool], last: int) -> int | None:
    """Return the first place with a frame after the one served last; None when all are empty."""
    count = len(has_frame)
    return next((i for i in ((last + step) % count for step in range(1, count + 1)) if has_frame[i]), None)
