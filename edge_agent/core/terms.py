"""What a company's box may do: the terms that it holds, and the time by which they end.

1. A box that belongs to a company does nothing with its cameras that its terms do not allow; without terms that it
   believes, nothing at all. A box of the city itself has no terms and needs none.
2. Terms end by the latest time that the box has reason to believe: its clock held above the floor, and a `Meter`. The
   meter runs on from the last time that somebody signed, by a clock that cannot be set, and what it has counted is kept
   over restarts. So terms end on a box without a network too, and with a clock that was set back.
3. The box's own clock never moves the meter: one that ran ahead stops the box while it does, and no longer.
"""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal, TypeAlias

from protocol.terms import Ask, Outside, Shown, Terms, Use, outside, standing

NO_ZONE: Final = "unknown_zone"

AtRest: TypeAlias = Literal["tpm", "memory", "accept-risk"]
"""Where an operator lets the hotlist lie (`hotlist.at_rest`)."""


def at_rest(allowed: AtRest, *, is_partner: bool) -> AtRest:
    """Where the hotlist may lie: on a company's disk only under a key that the TPM holds, whatever the settings say."""
    return "tpm" if is_partner and allowed == "accept-risk" else allowed


@dataclass(frozen=True, slots=True)
class Meter:
    """The least that the time can be: what was `counted_ms` at `at_s` of the monotonic clock. `vouched_ms` is the last
    time from others that it has taken up."""

    counted_ms: int
    at_s: float
    vouched_ms: int = 0

    def now_ms(self, now_s: float) -> int:
        """The time, at the least."""
        return self.counted_ms + round(max(0.0, now_s - self.at_s) * 1000)

    def heard(self, vouched_ms: int, now_s: float) -> "Meter":
        """After news from others; what the root has set back (`protocol.clock`) is set back here too."""
        if vouched_ms == self.vouched_ms:
            return self
        is_set_back = vouched_ms < self.vouched_ms
        counted_ms = vouched_ms if is_set_back else max(vouched_ms, self.now_ms(now_s))
        return Meter(counted_ms, now_s, vouched_ms)


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose box this is, at which point, and the terms that it believes, with the rules of their time zone."""

    point: str
    is_partner: bool = False
    terms: Terms | None = None
    zone: tzinfo | None = None

    def why_not(self, at_ms: int) -> str | None:
        """Why nothing is allowed at an instant, whatever is asked; None if something may be."""
        if not self.is_partner:
            return None
        if self.terms is None:
            return Outside.NO_TERMS.value
        if self.zone is None:
            return NO_ZONE
        found = standing(self.terms, self.point, at_ms)
        return found.value if found else None

    def allows(self, ask: Ask) -> bool:
        """Whether something is allowed."""
        if not self.is_partner:
            return True
        if self.terms is None or self.zone is None:
            return False
        return outside(self.terms, self.zone, self.point, ask) is None

    def may_hold_list(self, at_ms: int) -> bool:
        """Whether the box may know whom to look for."""
        if not self.is_partner:
            return True
        return self.why_not(at_ms) is None and self.terms is not None and Use.HIT in self.terms.uses

    def shows(self, what: Shown) -> bool:
        """Whether whoever stands at the box, in a company's cellar say, may be shown this."""
        return not self.is_partner or (self.terms is not None and what in self.terms.shown)
