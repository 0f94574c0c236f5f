"""The agent tells nobody but its city: no library of it phones home."""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "dev.lock"
PROGRAM = """
import sys, threading
import edge_agent.cli.run
assert sys.modules["openvino_telemetry"] is None
assert "openvino.tools.ovc.telemetry_stub" in sys.modules
assert threading.enumerate() == [threading.main_thread()], threading.enumerate()
"""


def test_openvino_is_imported_without_its_telemetry_even_where_that_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_lock_file_leaves_the_telemetry_out() -> None:
    assert "openvino-telemetry" not in LOCK.read_text()
