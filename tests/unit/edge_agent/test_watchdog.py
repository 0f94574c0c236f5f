"""The agent's watchdog: fed while it works, starved when it does not, and told why."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.adapters.systemd import Supervisor
from edge_agent.core.watchdog import STUCK_S, Progress, Pulse
from edge_agent.service import watchdog
from edge_agent.service.watchdog import Feel, watch, watch_start

NONE = Progress(Pulse(0, 0), 0.0)


def test_frames_that_are_looked_at_are_progress() -> None:
    later = NONE.seen(Pulse(10, 9), 100.0)
    assert not later.is_stuck(100.0 + STUCK_S)
    assert later.is_stuck(101.0 + STUCK_S)


def test_a_quiet_box_is_not_stuck() -> None:
    """Cameras or network away: there is nothing to look at, however long that lasts."""
    progress = NONE
    for now_s in range(0, 3600, 30):
        progress = progress.seen(Pulse(0, 0), float(now_s))
        assert not progress.is_stuck(float(now_s))


def test_frames_that_nobody_looks_at_are_stuck_in_the_end() -> None:
    progress = NONE.seen(Pulse(100, 100), 0.0)
    starved = []
    for turn in range(1, 5):
        progress = progress.seen(Pulse(100 + 300 * turn, 100), 30.0 * turn)
        starved.append(progress.is_stuck(30.0 * turn))
    assert starved == [False, False, True, True]


def test_what_was_stuck_and_goes_on_is_fed_again() -> None:
    progress = NONE.seen(Pulse(100, 100), 0.0).seen(Pulse(500, 100), 100.0)
    assert progress.is_stuck(100.0)
    assert not progress.seen(Pulse(600, 101), 110.0).is_stuck(110.0)


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


@asynccontextmanager
async def watched(feel: Feel, tmp_path: Path) -> AsyncIterator[None]:
    task = asyncio.create_task(watch(feel, Supervisor(str(tmp_path / "notify"), 0.01)), name="watchdog")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def heard(ear: socket.socket) -> str:
    async with asyncio.timeout(30):
        return (await asyncio.get_running_loop().sock_recv(ear, 1024)).decode()


async def test_a_working_agent_feeds(ear: socket.socket, tmp_path: Path) -> None:
    async def feel() -> tuple[Pulse, str]:
        return Pulse(0, 0), "well"

    async with watched(feel, tmp_path):
        assert [await heard(ear) for _ in range(3)] == ["WATCHDOG=1\nSTATUS=well"] * 3


async def test_an_agent_that_looks_at_nothing_starves(
    ear: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.core.watchdog.STUCK_S", 0.05)
    frames = iter(range(1, 10_000))

    async def feel() -> tuple[Pulse, str]:
        return Pulse(next(frames), 0), "busy"

    async with watched(feel, tmp_path):
        said = await heard(ear)
        while said.startswith("WATCHDOG"):
            said = await heard(ear)
        assert said == "STATUS=frames wait and none is looked at: busy"
        assert (await heard(ear)).startswith("STATUS=frames wait")


async def test_a_part_that_never_answers_starves_it(
    ear: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "STUCK_S", 0.02)

    async def feel() -> tuple[Pulse, str]:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async with watched(feel, tmp_path):
        assert await heard(ear) == "STATUS=a part of the agent does not answer"


async def test_a_start_is_fed_for_as_long_as_a_start_may_take(
    ear: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "START_S", 0.1)
    async with asyncio.timeout(30):
        await watch_start(Supervisor(str(tmp_path / "notify"), 0.01))
    assert await heard(ear) == "WATCHDOG=1\nSTATUS=loading the models"
    await watch_start(Supervisor(str(tmp_path / "notify"), None))


async def test_where_nobody_watches_nothing_is_asked() -> None:
    async def feel() -> tuple[Pulse, str]:
        raise AssertionError("asked")

    await watch(feel, Supervisor("/nobody", None))
