"""What the machine says of itself, what keeps memory off the disk, and who may ask the agent."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge_agent.adapters.control_socket import ask, serving
from edge_agent.adapters.health import Processor, disk_free_mb, memory_mb, temperature_mc
from edge_agent.adapters.progress import ProgressFile
from edge_agent.errors import BadSettings, NotRunning


def test_the_hottest_sensor_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    for number, reading in enumerate(("41000", "67500", "n/a")):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(reading)
    assert temperature_mc(tmp_path) == 67_500
    assert temperature_mc(tmp_path / "none") is None


def test_memory_and_disk_of_this_machine_are_plausible(tmp_path: Path) -> None:
    memory, disk = memory_mb(), disk_free_mb(tmp_path)
    assert memory is not None
    assert 10 < memory < 100_000
    assert disk is not None
    assert disk > 0
    assert memory_mb(tmp_path / "none") is None
    assert disk_free_mb(tmp_path / "none") is None


def test_the_processor_is_busy_by_what_is_not_idle_since_the_last_call(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n")
    processor = Processor(stat)
    assert processor.busy_permille() == 200
    stat.write_text("cpu  400 0 100 700 100 0 0 0 0 0\n")
    assert processor.busy_permille() == 1000
    assert processor.busy_permille() is None, "no time has passed"
    stat.unlink()
    assert processor.busy_permille() is None


def test_a_hardened_process_leaves_no_core_dump() -> None:
    program = (
        "import json, resource\n"
        "from edge_agent.adapters.hardening import harden\n"
        "done = harden()\n"
        "print(json.dumps([done.core_dumps_off, resource.getrlimit(resource.RLIMIT_CORE), done.memory_locked,"
        " bool(done.why_not)]))\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    core_dumps_off, limit, memory_locked, says_why_not = json.loads(printed)
    assert (core_dumps_off, limit) == (True, [0, 0])
    assert memory_locked != says_why_not, "either memory is locked or the agent says why not"


async def answer() -> dict[str, object]:
    return {"ok": True}


async def test_the_control_socket_answers_its_owner_and_goes_with_the_agent(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.touch()  # left behind by a killed agent
    async with serving(path, {"status": answer}):
        assert path.stat().st_mode & 0o777 == 0o600
        assert await asyncio.to_thread(ask, path, "status") == {"ok": True}
        assert "known: status" in (await asyncio.to_thread(ask, path, "other"))["error"]
    assert not path.exists()
    with pytest.raises(NotRunning, match="edge-agent run"):
        ask(path, "status")


async def test_a_word_may_carry_arguments_and_the_agent_may_say_why_not(tmp_path: Path) -> None:
    async def echo(text: str, times: int = 1) -> dict[str, object]:
        if times > 9:
            raise BadSettings("at most nine times")
        return {"said": text * times}

    path = tmp_path / "control.sock"
    async with serving(path, {"echo": echo}):

        async def said(**arguments: Any) -> dict[str, Any]:  # `Any`: JSON
            return await asyncio.to_thread(ask, path, "echo", **arguments)

        assert await said(text="año", times=2) == {"said": "añoaño"}
        assert await said(text="x", times=10) == {"error": "at most nine times"}
        for wrong in ({}, {"text": "x", "other": 1}):
            assert "echo: not the arguments" in str((await said(**wrong))["error"])


async def test_a_client_that_talks_nonsense_does_not_end_the_service(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with serving(path, {"status": answer}):
        for nonsense in (b"", b"\xff\xfe\n", b"status {\n", b"status [1]\n", b"x" * 10_000 + b"\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                await asyncio.to_thread(client.sendall, nonsense)
        assert await asyncio.to_thread(ask, path, "status") == {"ok": True}


async def test_a_data_dir_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="data_dir"):
        async with serving(tmp_path / ("x" * 120), {}):
            raise AssertionError("it cannot listen there")


def test_progress_lines_are_whole_dated_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before_s = time.monotonic()
    for number in range(2):
        with ProgressFile(path) as progress:
            progress("hit", number=number)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert (first["event"], first["number"], second["number"]) == ("hit", 0, 1)
    assert first["at_mono_s"] >= round(before_s, 4) - 0.001
    assert path.stat().st_mode & 0o077 == 0
