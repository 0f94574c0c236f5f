"""What both services tell systemd, on a real socket: the same few lines twice, and the same tests for both."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from aggregator.adapters import systemd as of_the_aggregator
from edge_agent.adapters import systemd as of_the_agent

each_service = pytest.mark.parametrize("systemd", [of_the_agent, of_the_aggregator], ids=["agent", "aggregator"])


@pytest.fixture(params=["path", "abstract"])
def systemd_ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address that systemd puts in the environment, and where it listens."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@atalaya-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if name.startswith("@") else name)
        ear.settimeout(5)
        yield name, ear


@each_service
def test_a_start_its_work_and_its_end_are_told(systemd: ModuleType, systemd_ear: tuple[str, socket.socket]) -> None:
    address, ear = systemd_ear
    supervisor = systemd.Supervisor.of({"NOTIFY_SOCKET": address})
    supervisor.ready()
    supervisor.feed("3 of 4 cameras live")
    supervisor.stuck("frames wait")
    supervisor.stopping()
    said = [ear.recv(1024).decode() for _ in range(4)]
    assert said == ["READY=1", "WATCHDOG=1\nSTATUS=3 of 4 cameras live", "STATUS=frames wait", "STOPPING=1"]


@each_service
@pytest.mark.parametrize(
    ("environment", "feed_every_s"),
    [
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "90000000"}, 30.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "8"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "no number"}, None),
        ({"NOTIFY_SOCKET": "/s"}, None),
        ({"WATCHDOG_USEC": "90000000"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_thrice_in_its_time_by_the_process_it_watches(
    systemd: ModuleType, environment: dict[str, str], feed_every_s: float | None
) -> None:
    assert systemd.Supervisor.of(environment, pid=7).feed_every_s == feed_every_s


@each_service
def test_where_nobody_listens_nothing_is_said(systemd: ModuleType, tmp_path: Path) -> None:
    systemd.Supervisor.of({}).ready()
    systemd.Supervisor.of({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_the_two_are_the_same_lines() -> None:
    ours, theirs = (
        Path(module.__file__ or "").read_text().split("\n", 1)[1] for module in (of_the_agent, of_the_aggregator)
    )
    assert ours.replace("The aggregator has", "The agent has") == theirs
