"""The time floor: an instant that the true time cannot be before.

A box may wake in 1970. Its floor is the latest of: the build time of its software, the last time it wrote to disk,
and the times in the last verified receipt and manifest. Below the floor the floor is used, and every message stamped
so is marked. The floor only rises, and only by times that were verified: a clock that runs ahead does not
raise it for good, since a box's own clock counts only up to a bounded step past what others said.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol.messages import Clock

# How far a box's own clock may carry the persisted floor past the last time that somebody else signed.
MAX_OWN_STEP: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class TimeFloor:
    """`floor` holds for stamping; `vouched` is the latest time that another party signed."""

    floor: datetime
    vouched: datetime

    @classmethod
    def at_start(cls, build: datetime, persisted: datetime | None, vouched: datetime | None) -> "TimeFloor":
        """The floor of a box that has just started."""
        said = max(build, vouched or build)
        own = min(persisted or build, said + MAX_OWN_STEP)
        return cls(max(said, own), said)

    def raised(self, vouched: datetime) -> "TimeFloor":
        """After a receipt or manifest whose signature held."""
        return replace(self, floor=max(self.floor, vouched), vouched=max(self.vouched, vouched))

    def stamp(self, now: datetime) -> tuple[datetime, Clock]:
        """The time to write in a message made now."""
        if now < self.floor:
            return self.floor, Clock.BELOW_FLOOR
        return now, Clock.GOOD


def to_ms(when: datetime) -> int:
    """Milliseconds since 1970, as the wire has them. The datetime must be aware."""
    return int(when.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """An aware UTC datetime from the wire's milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
