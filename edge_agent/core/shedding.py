"""What is given up when a box is hot, and when it comes back: a rule of its profile.

Rules
- At or above `limit_c` the next step of `thermal.shed` is taken; then the box is given `step_s` to cool before another
  is taken. At or below `resume_c` the last step taken is given back, again one each `step_s`. In between nothing
  changes: a box that hovers at its limit must not swing.
- A step says down to which share something goes. The steps taken so far all hold; of two on the same thing the later
  one counts.
- A box without a temperature sheds nothing, and keeps what it had shed: no reading is no news.
- Hits, their pictures and delivery are never shed: only how often a street is looked at, and faces are counted.
"""

from dataclasses import dataclass

from edge_agent.core.profiles import Shed, Thermal


@dataclass(frozen=True, slots=True)
class Shedding:
    """How many steps hold, and since when (monotonic seconds)."""

    steps: int = 0
    changed_s: float = float("-inf")

    def after(self, thermal: Thermal, temperature_c: float | None, now_s: float) -> "Shedding":
        """The state after a reading."""
        if temperature_c is None or now_s - self.changed_s < thermal.step_s:
            return self
        if temperature_c >= thermal.limit_c.value and self.steps < len(thermal.shed):
            return Shedding(self.steps + 1, now_s)
        if temperature_c <= thermal.resume_c and self.steps > 0:
            return Shedding(self.steps - 1, now_s)
        return self

    def share(self, thermal: Thermal, what: Shed) -> float:
        """The share of a thing that is still done."""
        return next((step.share for step in reversed(thermal.shed[: self.steps]) if step.what == what), 1.0)
