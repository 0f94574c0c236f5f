"""The scripts that bring up a whole state: the fleet simulator, the benchmark of the federation, the demonstration."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LIMIT_S = 280

pytestmark = pytest.mark.slow


def last_line(script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Run a script; the JSON object at its end, whose shape the test knows."""
    argv = [sys.executable, str(SCRIPTS / script), *arguments]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=LIMIT_S, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.timeout(300)
def test_a_fleet_lives_through_an_outage_and_a_storm_and_nothing_is_lost() -> None:
    figures = last_line(
        "simulate_fleet.py", "--alone", "--cities", "2", "--points", "6", "--cameras", "20", "--seconds", "6",
        "--report-s", "1", "--entries", "5", "--wanted-per-million", "200000", "--outages", "1", "--storms", "1",
    )  # fmt: skip
    assert (figures["cities"], figures["boxes"], figures["cameras"]) == (2, 6, 20)
    assert (figures["lost"], figures["duplicates"], figures["refused"]) == (0, 0, 0)
    assert figures["messages"] > 12
    assert figures["hits"] > 0
    assert len(figures["storm_s"]) == 1
    assert set(figures["cpu_us_per_event"]) == {"aggregator", "broker", "database", "fleet"}


@pytest.mark.timeout(300)
def test_what_is_approved_in_a_storm_is_armed_by_every_box_by_delta() -> None:
    figures = last_line(
        "simulate_fleet.py", "--alone", "--cities", "2", "--points", "6", "--seconds", "6", "--report-s", "1",
        "--hotlist", "60", "--outages", "0", "--storms", "2",
    )  # fmt: skip
    assert (figures["lost"], figures["duplicates"], figures["refused"]) == (0, 0, 0)
    assert len(figures["spreads"]) == len(figures["storm_s"]) == 2
    for spread in figures["spreads"]:
        assert (spread["boxes"], spread["by_delta"], spread["whole"], spread["without_network"]) == (6, 6, 0, 0)
        assert 0 < spread["armed_s_p50"] <= spread["armed_s_last"]
        assert spread["approved_s"] > 0
        assert set(spread["cpu_s"]) == {"aggregator", "broker", "database", "fleet", "officers"}


@pytest.mark.parametrize(
    ("command", "points", "why"),
    [
        ("simulate_fleet.py --hotlist 200001", "", "200000 at most"),
        ("simulate_fleet.py --cities 12", "", "want 1 to 11"),
        ("simulate_fleet.py --entries 0", "", "--entries a vehicle at least"),
        ("bench_federation.py --cities 1", "", "two cities at least"),
        ("bench_delta.py --entries 30 --rounds 30", "", "more entries than rounds"),
        ("demo_state.py", "forty", "want a number of points"),
        ("demo_state.py", "2", "a point for each city"),
    ],
)
def test_what_cannot_be_is_refused_on_stderr_before_anything_is_founded(command: str, points: str, why: str) -> None:
    script, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        capture_output=True, text=True, check=False, timeout=LIMIT_S, env={**os.environ, "DEMO_POINTS": points},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(300)
def test_the_federation_is_measured_to_its_last_line() -> None:
    figures = last_line(
        "bench_federation.py", "--cities", "2", "--points", "4", "--entries", "2", "--listed", "5", "--hits", "4",
        "--backlog", "200",
    )  # fmt: skip
    assert list(figures) == [
        "arm_ms_p99", "cross_city_alert_ms_p99", "backlog_messages", "drain_s", "live_ms_p99_during_drain",
        "lost", "duplicates",
    ]  # fmt: skip
    assert figures["backlog_messages"] == 200
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    assert all(value is not None and value >= 0 for value in figures.values())


@pytest.mark.timeout(300)
def test_the_demonstration_of_a_state_holds_every_claim() -> None:
    figures = last_line("demo_state.py", DEMO_POINTS="6")
    assert figures["claims_broken"] == 0
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    assert figures["messages"] == figures["at_region"]
