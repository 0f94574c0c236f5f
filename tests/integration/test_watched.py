"""Agent and aggregator under a supervisor: a real socket in systemd's place hears the start, the work and the end."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.settings import Settings
from tests.simulators.agent_place import MODELS, AgentPlace
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.running import running

PATIENCE_S = 150


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd would listen; it wants to be fed once a second. It keeps ten things unheard, and no more."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        listening.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield listening


def heard(ear: socket.socket, begins: str) -> str:
    """The next thing said that begins so."""
    while not (said := ear.recv(4096).decode()).startswith(begins):
        pass
    return said


@pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")
@pytest.mark.timeout(2 * PATIENCE_S)
def test_the_agent_is_ready_fed_and_says_when_it_stops(ear: socket.socket, tmp_path: Path) -> None:
    with AgentPlace(tmp_path / "place") as place:
        agent = place.start("--camera", f"cam-1={os.devnull}")
        assert heard(ear, "WATCHDOG=1") == "WATCHDOG=1\nSTATUS=loading the models"
        heard(ear, "READY=1")
        heard(ear, "WATCHDOG=1\nSTATUS=0 of 1 cameras live")
        agent.send_signal(signal.SIGTERM)
        heard(ear, "STOPPING=1")
        assert agent.wait(timeout=PATIENCE_S) == 0


async def test_the_aggregator_is_ready_fed_and_says_when_it_stops(
    ear: socket.socket, installation: Settings, broker: Broker, box: Box
) -> None:
    async with running(installation):
        assert await asyncio.to_thread(ear.recv, 4096) == b"READY=1"
        assert "STATUS=well" in await asyncio.to_thread(heard, ear, "WATCHDOG=1\nSTATUS=well")
    await asyncio.to_thread(heard, ear, "STOPPING=1")
