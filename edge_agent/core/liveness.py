"""Whether a camera is live: states of a stream, the rules of a stall, and the pace of reconnecting.

States
- `connecting`: no picture yet, or the connection was lost and is being made again;
- `live`: connected, and new pictures keep coming;
- `stalled`: connected (as far as anybody can tell), but nothing new comes. Either the stream is *silent*: no frame for
  `silent_after_s`; or it is *frozen*: frames come, but time stamps stand still or the pictures are identical to the
  last bit for `frozen_after_s`, which no sensor's noise allows. A stall ends with two new pictures close together, or
  when a connection fails outright (then `connecting`). One picture is not enough: a decoder that gives up
  waiting hands out the picture it had held back, which is old;
- `ended`: a file has been played, a source cannot be used, or the capture was closed.

What is not `live` is never shown as live: the last picture of a stalled camera is not news.

Reconnecting waits `first_s`, doubled with each failure up to `most_s`, of which the upper half is drawn at random so
that the cameras of a street do not come back in step after a power cut. Failures are forgotten once a
connection has held for `healthy_after_s`; one that breaks at once goes on waiting longer.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from protocol.messages import CameraState

MOST_DOUBLINGS: Final = 16


class Phase(Enum):
    """What the reader of a stream is doing."""

    CONNECTING = "connecting"
    READING = "reading"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StallRule:
    """How long nothing new may come."""

    silent_after_s: float = 3.0
    frozen_after_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """What was last seen of a stream, in seconds of the monotonic clock; None before the first picture.

    `mark` is anything that changes with the picture and its time stamp: equal marks are the same picture again.
    """

    frame_at_s: float | None = None
    change_at_s: float | None = None
    mark: tuple[int, int] | None = None
    is_stalled: bool = False

    def beat(self, at_s: float, mark: tuple[int, int], rule: StallRule) -> "Pulse":
        """Note a frame; only one whose picture and time stamp both differ from the last is news.

        The first news after a stall does not end it; the next one, if it comes in time, does.
        """
        is_new = self.mark is None or (mark[0] != self.mark[0] and mark[1] != self.mark[1])
        if not is_new:
            return replace(self, frame_at_s=at_s)
        is_first_after_stall = is_silent(self, rule, at_s) or is_frozen(self, rule, at_s)
        return Pulse(at_s, at_s, mark, is_stalled=is_first_after_stall)

    def stalled(self) -> "Pulse":
        """Note that the reader gave a silent or frozen stream up."""
        return replace(self, is_stalled=True)

    def lost(self) -> "Pulse":
        """Note that the connection is gone for certain, so that this is no stall but a reconnect."""
        return Pulse()


def is_silent(pulse: Pulse, rule: StallRule, now_s: float) -> bool:
    """Whether no frame came for too long."""
    return pulse.frame_at_s is not None and now_s - pulse.frame_at_s > rule.silent_after_s


def is_frozen(pulse: Pulse, rule: StallRule, now_s: float) -> bool:
    """Whether frames come, and are the same picture for too long."""
    return pulse.change_at_s is not None and now_s - pulse.change_at_s > rule.frozen_after_s


def state_of(phase: Phase, pulse: Pulse, rule: StallRule, now_s: float) -> CameraState:
    """Return the state to report at an instant."""
    if phase is Phase.ENDED:
        return CameraState.ENDED
    if pulse.is_stalled or is_silent(pulse, rule, now_s) or is_frozen(pulse, rule, now_s):
        return CameraState.STALLED
    if phase is Phase.CONNECTING or pulse.frame_at_s is None:
        return CameraState.CONNECTING
    return CameraState.LIVE


@dataclass(frozen=True, slots=True)
class ReconnectPace:
    """How long to wait before trying again."""

    first_s: float = 0.5
    most_s: float = 30.0
    healthy_after_s: float = 10.0

    def delay_s(self, failures: int, roll: float) -> float:
        """Return the wait after so many failures in a row (1 or more); `roll` is random in 0..1."""
        whole = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, MOST_DOUBLINGS))
        return whole * (0.5 + 0.5 * roll)

    def failures_after(self, failures: int, held_s: float) -> int:
        """Count one more failure; after a connection that held long enough, count anew."""
        return 1 if held_s >= self.healthy_after_s else failures + 1
