"""Cameras found on a network: WS-Discovery over a real cable, against a virtual camera that is not ours."""

import json
import sys
from pathlib import Path

import pytest

from tests.simulators.camera_street import CAMERA_ADDRESS, ONVIF_PORT, CameraStreet, camera_street, why_not

USER, PASSWORD = "installer", "p@ss-planted"
WHY_NOT = why_not()

pytestmark = [pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT), pytest.mark.timeout(400)]  # the machine may be busy


def cameras(street: CameraStreet, config: Path, *arguments: str) -> str:
    """A command on the box, its answer."""
    code = "from edge_agent.cli import main; main()"
    done = street.run(
        sys.executable, "-c", code, "cameras", *arguments, "--config", str(config),
        ATALAYA_CAMERA_USER=USER, ATALAYA_CAMERA_PASSWORD=PASSWORD,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "planted" not in done.stdout + done.stderr
    return done.stdout


def test_a_camera_is_discovered_added_and_tried_over_the_network(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('identity_dir = "identity"\ndata_dir = "data"\n')
    (tmp_path / "identity").mkdir(mode=0o700)
    with camera_street(tmp_path, USER, PASSWORD) as street:
        here = ("--interface", street.interface)
        (found,) = json.loads(cameras(street, config, "discover", *here, "--seconds", "2", "--json"))
        assert (found["host"], found["name"], found["camera"]) == (CAMERA_ADDRESS, "Street", "")
        assert "make" not in found, "nobody has logged in"
        (found,) = json.loads(cameras(street, config, "discover", *here, "--seconds", "2", "--login", "--json"))
        assert (found["make"], found["model"], found["serial"]) == ("PythonCam", "VirtualCam-1", "PY-777")
        assert [each["token"] for each in found["profiles"]] == ["Profile_Main", "Profile_Sub"]
        # No address is given: the only new camera of the network is the one.
        proof = json.loads(cameras(street, config, "add", "entrance", *here, "--look", "2", "--fps", "5", "--json"))
        assert (proof["stream"]["codec"], proof["stream"]["width_px"]) == ("h264", 320)
        assert {each["check"]: each["verdict"] for each in proof["checks"]}["camera_onvif"] == "warn", "no events"
        (row,) = json.loads(cameras(street, config, "list", "--json"))
        assert (row["serial"], row["onvif"]) == ("PY-777", f"http://{CAMERA_ADDRESS}:{ONVIF_PORT}")
        (found,) = json.loads(cameras(street, config, "discover", *here, "--seconds", "1", "--json"))
        assert found["camera"] == "entrance", "it is known now"
