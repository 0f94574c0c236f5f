"""What every test is held to: it leaves no process and no thread behind. And hypothesis, set up once.

Processes and threads of fixtures with a wider scope are there before the test and so do not count. Warnings are
errors (pyproject.toml), so an unclosed file or socket fails its test as a ResourceWarning.

`tests.distribution` says which tests go together where several processes share them. A failure is told at once, with
its traceback: a run that is cut before its end has told it then.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.distribution import ByFile

# Timing on a shared machine says nothing about an example; CI draws the same examples each run.
settings.register_profile("house", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")

# What a service in the test's process logs stands beside what a command prints there, and never within it.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.LogfmtRenderer(key_order=["level", "event"]),
    ],
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    logger_factory=lambda *_: logging.getLogger("atalaya"),
    cache_logger_on_first_use=False,
)
logging.getLogger("atalaya").setLevel(logging.INFO)

_GRACE_S = 20.0


def _children() -> set[int]:
    """Process ids of our children, zombies included."""
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # that thread has just ended
            found.update(map(int, listed.read_text().split()))
    return found


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.daemon}


def _settled(before: set[int], threads: set[threading.Thread]) -> bool:
    return _children() <= before and _threads() <= threads


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Take our own way to share the tests."""
    return ByFile(config, log)


class _AtOnce:
    """Writes a failure when it is heard of; pytest does so when all tests are through."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.write_line(f"\n{report.nodeid} failed in its {report.when}:\n{report.longreprtext}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell failures at once, in the process that has the terminal."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(terminal))


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test after which a process or a non-daemon thread of its own is still there."""
    children, threads = _children(), _threads()
    yield
    deadline = time.monotonic() + _GRACE_S
    while not _settled(children, threads) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [f"process {pid}" for pid in _children() - children]
    left += [f"thread {thread.name}" for thread in _threads() - threads]
    assert not left, f"left behind: {', '.join(left)}"
