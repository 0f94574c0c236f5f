"""The benchmark of the questions fills a small state, asks, and finds every answer right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_queries.py"


@pytest.mark.slow
def test_a_small_state_is_filled_asked_and_answers_as_its_minutes_do() -> None:
    argv = [sys.executable, str(SCRIPT), "--rows", "20000", "--days", "3"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == ["rows", "p50_ms", "p95_ms", "adhoc_p95_ms", "bytes_per_row", "wrong"]
    assert figures["rows"] == 20_000 // 1_287 * 1_287
    assert figures["wrong"] == 0
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]
