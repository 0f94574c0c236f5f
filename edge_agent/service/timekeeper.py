"""The box's time: its wall clock, held above the floor that `protocol.clock` gives."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from edge_agent.adapters.outbox import KeptTime, Stamp
from protocol.clock import TimeFloor, from_ms, to_ms
from protocol.messages import Clock

BUILD_TIME: Final = datetime(2026, 11, 22, tzinfo=UTC)
"""The true time cannot be before this; raised with each release."""

WallClock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Timekeeper:
    """One per agent. A receipt's or manifest's verified time raises the floor."""

    def __init__(self, kept: KeptTime, wall_clock: WallClock = utc_now, *, root_said_ms: int = 0) -> None:
        """Start from what the outbox kept of the last run, and from the time in the trust bundle."""
        self._wall_clock = wall_clock
        self._floor = TimeFloor.at_start(BUILD_TIME, _known(kept.floor_ms), _known(max(kept.vouched_ms, root_said_ms)))
        self._offset_ms: int | None = None

    def now(self) -> datetime:
        """The time to write down."""
        return self._floor.stamp(self._wall_clock())[0]

    def now_ms(self) -> int:
        """The time to write down, as the wire has it."""
        return to_ms(self.now())

    def stamp(self) -> Stamp:
        """The time to write in a message, and what is known of the clock."""
        now, clock = self._floor.stamp(self._wall_clock())
        return Stamp(to_ms(now), clock)

    @property
    def is_clock_good(self) -> bool:
        """Whether the wall clock is at or above the floor."""
        return self.stamp().clock is Clock.GOOD

    @property
    def offset_ms(self) -> int | None:
        """Wall clock minus the time in the last receipt when it came; None before the first. Includes the way."""
        return self._offset_ms

    def vouch(self, ms: int) -> None:
        """A time that somebody whose signature held wrote down, now or some time ago."""
        self._floor = self._floor.raised(from_ms(ms))

    def hear(self, ms: int) -> None:
        """A time that somebody whose signature held wrote down just now."""
        self.vouch(ms)
        self._offset_ms = to_ms(self._wall_clock()) - ms

    def reset(self, ms: int) -> None:
        """The root itself wrote down this time, in a newer bundle: the floor starts anew, even lower."""
        self._floor = self._floor.reset(BUILD_TIME, from_ms(ms))

    def kept(self) -> KeptTime:
        """The floor as it is to be kept."""
        return KeptTime(to_ms(self._floor.floor), to_ms(self._floor.vouched))


def _known(ms: int) -> datetime | None:
    return from_ms(ms) if ms else None
