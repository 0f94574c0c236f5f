"""The benchmark of matching runs, and ends with the figures that `make bench` gathers."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_match.py"


def test_the_last_line_holds_the_figures() -> None:
    argv = [sys.executable, str(SCRIPT), "--entries", "500", "--reads", "200"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["entries"], figures["reads"]) == (500, 200)
    assert figures["matched"] >= 40
    assert 0 < figures["p50_us"] <= figures["p99_us"] <= figures["max_us"]
    assert {"build_s", "memory_mb", "reference_p50_us", "reference_p99_us", "ratio_p50"} <= figures.keys()
