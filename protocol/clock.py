"""The time floor: an instant that the true time cannot be before.

A box may wake in 1970. Its floor is the latest of: the build time of its software, the last time it wrote to disk,
and the times that others signed (`vouched`: in verified receipts, manifests, trust bundles). Below the floor the
floor is used, and every message stamped so is marked.

A clock that ran ahead must not poison the floor for good, whoever's it was:

- The box's own clock: what it wrote counts up to `MAX_OWN_STEP` past what others said; a claim beyond that is not
  believed at all (a jump to 2099 leaves no trace after a restart), and the first news from others ends any claim.
- A server's clock: the caller raises the floor only by a time within the dates of the grant that signed it.
- The root outranks both: a trust bundle of a higher number sets the floor anew, even lower (`reset`). Its number
  cannot be replayed, so nobody else can bring the floor down.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol.messages import Clock

# How far past the last time that somebody else signed a box's own clock is believed: longer than links stay down,
# shorter than lists and grants last.
MAX_OWN_STEP: Final = timedelta(days=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeFloor:
    """`floor` holds for stamping; `vouched` is the latest time that another party signed. Both are to be kept."""

    floor: datetime
    vouched: datetime

    @classmethod
    def at_start(cls, build: datetime, persisted: datetime | None, vouched: datetime | None) -> "TimeFloor":
        """The floor of a box that has just started."""
        said = max(build, vouched or build)
        own = persisted if persisted and persisted <= said + MAX_OWN_STEP else said
        return cls(max(said, own), said)

    def raised(self, vouched: datetime) -> "TimeFloor":
        """After a receipt or manifest whose signature held. News from others replaces what the box's clock claimed."""
        return self if vouched <= self.vouched else TimeFloor(vouched, vouched)

    def reset(self, build: datetime, root_said: datetime) -> "TimeFloor":
        """After the root signed a bundle of a higher number: the floor starts anew from its time."""
        said = max(build, root_said)
        return TimeFloor(said, said)

    def stamp(self, now: datetime) -> tuple[datetime, Clock]:
        """The time to write in a message made now."""
        if now < self.floor:
            return self.floor, Clock.BELOW_FLOOR
        return now, Clock.GOOD


def to_ms(when: datetime) -> int:
    """Milliseconds since 1970, as the wire has them, rounded down. The datetime must be aware."""
    return (when - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """An aware UTC datetime from the wire's milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)
