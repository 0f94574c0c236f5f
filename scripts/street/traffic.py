"""Traffic: who drives in which lane, and where everybody is at an instant.

Two lanes. Those who approach come down the left one, slow for the speed bump and pass the camera; those who leave
come from behind it, slow for the bump and gather speed. Everybody crosses the bump, which is where plates are
readable, at `_SLOW_M_S`; elsewhere speed grows with the distance from the bump, so a place is a closed
form of time. Vehicles of a lane follow at `HEADWAY_S`, long ones with more room, so that every plate
is in the open while it is large enough to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from random import Random

from .plates import Plate, PlateClass, draw_plates

HEADWAY_S = 3.9
FIRST_READABLE_S = 0.5
LANE_M = 1.25
READABLE_FROM_M, READABLE_TO_M = 12.0, 8.3
_SLOW_M_S = 2.0
_CROSSING_S = (READABLE_FROM_M - READABLE_TO_M) / _SLOW_M_S
_GAIN_FAR_PER_S, _GAIN_NEAR_PER_S = 0.33, 1.0
_NEAR_M, _FAR_M = -12.0, 52.0
# A motorcycle's plate is smaller: it is readable nearer, and from the middle of the road.
_CLOSER_M = {PlateClass.MOTORCYCLE: 2.1}
_LANE_OF = {PlateClass.MOTORCYCLE: 0.8}
_LONG_EXTRA_S = {PlateClass.FEDERAL: 0.9, PlateClass.BUS: 1.1}
_MIX = (
    PlateClass.PRIVATE, PlateClass.TAXI, PlateClass.PRIVATE_CDMX, PlateClass.TRUCK, PlateClass.PRIVATE,
    PlateClass.PRIVATE_OLD, PlateClass.FEDERAL, PlateClass.PRIVATE, PlateClass.MOTORCYCLE, PlateClass.TRUCK,
    PlateClass.PRIVATE, PlateClass.BUS,
)  # fmt: skip
_WANTED_EVERY = 3


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle's way through the picture; it reaches the stretch where plates are readable at `bump_at_s`."""

    plate: Plate
    is_approaching: bool
    is_on_hotlist: bool
    bump_at_s: float
    lane_x_m: float

    def depth_at(self, at_s: float) -> float | None:
        """Distance of the near end in metres, or None when the vehicle is not in the street."""
        since = at_s - self.bump_at_s
        depth = _depth(_CROSSING_S - since if self.is_approaching else since)
        depth -= _CLOSER_M.get(self.plate.plate_class, 0.0)
        return depth if _NEAR_M < depth < _FAR_M else None


@dataclass(frozen=True, slots=True)
class Wish:
    """A vehicle asked for by a test: its plate, whether it is wanted, and the lane."""

    plate: Plate
    is_on_hotlist: bool = False
    is_approaching: bool = True


def plan_traffic(seconds: float, seed: int, wishes: Sequence[Wish] | None = None) -> list[Passage]:
    """Passages that are readable within the video; the wishes in order, or a mix drawn from the seed."""
    rng = Random(seed)
    slots = _slots(seconds, rng, wishes)
    if wishes is not None and len(slots) < len(wishes):
        raise ValueError(f"{seconds:g} s of video hold {len(slots)} of {len(wishes)} vehicles: ask for more seconds")
    return slots


def _slots(seconds: float, rng: Random, wishes: Sequence[Wish] | None) -> list[Passage]:
    queue = list(wishes) if wishes is not None else _drawn(seconds, rng)
    free_at = {True: FIRST_READABLE_S, False: FIRST_READABLE_S + HEADWAY_S * 0.45}
    passages = []
    for wish in queue:
        room = _LONG_EXTRA_S.get(wish.plate.plate_class, 0.0)
        before, after = (0.0, room) if wish.is_approaching else (room, 0.0)
        at = free_at[wish.is_approaching] + before
        if at + _CROSSING_S > seconds:
            if wishes is None:
                continue
            break
        offset = _LANE_OF.get(wish.plate.plate_class, LANE_M) + rng.uniform(-0.06, 0.06)
        lane = -offset if wish.is_approaching else offset
        passages.append(Passage(wish.plate, wish.is_approaching, wish.is_on_hotlist, at, lane))
        free_at[wish.is_approaching] = at + HEADWAY_S + after
    return passages


def _drawn(seconds: float, rng: Random) -> list[Wish]:
    """More than enough vehicles of all classes, every third one wanted."""
    count = int(2 * seconds / HEADWAY_S) + 2
    start = rng.randrange(len(_MIX))
    classes = [_MIX[(start + i) % len(_MIX)] for i in range(count)]
    approaching = True
    wishes = []
    for i, plate in enumerate(draw_plates(classes, rng)):
        leaves = plate.plate_class is PlateClass.MOTORCYCLE or not approaching
        wishes.append(Wish(plate, i % _WANTED_EVERY == 0, is_approaching=not leaves))
        approaching = leaves
    return wishes


def _depth(since_near_s: float) -> float:
    """Distance by time, counted outwards from the near edge of the bump."""
    if since_near_s < 0:
        return READABLE_TO_M - _gathering(-since_near_s, _GAIN_NEAR_PER_S)
    if since_near_s > _CROSSING_S:
        return READABLE_FROM_M + _gathering(since_near_s - _CROSSING_S, _GAIN_FAR_PER_S)
    return READABLE_TO_M + _SLOW_M_S * since_near_s


def _gathering(for_s: float, gain_per_s: float) -> float:
    """Metres driven from the bump when speed grows by `gain_per_s` of the distance."""
    return _SLOW_M_S / gain_per_s * (exp(min(gain_per_s * for_s, 9.0)) - 1)
