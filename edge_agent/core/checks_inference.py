"""What the models run on, how fast, and whether that carries the cameras that are asked for.

Rules
- A device that the settings ask for and the runtime does not have fails: the agent would not start. One that the
  profile is meant for and that is missing warns, with what the fallback carries.
- A box much slower than its profile's figure warns; it fails when the cameras' frames do not fit into the time.
- While an agent runs, its own count of frames that it was too busy for says whether they fit: timing beside it measures
  the two of them together.
- More cameras or frames than the profile allows warn: that is a limit of heat, which shows in July.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.profiles import Profile

SLOW: Final = 2.0
"""Times as slow as the profile's figure before it is said."""
FULL_SHARE, BUSY_SHARE = 1.0, 0.7
MANY_DROPPED, SOME_DROPPED = 0.2, 0.02
READ_SHARE: Final = 0.1
"""Looks at plates for each frame searched, as a street has them."""


@dataclass(frozen=True, slots=True)
class ModelTimes:
    """Milliseconds of one 1080p picture searched for plates, and of one look at a plate."""

    plate_ms: float
    read_ms: float

    def frame_ms(self) -> float:
        """What a frame costs, its share of looks included; the face count is rare and left out."""
        return self.plate_ms + READ_SHARE * self.read_ms


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask for. `frames_per_s` has one number for each camera."""

    stack: str
    device: str
    precision: str
    workers: int
    frames_per_s: tuple[float, ...]


def check_devices(devices: Sequence[str], wanted: Wanted, profile: Profile) -> tuple[Check, ...]:
    """Whether the device asked for is there, and the one that the profile is meant for."""
    value = ", ".join(devices) or "-"
    if not _has(devices, wanted.device):
        asked = failed("inference-device", value, "doctor-device-missing", device=wanted.device, have=value)
    else:
        asked = passed("inference-device", f"{wanted.device} {wanted.precision}")
    meant, fallback = profile.inference.device, profile.inference.fallback
    if meant == wanted.device or fallback is None:
        return (asked,)
    message = "doctor-device-unused" if _has(devices, meant) else "doctor-device-fallback"
    return asked, warned("profile-device", value, message, device=meant, cameras=fallback.cameras)


def check_speed(
    times: ModelTimes, wanted: Wanted, profile: Profile, *, dropped: float | None = None
) -> tuple[Check, ...]:
    """The time measured against the profile's figure and against what is asked of the box.

    `dropped` is the share of due frames that a running agent dropped.
    """
    load = _load(times, wanted) if dropped is None else _drops(dropped)
    return _speed(times, wanted, profile), load, _allowed(wanted, profile)


def _speed(times: ModelTimes, wanted: Wanted, profile: Profile) -> Check:
    value, figure = f"{times.plate_ms:.1f} ms", profile.inference.plate_ms
    is_meant = (wanted.device, wanted.stack) == (profile.inference.device, profile.inference.stack)
    if is_meant and times.plate_ms > SLOW * figure.value:
        return warned("inference-speed", value, "doctor-inference-slow", wanted_ms=figure.value)
    return passed("inference-speed", value)


def _load(times: ModelTimes, wanted: Wanted) -> Check:
    share = sum(wanted.frames_per_s) * times.frame_ms() / 1000 / max(wanted.workers, 1)
    value = f"{share:.0%}"
    if share > FULL_SHARE:
        return failed("load", value, "doctor-load-too-high", percent=round(share * 100))
    if share > BUSY_SHARE:
        return warned("load", value, "doctor-load-high", percent=round(share * 100))
    return passed("load", value)


def _drops(share: float) -> Check:
    value, percent = f"{share:.1%}", round(share * 100)
    if share > MANY_DROPPED:
        return failed("load", value, "doctor-frames-dropped", percent=percent)
    if share > SOME_DROPPED:
        return warned("load", value, "doctor-frames-dropped", percent=percent)
    return passed("load", value)


def _allowed(wanted: Wanted, profile: Profile) -> Check:
    cameras, rate = len(wanted.frames_per_s), max(wanted.frames_per_s, default=0.0)
    value = f"{cameras} x {rate:g}/s"
    most, most_rate = profile.capacity.cameras.value, profile.capacity.frames_per_s.value
    if cameras > most or rate > most_rate:
        return warned("capacity", value, "doctor-capacity-exceeded", cameras=most, frames_per_s=most_rate)
    return passed("capacity", value)


def _has(devices: Sequence[str], device: str) -> bool:
    """Whether a device is among them; `GPU` is there if `GPU.0` is."""
    return any(each == device or each.startswith(f"{device}.") for each in devices)
