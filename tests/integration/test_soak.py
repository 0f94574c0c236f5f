"""The soak script itself: it measures a real stream and says whether it grew."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_short_soak_reads_a_real_stream_and_ends_with_its_figures() -> None:
    argv = [sys.executable, str(ROOT / "scripts" / "soak_rtsp.py"), "--minutes", "0.3", "--max-growth-mb", "200"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=110, check=False)
    summary = json.loads(run.stdout.splitlines()[-1])
    assert run.returncode == 0, run.stdout + run.stderr
    assert summary["frames"] > 10
    assert summary["always_live"]
    assert summary["fds_end"] <= summary["fds_start"] + 2
