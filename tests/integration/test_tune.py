"""`edge-agent tune` with the real models: what it writes is what it measured, and it never meets a running agent."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from edge_agent.adapters.control_socket import NAME, serving
from edge_agent.adapters.profiles import load_profile, profile_text
from edge_agent.cli.tune import tune
from edge_agent.errors import AgentRuns
from edge_agent.settings import load_settings

MODELS = Path(__file__).resolve().parents[2] / "models"
PROFILE = load_profile("generic-x86-64")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(profile_text("generic-x86-64").replace("\nthreads = 2\n", "\nthreads = 1\n"))
    file = tmp_path / "agent.toml"
    file.write_text(
        f'# ours\nprofile = "{tmp_path}/mine.toml"\ndata_dir = "data"\n[inference]\nmodels_dir = "{MODELS}"\n'
        '[[cameras]]\ncamera = "cam-1"\nurl = "rtsp://192.0.2.1/x"  # north\nframes_per_s = 25.0\n'
    )
    return file


def test_tune_writes_what_it_measured_within_the_profile(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = config.read_text()
    out = config.parent / "tuned.toml"
    assert tune(config=config, out=out, json_=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert config.read_text() == before
    assert told["written"] == str(out)
    assert told["trials"]
    assert all(trial["frames_per_s"] > 0 for trial in told["trials"])
    tuned, plan = load_settings(out), told["plan"]["setup"]
    assert (tuned.inference.device, tuned.inference.precision) == (plan["device"], plan["precision"])
    assert (tuned.inference.workers, tuned.inference.threads) == (1, 1)
    assert 0 < tuned.cameras[0].frames_per_s <= PROFILE.capacity.frames_per_s.value
    assert out.read_text().startswith("# ours\n")
    assert "# north" in out.read_text()


def test_a_running_agent_is_not_measured_beside(config: Path) -> None:
    data, stop = config.parent / "data", threading.Event()
    data.mkdir()
    is_up = threading.Event()

    async def agent() -> None:
        async def status() -> dict[str, str]:
            return {"device": "box-1"}

        async with serving(data / NAME, {"status": status}):
            is_up.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(agent()))
    thread.start()
    try:
        assert is_up.wait(30)
        with pytest.raises(AgentRuns, match="box-1"):
            tune(config=config, dry_run=True)
    finally:
        stop.set()
        thread.join()
