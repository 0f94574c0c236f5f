"""The benchmark of the ingest runs, and ends with the figures that `make bench` gathers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_ingest.py"


def last_line(*arguments: str) -> dict[str, Any]:
    """Run the script; the JSON object at its end, whose shape the test knows."""
    argv = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.slow
def test_events_are_published_stored_receipted_and_measured() -> None:
    figures = last_line("--events", "400", "--boxes", "3", "--paced-s", "1")
    assert list(figures) == ["events_per_s", "ceiling_per_s", "ratio", "cpu_us_per_event"]
    assert figures["events_per_s"] > 0
    assert figures["ratio"] > 0
    assert figures["cpu_us_per_event"] > 0


@pytest.mark.slow
def test_a_scaled_backlog_says_that_it_is_scaled() -> None:
    figures = last_line("--backlog", "sample", "--events", "300", "--boxes", "3")
    assert (figures["drained"], figures["day_messages"], figures["is_scaled_up"]) == (300, 4_320, True)
    assert figures["day_minutes"] > 0
