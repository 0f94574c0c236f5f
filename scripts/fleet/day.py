"""How busy the street is over the day, and what a point sees of it.

The curve is that of an arterial road on a working day: nearly nothing at three, peaks at eight and at six, a plateau
between. At the peak a camera sees `PEAK_VEHICLES` an hour. Of each hundred vehicles 93 are read, of a million reads so
many are wanted as the caller says. All of it is drawn from a generator that the caller seeds.
"""

from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Final

from protocol.messages import CameraMinute, CameraState

PEAK_VEHICLES: Final = 620
READ_SHARE: Final = 0.93
FACES_A_VEHICLE: Final = 0.4
# Traffic of each hour beside the peak's.
_CURVE: Final = (
    *(0.14, 0.09, 0.06, 0.05, 0.07, 0.18, 0.46, 0.88, 1.00, 0.82, 0.72, 0.74),
    *(0.80, 0.86, 0.88, 0.84, 0.88, 0.96, 1.00, 0.86, 0.66, 0.48, 0.33, 0.21),
)
_HOURS: Final = len(_CURVE)
_FRAMES_A_SECOND: Final = 15
_HOUR_S: Final = 3600.0


def share_at(hour: float) -> float:
    """Traffic beside the peak's at an hour of the day; between two hours it changes evenly."""
    before = int(hour)
    rest = hour - before
    return _CURVE[before % _HOURS] * (1 - rest) + _CURVE[(before + 1) % _HOURS] * rest


@dataclass(frozen=True, slots=True)
class Day:
    """Which hour it is: `begins_at` when the clock reads `started_s`, and then `speed` times as fast as the clock."""

    begins_at: float = 8.0
    speed: float = 1.0
    started_s: float = 0.0

    def hour(self, now_s: float) -> float:
        """The hour of the simulated day, 0 up to 24."""
        return (self.begins_at + (now_s - self.started_s) * self.speed / _HOUR_S) % _HOURS


@dataclass(frozen=True, slots=True)
class Street:
    """What passes a point."""

    cameras: tuple[str, ...]
    wanted_per_million: float
    day: Day
    rng: Random

    def next_wanted_s(self, now_s: float) -> float:
        """Seconds until the next wanted vehicle is read, at the traffic of now."""
        reads = share_at(self.day.hour(now_s)) * PEAK_VEHICLES * READ_SHARE * len(self.cameras) / _HOUR_S
        rate = reads * self.wanted_per_million / 1e6
        return self.rng.expovariate(rate) if rate > 0 else _HOUR_S

    def counted(self, now_s: float, seconds: float, hits: dict[str, int]) -> tuple[CameraMinute, ...]:
        """The counts of each camera over the seconds up to now; `hits` are those that were sent."""
        mean = share_at(self.day.hour(now_s)) * PEAK_VEHICLES * seconds / _HOUR_S
        return tuple(self._camera(camera, mean, seconds, hits.get(camera, 0)) for camera in self.cameras)

    def _camera(self, camera: str, mean: float, seconds: float, hits: int) -> CameraMinute:
        vehicles = max(round(self.rng.gauss(mean, sqrt(mean))), hits)
        reads = max(round(vehicles * READ_SHARE), hits)
        frames = round(seconds * _FRAMES_A_SECOND)
        return CameraMinute(
            camera=camera, state=CameraState.LIVE, frames_in=frames, frames_processed=frames * 2 // 3,
            sampled_out=frames - frames * 2 // 3, vehicles=vehicles, reads=reads, unreadable=vehicles - reads,
            hits=hits, faces=round(vehicles * FACES_A_VEHICLE), frames_face_counted=round(seconds / 2),
            detect_us=18_400, read_us=4_100, live_ms=round(seconds * 1000),
        )  # fmt: skip
