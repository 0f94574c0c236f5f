"""The enrolment drill, as it is typed, with a few boxes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 540


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 30)
def test_nobody_is_half_enrolled_whatever_breaks() -> None:
    argv = [sys.executable, str(ROOT / "scripts" / "enroll_drill.py"), "--devices", "8", "--seed", "5"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    printed = run.stdout + run.stderr
    assert run.returncode == 0, printed
    summary = json.loads(run.stdout.splitlines()[-1])
    assert summary["seconds"] > 0
    assert {key: summary[key] for key in ("devices", "enrolled", "half_enrolled")} == {
        "devices": 8,
        "enrolled": 8,
        "half_enrolled": 0,
    }, printed
