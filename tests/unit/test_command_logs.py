"""Commands that are typed print their result on stdout, and nothing that a module they call may log."""

import subprocess
import sys

import pytest

_LOGS = """
import sys
import structlog
from {package}.cli.app import app
from {place} import main

@app.command
def probe() -> int:
    structlog.get_logger().info("only_for_a_service")
    structlog.get_logger().warning("worth_telling", box="b7")
    print("result")
    return 3

sys.argv = ["command", "probe"]
main()
"""
_MUTE = """
import sys
from {package}.cli.app import app
from {place} import main

@app.command
def probe() -> None:
    print("structlog" in sys.modules)

sys.argv = ["command", "probe"]
main()
"""
_ENTRIES = pytest.mark.parametrize(
    ("package", "place"), [("aggregator", "aggregator.cli.app"), ("edge_agent", "edge_agent.cli")]
)


def _done(program: str, package: str, place: str) -> subprocess.CompletedProcess[str]:
    code = program.format(package=package, place=place)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


@_ENTRIES
def test_a_typed_command_logs_warnings_on_stderr_alone(package: str, place: str) -> None:
    done = _done(_LOGS, package, place)
    assert (done.returncode, done.stdout) == (3, "result\n"), done.stderr
    assert "worth_telling" in done.stderr
    assert "b7" in done.stderr
    assert "only_for_a_service" not in done.stderr


@_ENTRIES
def test_a_command_whose_modules_log_nothing_does_not_wait_for_the_logger(package: str, place: str) -> None:
    done = _done(_MUTE, package, place)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
