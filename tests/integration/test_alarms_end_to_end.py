"""From a camera's own detection, and from a panic button, to the command centre's list of alarms: the real programs.

A city with its broker and aggregator, a box whose camera was added by command, an agent that runs as a service does.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stack.city import BIN, Box, LocalCity
from stack.process import Program
from street.render import render_street

from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.cli.panic import press
from edge_agent.errors import NotRunning
from tests.simulators.agent_place import MODELS
from tests.simulators.aggregator_peer import until
from tests.simulators.broker import free_port
from tests.simulators.onvif_camera import OnvifCamera
from tests.simulators.rtsp_server import RtspServer

PATIENCE_S = 120
USER, PASSWORD = "installer-planted", "p@ss/w:rd-planted"
TAMPER = "tns1:RuleEngine/TamperDetector/Tamper"
CROSSED = "tns1:RuleEngine/LineDetector/Crossed"
SETTINGS = f"""
report_interval_s = 1.0
lock_memory = false
[inference]
models_dir = "{MODELS}"
threads = 1
workers = 1
[camera_events]
settle_s = 0.2
merge_s = 1.0
[delivery]
reconnect_first_s = 0.1
reconnect_most_s = 0.5
resend_first_s = 0.5
resend_most_s = 2.0
[panic]
http_port = """

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(8 * PATIENCE_S),
]


@dataclass
class Place:
    """The city, the box with its agent, its camera and its panic button."""

    city: LocalCity
    box: Box
    agent: Program
    camera: OnvifCamera
    stream: RtspServer
    panic_url: str
    panic_key: bytes

    def command(self, *arguments: str) -> str:
        """An edge-agent command on the box, with the camera's password in its environment."""
        login = {"ATALAYA_CAMERA_USER": USER, "ATALAYA_CAMERA_PASSWORD": PASSWORD}
        environment = {**os.environ, **login, "ATALAYA_AGENT_CONFIG": str(self.box.config)}
        done = subprocess.run(
            [str(BIN / "edge-agent"), *arguments],
            capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        assert "planted" not in done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:  # `Any`: JSON
        """What the agent says; nothing while it does not answer."""
        try:
            return ask(self.box.folder / "data" / NAME, "status")
        except NotRunning:
            return {}

    def said(self) -> dict[str, Any]:
        """The same, once it answers."""
        found: dict[str, Any] = {}

        def has_answered() -> bool:
            found.update(self.status())
            return bool(found)

        until(has_answered, timeout_s=PATIENCE_S)
        return found

    def is_listening(self) -> bool:
        """Connected, subscribed to the camera, and hearing the button."""
        found = self.status()
        return bool(
            found
            and found["presence"]["is_connected"]
            and all(each["is_subscribed"] for each in found["alarms"]["cameras"])
            and found["alarms"]["panic"]["http_port"]
        )

    def cameras(self) -> list[str]:
        """The cameras that the agent reads."""
        return [each["camera"] for each in self.status().get("cameras", [])]

    def alarms(self, word: str, *, camera: str | None = None) -> list[str]:
        """What the command centre lists of an alarm, oldest first: the word, and whether it ended."""
        rows = reversed(self.city.rows("events", "--kind", "alarm"))
        told = [row["note"].partition(":")[0] for row in rows if camera in {None, row["camera"]}]
        return [each for each in told if each.split()[0] == word]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Everything running, the camera added and the button's key made by command."""
    clip = tmp_path / "street.mp4"
    render_street(clip, seconds=2, fps=5, size=(320, 180), seed=1, vehicles=[])
    city, port = LocalCity(tmp_path / "stack"), free_port()
    with (
        RtspServer(clip, user=USER, password=PASSWORD) as stream,
        OnvifCamera(user=USER, password=PASSWORD, stream_url=stream.url, clock_offset_s=-7_200) as camera,
    ):
        try:
            city.found()
            city.start_servers()
            city.register("p-1", ["entrance", "exit"])
            box = city.enrol("box-1", "p-1", SETTINGS + str(port))
            url = f"http://127.0.0.1:{port}/panic"
            here = Place(city, box, city.agent(box), camera, stream, url, b"")
            here.command("cameras", "add", "entrance", camera.address, "--look", "1", "--fps", "2")
            here.panic_key = bytes.fromhex(json.loads(here.command("panic", "add", "lobby", "--json"))["key"])
            here.agent.start()
            until(here.is_listening, timeout_s=PATIENCE_S)
            yield here
        finally:
            if "here" in locals():
                here.agent.stop()
            city.stop()


def test_what_cameras_and_buttons_signal_is_listed_once_by_the_command_centre_and_no_password_anywhere(
    place: Place,
) -> None:
    """One place for the whole story, for it takes long to found."""
    a_detection_starts_and_ends(place)
    a_panic_while_the_broker_is_away_is_stored_once(place)
    a_power_cut_neither_doubles_an_alarm_nor_leaves_it_standing(place)
    a_running_agent_takes_up_a_camera_that_is_added(place)
    no_password_is_shown_anywhere(place)


def a_detection_starts_and_ends(place: Place) -> None:
    until(lambda: place.camera.subscribers, timeout_s=PATIENCE_S)
    place.camera.tell(CROSSED, "", source={"Rule": "gate"}, data={"ObjectId": "1"})
    until(lambda: place.alarms("line_crossing") == ["line_crossing", "line_crossing ended"], timeout_s=PATIENCE_S)


def a_panic_while_the_broker_is_away_is_stored_once(place: Place) -> None:
    place.city.broker.stop()
    until(lambda: not place.said()["presence"]["is_connected"], timeout_s=PATIENCE_S)
    assert press(place.panic_url, "lobby", place.panic_key, is_test=False) == "panic-stored"
    assert place.said()["outbox"]["rows"] > 0
    place.city.start_broker()
    until(lambda: place.alarms("panic"), timeout_s=PATIENCE_S)
    until(lambda: place.said()["outbox"]["rows"] == 0, timeout_s=PATIENCE_S)
    assert press(place.panic_url, "lobby", bytes(32), is_test=False) == "panic-refused"
    assert "lobby" in place.command("panic", "test", "lobby")
    until(lambda: place.alarms("panic_test"), timeout_s=PATIENCE_S)
    assert (place.alarms("panic"), place.alarms("panic_test")) == (["panic"], ["panic_test"])
    notes = [row["note"] for row in place.city.rows("events", "--kind", "alarm")]
    assert "panic: button lobby" in notes


def a_power_cut_neither_doubles_an_alarm_nor_leaves_it_standing(place: Place) -> None:
    source = {"Rule": "cover"}
    place.camera.tell(TAMPER, source=source, data={"IsTamper": "true"})
    until(lambda: place.alarms("tamper"), timeout_s=PATIENCE_S)
    place.agent.kill()
    place.agent.start()
    until(place.is_listening, timeout_s=PATIENCE_S)
    until(lambda: place.said()["alarms"]["cameras"][0]["alarms"] >= 1, timeout_s=PATIENCE_S)
    place.camera.tell(TAMPER, source=source, data={"IsTamper": "false"})
    until(lambda: "tamper ended" in place.alarms("tamper"), timeout_s=PATIENCE_S)
    assert place.alarms("tamper") == ["tamper", "tamper ended"]


def a_running_agent_takes_up_a_camera_that_is_added(place: Place) -> None:
    with OnvifCamera(user=USER, password=PASSWORD, stream_url=place.stream.url, serial="SN-0002") as camera:
        place.command("cameras", "add", "exit", camera.address, "--look", "1", "--fps", "2")
        until(lambda: place.cameras() == ["entrance", "exit"] and place.is_listening(), timeout_s=PATIENCE_S)
        camera.tell(CROSSED, "", source={"Rule": "exit-gate"})
        until(lambda: place.alarms("line_crossing", camera="exit"), timeout_s=PATIENCE_S)
        place.command("cameras", "remove", "exit")
        until(lambda: place.cameras() == ["entrance"] and place.is_listening(), timeout_s=PATIENCE_S)


def no_password_is_shown_anywhere(place: Place) -> None:
    place.camera.password, secret = "another-planted", place.camera.password
    place.camera.forget_subscriptions()
    until(lambda: place.said()["alarms"]["cameras"][0]["fault"] != "", timeout_s=PATIENCE_S)
    place.camera.password = secret
    assert "planted" not in json.dumps(place.said())
    for arguments in (("cameras", "list", "--json"), ("cameras", "test", "--look", "1", "--json"), ("status",)):
        place.command(*arguments)
    # As `os.walk` goes, a folder may go meanwhile: the database makes and removes some.
    walked = [Path(folder, name) for folder, _, names in os.walk(place.city.folder) for name in names]
    kept = [path for path in walked if path.is_file() and not path.is_symlink()]
    assert {place.box.folder / "data" / "outbox.db", place.agent.log} <= set(kept)
    for path in kept:
        with suppress(FileNotFoundError):  # the database's, gone meanwhile
            assert b"planted" not in path.read_bytes(), path
