"""The drills themselves: a quick one of each kind, as they are typed, on the real programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulators.agent_place import MODELS

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 540


def drill(*options: str) -> tuple[int, dict[str, int], str]:
    """Run the drill; its exit code, its last line, and all that it printed."""
    if not (MODELS / "manifest.json").exists():
        pytest.skip("`make models` fetches them")
    argv = [sys.executable, str(ROOT / "scripts" / "fault_drill.py"), *options]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    printed = run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert lines, printed
    return run.returncode, json.loads(lines[-1]), printed


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 30)
def test_no_hit_is_lost_or_doubled_by_a_few_kills() -> None:
    code, summary, printed = drill("--kills", "2", "--seed", "5")
    assert code == 0, printed
    assert summary["expected"] > 0
    assert (summary["lost"], summary["duplicates"]) == (0, 0)


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 30)
@pytest.mark.skipif(os.geteuid() != 0, reason="filling a disk takes root, to mount a small one")
def test_every_claim_holds_on_a_full_disk_and_a_short_queue() -> None:
    code, summary, printed = drill("--faults", "box-disk-full,broker-queue-overflow", "--seed", "5")
    assert code == 0, printed
    assert summary["faults"] == 2
    assert summary["claims_held"] == 6
    assert summary["stored"] == summary["expected"] > 0


def test_a_fault_that_does_not_exist_is_named_with_those_that_do() -> None:
    argv = [sys.executable, str(ROOT / "scripts" / "fault_drill.py"), "--faults", "earthquake"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "earthquake" in run.stderr
    assert "bad-links" in run.stderr
