"""The benchmark of hotlist deltas runs, and ends with the figures that `make bench` gathers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_delta.py"


@pytest.mark.slow
def test_each_change_comes_by_delta_and_the_list_is_that_of_the_reference() -> None:
    sizes = ("--entries", "2000", "--batches", "4", "--rounds", "4", "--boxes", "2", "--reference-every", "2")
    argv = [sys.executable, str(SCRIPT), *sizes]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["entries"], figures["rounds"], figures["boxes"]) == (2000, 4, 2)
    assert (figures["by_delta"], figures["useless_deltas"], figures["wrong"]) == (8, 0, 0)
    assert 0 < figures["delta_bytes"] < figures["whole_bytes"] / 10
    assert 0 < figures["delta_arm_ms_p50"] <= figures["delta_arm_ms_p99"]
    assert {"whole_arm_ms_p50", "ratio_p50", "approved_to_armed_ms_p99", "compose_ms_p50"} <= figures.keys()
