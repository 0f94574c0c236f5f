"""A look at a stream: figures from arrivals, verdicts from figures."""

from dataclasses import replace
from typing import Any

import pytest

from edge_agent.core.camera_probe import Arrival, StreamFigures, checks_of, figures_of
from edge_agent.core.checks import Verdict, worst


def arrivals(rate: float, seconds: float, *, burst: int = 0, without: frozenset[int] = frozenset()) -> list[Arrival]:
    """Frames at a rate; the first `burst` come at once, as from a camera's buffer."""
    return [Arrival(max(0, n - burst) / rate, n / rate) for n in range(int(rate * seconds)) if n not in without]


def look(frames: list[Arrival], *, damaged: int = 0) -> StreamFigures:
    return figures_of(frames, codec="h264", size=(1920, 1080), first_frame_ms=400, damaged=damaged)


def test_the_rate_is_that_of_arrivals_without_the_first_seconds_burst() -> None:
    found = look(arrivals(10, 8, burst=20))
    assert found.frames_per_s == pytest.approx(10, abs=0.3)
    assert (found.dropped, found.damaged) == (0, 0)


def test_gaps_in_the_streams_own_time_are_frames_that_are_missing() -> None:
    found = look(arrivals(10, 8, without=frozenset({30, 50, 51, 52})))
    assert found.dropped == 4
    assert found.longest_gap_ms == 400
    assert found.lost_share == pytest.approx(4 / 70, abs=0.01)


def test_one_frame_is_enough_for_figures() -> None:
    found = look([Arrival(5.0, None)])
    assert (found.frames, found.frames_per_s, found.dropped) == (1, 0.0, 0)


def test_a_good_stream_passes_everything() -> None:
    checks = checks_of("cam-1", look(arrivals(12, 6)), wanted_per_s=10, clock_offset_s=0.4)
    assert worst(checks) is Verdict.PASS
    assert {check.camera for check in checks} == {"cam-1"}
    assert all(check.remedy is None for check in checks)


@pytest.mark.parametrize(
    ("frames", "changes", "offset_s", "name", "verdict"),
    [
        (arrivals(4, 6), {}, None, "camera_rate", Verdict.FAIL),
        (arrivals(8, 6), {}, None, "camera_rate", Verdict.WARN),
        (arrivals(10, 6, without=frozenset(range(20, 55, 3))), {}, None, "camera_drops", Verdict.FAIL),
        (arrivals(10, 6, without=frozenset({30})), {}, None, "camera_drops", Verdict.WARN),
        (arrivals(10, 6), {"codec": "mjpeg"}, None, "camera_format", Verdict.WARN),
        (arrivals(10, 6), {"width_px": 640}, None, "camera_format", Verdict.WARN),
        (arrivals(10, 6), {"first_frame_ms": 4000}, None, "camera_first_frame", Verdict.WARN),
        (arrivals(10, 6), {}, -3600.0, "camera_clock", Verdict.WARN),
    ],
)
def test_what_is_not_well_is_told_with_a_remedy(
    frames: list[Arrival],
    changes: dict[str, Any],  # `Any`: figures of any type
    offset_s: float | None,
    name: str,
    verdict: Verdict,
) -> None:
    checks = checks_of("cam-1", replace(look(frames), **changes), wanted_per_s=10, clock_offset_s=offset_s)
    (check,) = [check for check in checks if check.name == name]
    assert check.verdict is verdict
    assert check.remedy is not None
