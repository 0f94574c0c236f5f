"""What a short look at a camera's stream says: figures, and checks that a technician can act on.

Frames are counted after the first second, in which a camera may hand out what it had buffered. A frame that is
missing shows as a gap in the stream's own times: twice the usual distance is one missing, three times two. The
thresholds stand here by name; docs/cameras.md gives them.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned

SETTLE_S: Final = 1.0
RATE_FAIL_SHARE: Final = 0.5
RATE_WARN_SHARE: Final = 0.9
DROPS_WARN_SHARE: Final = 0.01
DROPS_FAIL_SHARE: Final = 0.10
FIRST_FRAME_WARN_MS: Final = 3000
SMALL_WIDTH_PX: Final = 1280
CLOCK_WARN_S: Final = 5.0
GOOD_CODECS: Final = frozenset({"h264", "hevc"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame: when it came on our monotonic clock, and its own time, where it has one."""

    at_s: float
    stream_s: float | None


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What was seen. `dropped`: missing by the stream's own times; `damaged`: could not be decoded."""

    codec: str
    width_px: int
    height_px: int
    first_frame_ms: int
    frames: int
    seconds: float
    frames_per_s: float
    dropped: int
    damaged: int
    longest_gap_ms: int

    @property
    def lost_share(self) -> float:
        """Frames that should have been there and were not, or not whole."""
        lost = self.dropped + self.damaged
        return lost / (self.frames + lost) if lost else 0.0


def figures_of(
    arrivals: Sequence[Arrival], *, codec: str, size: tuple[int, int], first_frame_ms: int, damaged: int
) -> StreamFigures:
    """The figures of frames in the order they came; at least one."""
    counted = [each for each in arrivals if each.at_s - arrivals[0].at_s >= SETTLE_S] or list(arrivals)
    span_s = counted[-1].at_s - counted[0].at_s
    gaps_s = [later.at_s - earlier.at_s for earlier, later in pairwise(counted)]
    return StreamFigures(
        codec=codec,
        width_px=size[0],
        height_px=size[1],
        first_frame_ms=first_frame_ms,
        frames=len(counted),
        seconds=round(span_s, 2),
        frames_per_s=round((len(counted) - 1) / span_s, 2) if span_s > 0 else 0.0,
        dropped=_missing(counted),
        damaged=damaged,
        longest_gap_ms=round(max(gaps_s, default=0.0) * 1000),
    )


def _missing(frames: Sequence[Arrival]) -> int:
    times = [each.stream_s for each in frames if each.stream_s is not None]
    steps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    if not steps:
        return 0
    usual = statistics.median(steps)
    return sum(round(step / usual) - 1 for step in steps if step > 1.5 * usual)


def checks_of(camera: str, found: StreamFigures, *, wanted_per_s: float, clock_offset_s: float | None) -> list[Check]:
    """The verdicts on a stream that could be read. `wanted_per_s`: what the settings want looked at."""
    checks = [
        _format(camera, found),
        _rate(camera, found, wanted_per_s),
        _drops(camera, found),
        _first_frame(camera, found),
    ]
    if clock_offset_s is not None:
        checks.append(_clock(camera, clock_offset_s))
    return checks


def _format(camera: str, found: StreamFigures) -> Check:
    name, value = "camera_format", f"{found.codec} {found.width_px}x{found.height_px}"
    if found.codec not in GOOD_CODECS:
        return warned(name, value, "cameras-remedy-codec", camera=camera, codec=found.codec)
    if found.width_px < SMALL_WIDTH_PX:
        return warned(name, value, "cameras-remedy-small", camera=camera, width=found.width_px, least=SMALL_WIDTH_PX)
    return passed(name, value, camera=camera)


def _rate(camera: str, found: StreamFigures, wanted_per_s: float) -> Check:
    name, value, rate = "camera_rate", f"{found.frames_per_s:g} frames/s", found.frames_per_s
    if rate < RATE_FAIL_SHARE * wanted_per_s:
        return failed(name, value, "cameras-remedy-rate", camera=camera, rate=rate, wanted=wanted_per_s)
    if rate < RATE_WARN_SHARE * wanted_per_s:
        return warned(name, value, "cameras-remedy-rate", camera=camera, rate=rate, wanted=wanted_per_s)
    return passed(name, value, camera=camera)


def _drops(camera: str, found: StreamFigures) -> Check:
    name, share = "camera_drops", found.lost_share
    value = f"{found.dropped} dropped, {found.damaged} damaged of {found.frames + found.dropped + found.damaged}"
    if share > DROPS_FAIL_SHARE:
        return failed(name, value, "cameras-remedy-drops", camera=camera, percent=round(share * 100, 1))
    if share > DROPS_WARN_SHARE:
        return warned(name, value, "cameras-remedy-drops", camera=camera, percent=round(share * 100, 1))
    return passed(name, value, camera=camera)


def _first_frame(camera: str, found: StreamFigures) -> Check:
    name, value = "camera_first_frame", f"{found.first_frame_ms} ms"
    if found.first_frame_ms > FIRST_FRAME_WARN_MS:
        return warned(name, value, "cameras-remedy-first-frame", camera=camera, seconds=found.first_frame_ms / 1000)
    return passed(name, value, camera=camera)


def _clock(camera: str, offset_s: float) -> Check:
    name, value = "camera_clock", f"{offset_s:+.0f} s"
    if abs(offset_s) > CLOCK_WARN_S:
        return warned(name, value, "cameras-remedy-clock", camera=camera, seconds=round(offset_s))
    return passed(name, value, camera=camera)
