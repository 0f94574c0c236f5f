"""The agent's own command line, on a street video with real models, against a real broker."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from street.render import render_street
from street.script import StreetScript

from protocol.messages import CameraState, Evidence, EvidenceUnavailable, Hit, Piece, Report
from protocol.sealing import Purpose, unseal
from tests.simulators.agent_place import MODELS, QUICK, AgentPlace
from tests.simulators.aggregator_peer import until

SECONDS, FPS = 8, 5

PATIENCE_S = 200  # the machine may be busy; none of these waits is a measurement

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(2 * PATIENCE_S),
]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StreetScript]:
    """Three vehicles: one to be armed from the start, the others for what a test wants."""
    video = tmp_path_factory.mktemp("street") / "street.mp4"
    return video, render_street(video, seconds=SECONDS, fps=FPS, size=(1280, 720), seed=5)


def has_watched(place: AgentPlace, script: StreetScript) -> bool:
    """Whether the agent has seen the whole clip, and read what was still to be read at its end."""
    told = place.told("frames")
    return bool(told) and told[-1]["state"] == "ended" and told[-1]["reads"] == len(script.vehicles)


def whole(pieces: list[Piece], sha256: bytes) -> bytes:
    """A picture put together from pieces that arrived in any order."""
    parts = {piece.offset: piece.data for piece in pieces if piece.sha256 == sha256}
    data = b"".join(parts[offset] for offset in sorted(parts))
    assert hashlib.sha256(data).digest() == sha256
    return data


def test_a_street_video_gives_its_hits_with_evidence_and_a_full_count_of_frames(
    street: tuple[Path, StreetScript], tmp_path: Path
) -> None:
    video, script = street
    with AgentPlace(tmp_path) as place:
        place.arm(script.hotlist)
        # At its own pace the file waits for the models, so that the count does not hang on this machine's speed.
        agent = place.start(
            "--camera", str(video), "--no-realtime", "--exit-when-drained", "--wait-for-hotlist", str(PATIENCE_S)
        )
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()
        peer = place.peer
        hits: list[Hit] = peer.bodies(Hit)
        assert [hit.plate for hit in hits] == script.expected_hits
        assert peer.sequences() == list(range(1, len(peer.stored) + 1)), "nothing is missing in the order"
        assert (peer.bad, peer.conflicts) == ([], [])
        (evidence,) = peer.bodies(Evidence)
        assert isinstance(evidence, Evidence)
        stored_hit = next(stored for stored in peer.stored.values() if isinstance(stored.body, Hit))
        assert evidence.hit.hash == stored_hit.hash
        redacted = whole(peer.bodies(Piece), evidence.redacted_sha256)
        sealed = whole(peer.bodies(Piece), evidence.sealed_sha256)
        original = unseal(
            sealed, place.city.evidence, Purpose.ORIGINAL, device="box-1", sha256=evidence.original_sha256
        )
        assert hashlib.sha256(original).digest() == evidence.original_sha256
        shown, meant = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (redacted, original))
        assert shown is not None
        assert meant is not None
        assert shown.shape == meant.shape == (script.height_px, script.width_px, 3)
        assert evidence.faces_filled > 0
        reports: list[Report] = peer.bodies(Report)
        assert sum(c.frames_processed for r in reports for c in r.cameras) == script.frames
        assert sum(c.reads for r in reports for c in r.cameras) == len(script.vehicles)
        assert sum(c.hits for r in reports for c in r.cameras) == len(script.expected_hits)
        assert reports[-1].cameras[0].state is CameraState.ENDED
        assert reports[-1].health.hotlist_version == 1
        assert any(label.startswith("inference/CPU/f32") for label in reports[-1].versions)


def test_no_plate_but_a_hits_is_written_or_sent_anywhere(street: tuple[Path, StreetScript], tmp_path: Path) -> None:
    video, script = street
    others = [v.plate.encode() for v in script.vehicles if v.plate not in script.hotlist]
    assert others
    with AgentPlace(tmp_path) as place:
        place.arm(script.hotlist)
        agent = place.start("--camera", str(video), "--no-realtime", "--wait-for-hotlist", str(PATIENCE_S))
        until(lambda: has_watched(place, script), timeout_s=PATIENCE_S)
        until(lambda: place.told("picture"), timeout_s=PATIENCE_S)
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        kept = [path for path in place.folder.rglob("*") if path.is_file()]
        assert place.data_dir / "outbox.db" in kept
        for plate in others:
            assert not [path for path in kept if plate in path.read_bytes()]
            assert not [key for key, stored in list(place.peer.stored.items()) if plate in repr(stored).encode()]
        hits = [plate.encode() for plate in script.expected_hits]
        assert not [plate for plate in hits if plate in place.log.read_bytes()], "not even a hit's plate is logged"


def test_a_car_that_is_reported_after_it_passed_is_found_in_the_lookback(
    street: tuple[Path, StreetScript], tmp_path: Path
) -> None:
    video, script = street
    late = next(v.plate for v in script.vehicles if v.plate not in script.hotlist)
    with AgentPlace(tmp_path) as place:
        place.arm([])
        agent = place.start("--camera", str(video), "--no-realtime")
        until(lambda: has_watched(place, script), timeout_s=PATIENCE_S)
        assert place.peer.bodies(Hit) == []
        place.arm([late], version=2)
        until(lambda: place.peer.bodies(Hit), timeout_s=PATIENCE_S)
        (hit,) = place.peer.bodies(Hit)
        assert (hit.plate, hit.is_from_lookback, hit.hotlist_version) == (late, True, 2)
        until(lambda: place.peer.bodies(EvidenceUnavailable), timeout_s=PATIENCE_S)
        assert place.peer.bodies(EvidenceUnavailable)[0].reason == "from_lookback"
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()


def test_a_hit_whose_picture_died_with_the_agent_is_told_as_such(
    street: tuple[Path, StreetScript], tmp_path: Path
) -> None:
    video, script = street
    with AgentPlace(tmp_path, settings=QUICK.replace("report_interval_s = 1.0", "report_interval_s = 600.0")) as place:
        place.arm(script.hotlist)
        play = ("--camera", str(video), "--no-realtime", "--wait-for-hotlist", str(PATIENCE_S))
        # The first message of the second epoch would be another; here the hit is the outbox's very first.
        agent = place.start(*play, crash_at="outbox.committed:1")
        assert agent.wait(timeout=PATIENCE_S) == -signal.SIGKILL
        agent = place.start("--camera", os.devnull)
        until(lambda: place.peer.bodies(EvidenceUnavailable) and place.peer.bodies(Hit), timeout_s=PATIENCE_S)
        (hit,) = place.peer.bodies(Hit)
        assert hit.plate in script.expected_hits
        assert place.peer.bodies(EvidenceUnavailable)[0].reason == "lost_in_restart"
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()


def answered(command: list[str]) -> str:
    """What a command prints once the agent answers it: it says to ask again where the agent takes its time."""
    done: list[subprocess.CompletedProcess[str]] = []

    def has_succeeded() -> bool:
        done.append(subprocess.run(command, check=False, capture_output=True, text=True))
        return done[-1].returncode == 0

    until(has_succeeded, timeout_s=PATIENCE_S)
    return done[-1].stdout


def test_status_answers_through_the_control_socket(street: tuple[Path, StreetScript], tmp_path: Path) -> None:
    video, script = street
    with AgentPlace(tmp_path) as place:
        place.arm(script.hotlist)
        agent = place.start("--camera", f"entrance={video}", "--loop")
        path = place.data_dir / "control.sock"
        until(path.exists, timeout_s=PATIENCE_S)
        assert path.stat().st_mode & 0o077 == 0
        until(lambda: place.status()["hotlist"]["version"] == 1, timeout_s=PATIENCE_S)
        until(lambda: place.status()["cameras"][0]["state"] == "live", timeout_s=PATIENCE_S)
        until(lambda: place.status()["presence"]["is_connected"], timeout_s=PATIENCE_S)
        command = [
            sys.executable,
            "-c",
            "from edge_agent.cli import main; main()",
            "status",
            "--config",
            str(place.config),
        ]
        found = json.loads(answered([*command, "--json"]))
        assert found["cameras"][0]["camera"] == "entrance"
        assert found["presence"]["is_connected"]
        assert answered(command).startswith("box-1 at")
        assert "error" in place.asked("plates")
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, "edge-agent run" in done.stderr) == (1, True)


def test_a_second_agent_on_the_same_box_ends_at_once_and_says_why(tmp_path: Path) -> None:
    with AgentPlace(tmp_path) as place:
        first = place.start("--camera", os.devnull)
        until((place.data_dir / "control.sock").exists, timeout_s=PATIENCE_S)
        assert place.start("--camera", os.devnull).wait(timeout=PATIENCE_S) == 1
        assert "another agent" in place.log.read_text()
        assert place.status()["device"] == "box-1", "the first one still answers"
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=PATIENCE_S) == 0


def test_a_box_that_is_not_enrolled_is_told_how_to_be(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('identity_dir = "nowhere"\n')
    command = [sys.executable, "-c", "from edge_agent.cli import main; main()", "run", "--config", str(config)]
    done = subprocess.run([*command, "--camera", os.devnull], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "edge-agent enroll" in done.stderr
    assert "Traceback" not in done.stderr
