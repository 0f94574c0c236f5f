"""The benchmark of exports, small: it fills, exports, reads back what it wrote, and ends in its line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_export.py"


@pytest.mark.slow
def test_the_last_line_says_what_each_format_took() -> None:
    argv = [sys.executable, str(SCRIPT), "--rows", "3000", "--rounds", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=110)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == 3000 // 1287 * 1287
    assert all(told[what]["s"] > 0 for what in ("bare", "view", "csv", "jsonl", "parquet"))
    assert told["bare"]["ratio"] == 1
