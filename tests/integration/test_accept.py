"""`edge-agent accept` by the real command: signed by the agent that runs, or without one, and printed."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from street.render import render_street

from edge_agent.adapters.acceptance_file import read_acceptance
from edge_agent.adapters.aim_record import keep_record
from edge_agent.adapters.control_socket import ask
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.core.acceptance import acceptance_of
from edge_agent.core.aim import Advice, Aim
from edge_agent.core.checks import passed
from edge_agent.errors import NotRunning
from edge_agent.service.accept import sign
from edge_agent.settings import load_settings
from protocol.point_messages import Acceptance, Verdict
from tests.simulators.agent_place import MODELS, AgentPlace
from tests.simulators.aggregator_peer import until

PATIENCE_S = 150
COMMAND = [sys.executable, "-c", "from edge_agent.cli import main; main()", "accept"]
WIDE = Aim(
    advice=Advice.RIGHT, plates=5, width_px=131, tilt_deg=2, plate_sharpness=400, plate_level=110,
    scene_sharpness=600, brightness=400,
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    render_street(path, seconds=2, fps=5, size=(640, 360), seed=5)
    return path


def accept(place: AgentPlace, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "--config", str(place.config), "--technician", "Ana Ruiz", "--language", "es-MX", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)


def name_camera(place: AgentPlace, video: Path) -> None:
    with place.config.open("a") as config:
        config.write(f'[[cameras]]\ncamera = "north"\nurl = "{video}"\nloop = true\n')


def is_live(place: AgentPlace) -> bool:
    """Whether the agent answers, and has its camera."""
    try:
        return bool(ask(place.data_dir / "control.sock", "status")["cameras"][0]["state"] == "live")
    except NotRunning:
        return False


def test_a_point_is_accepted_by_the_agent_that_runs_and_printed(video: Path, tmp_path: Path) -> None:
    with AgentPlace(tmp_path) as place:
        name_camera(place, video)
        place.arm([])
        agent = place.start()
        until(lambda: is_live(place), timeout_s=PATIENCE_S)
        keep_record(place.data_dir, "north", 1_700_000_000_000, WIDE)
        pdf = tmp_path / "acta.pdf"
        done = accept(place, "--pdf", str(pdf), "--json", "--despite-failures")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        until(lambda: place.peer.bodies(Acceptance), timeout_s=PATIENCE_S)
        (body,) = place.peer.bodies(Acceptance)
        assert (body.technician, body.is_drift) == ("Ana Ruiz", False)
        assert any(label.startswith("inference/") for label in body.versions), "the agent's own versions"
        widths = [each for each in body.checks if each.check == "plate-width"]
        assert [(each.camera, each.verdict, each.value) for each in widths] == [
            ("north", Verdict.PASS, "131 px, 5 plates")
        ]
        assert {"clock-offset", "disk-room", "camera", "broker"} <= {each.check for each in body.checks}
        (stored,) = [each for each in list(place.peer.stored.values()) if isinstance(each.body, Acceptance)]
        assert told["hash"] == stored.hash.hex()
        assert pdf.read_bytes().startswith(b"%PDF-")
        kept = read_acceptance(place.data_dir)
        assert kept is not None
        assert (kept.hash, kept.acceptance) == (told["hash"], body)
        agent.terminate()
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()


def test_without_an_agent_the_message_waits_in_the_outbox_and_a_failed_check_holds_it_back(
    video: Path, tmp_path: Path
) -> None:
    with AgentPlace(tmp_path) as place:
        name_camera(place, tmp_path / "none.mp4")
        refused = accept(place)
        assert refused.returncode == 1
        assert "el punto no se aceptó" in refused.stderr
        assert "falla" in refused.stdout
        assert read_acceptance(place.data_dir) is None
        settings = load_settings(place.config)
        body = acceptance_of([passed("clock", "3 ms")], technician="Ana", profile="n100", versions=(), accepted_ms=1)
        signed = asyncio.run(sign(settings, load_enrolment(settings.identity_dir), body))
        place.start("--camera", f"north={video}", "--loop")
        until(lambda: place.peer.bodies(Acceptance), timeout_s=PATIENCE_S)
        (stored,) = [each for each in list(place.peer.stored.values()) if isinstance(each.body, Acceptance)]
        assert stored.hash.hex() == signed.hash
