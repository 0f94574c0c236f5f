"""Which settings a box can carry, chosen from what was measured on it.

Rules
- What was measured is how many frames a second all sets of models search together (`Trial`), and the processor time
  that decoding one frame takes. Decoding comes first, for a camera's frames are all decoded, looked at or not; of what
  is left a quarter stays free, for reading, pictures and a summer afternoon.
- No more threads, cameras or frames a second than the profile allows: those are limits of heat, which a minute's
  measuring does not see.
- Among trials that reach the profile's frames the one nearest to the reference wins: `f32` before others, then fewer
  threads. If none reaches them, the fastest wins.
- The full input size is kept as long as a camera gets `LEAST_PER_S`, as a smaller one loses far plates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.core.profiles import Profile

FREE_SHARE: Final = 0.25
LEAST_PER_S: Final = 4.0
"""A car at 60 km/h crosses a camera's ten metres in 0.6 s: two looks at it."""
CAMERA_SENDS_PER_S: Final = 15.0
REFERENCE: Final = "f32"
STEP_PER_S: Final = 0.5
PROCESSOR: Final = "CPU"


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to run the models."""

    device: str
    precision: str
    workers: int
    threads: int
    plate_side_px: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A way and what was measured of it: frames a second that all its sets search together."""

    setup: Setup
    frames_per_s: float


@dataclass(frozen=True, slots=True)
class Site:
    """What the box has to do: its cameras, its cores, and the cost of decoding a frame."""

    cameras: int
    cores: int
    decode_ms: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen, and the frames a second that each camera gets with it."""

    setup: Setup
    frames_per_s: float
    is_limited_by_profile: bool


def setups(
    profile: Profile, offered: Sequence[tuple[str, str]], *, cores: int, cameras: int, plate_side_px: int
) -> tuple[Setup, ...]:
    """Ways worth measuring: each device and precision, as one set with all threads, and as a set for each thread."""
    threads = max(1, min(cores, profile.inference.threads))
    found = []
    for device, precision in offered:
        if device == PROCESSOR:
            many = max(1, min(threads, cameras))
            splits = sorted({(1, 1), (1, threads), (many, max(1, threads // many))})
        else:
            splits = [(1, 1)]
        found += [Setup(device, precision, workers, each, plate_side_px) for workers, each in splits]
    return tuple(found)


def per_camera(trial: Trial, site: Site) -> float:
    """Frames a second that each camera would get, in steps, before the profile's limit."""
    cores_left = site.cores - decoding_cores(site)
    share = max(0.0, cores_left / site.cores) if trial.setup.device == PROCESSOR else float(cores_left > 0)
    each = trial.frames_per_s * share * (1 - FREE_SHARE) / max(site.cameras, 1)
    return each // STEP_PER_S * STEP_PER_S


def decoding_cores(site: Site) -> float:
    """Cores that decoding takes."""
    return site.cameras * CAMERA_SENDS_PER_S * site.decode_ms / 1000


def choose(trials: Sequence[Trial], profile: Profile, site: Site) -> Plan:
    """The plan for this box; raises `ValueError` without trials."""
    most = profile.capacity.frames_per_s.value
    enough = [trial for trial in trials if per_camera(trial, site) >= most]
    if enough:
        best = min(enough, key=_distance_from_reference)
        return Plan(best.setup, most, is_limited_by_profile=True)
    best = max(trials, key=lambda trial: trial.frames_per_s)
    return Plan(best.setup, max(per_camera(best, site), STEP_PER_S), is_limited_by_profile=False)


def is_enough(plan: Plan) -> bool:
    """Whether a plan may keep its input size."""
    return plan.frames_per_s >= LEAST_PER_S


def _distance_from_reference(trial: Trial) -> tuple[bool, int, float]:
    setup = trial.setup
    return setup.precision != REFERENCE, setup.workers * setup.threads, -trial.frames_per_s
