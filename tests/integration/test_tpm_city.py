"""A whole city with one box whose key is in its TPM: broker, artefacts and ingest are the real ones."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stack.city import BIN, Box, LocalCity
from stack.process import Program

from edge_agent.adapters.control_socket import ask
from edge_agent.errors import NotRunning
from tests.simulators.agent_place import MODELS
from tests.simulators.aggregator_peer import until
from tests.simulators.tpm import Tpm as Chip

PATIENCE_S = 100
SETTINGS = f"""
report_interval_s = 1.0
lock_memory = false
[inference]
models_dir = "{MODELS}"
[delivery]
reconnect_first_s = 0.1
reconnect_most_s = 0.5
resend_first_s = 0.5
resend_most_s = 2.0
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


@dataclass
class Place:
    """The city, the box, and its agent."""

    city: LocalCity
    box: Box
    agent: Program

    def status(self) -> dict[str, Any]:  # `Any`: JSON
        """What the agent says; nothing while it does not answer."""
        try:
            return ask(self.box.folder / "data" / "control.sock", "status")
        except NotRunning:
            return {}

    def is_cut_off(self) -> bool:
        """Whether it says that it is not connected."""
        found = self.status()
        return bool(found) and not found["presence"]["is_connected"]

    def connection(self) -> int:
        """The number of its connection, once it answers."""
        while not (found := self.status()):
            continue
        return int(found["presence"]["connection"])

    def works(self) -> bool:
        """Connected, receipted, and with a hotlist."""
        found = self.status()
        return bool(
            found
            and found["presence"]["is_connected"]
            and found["outbox"]["receipted"] > 0
            and found["hotlist"]["version"] > 0
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The city running, and a box enrolled by its invitation, whose agent the test starts."""
    with Chip(tmp_path / "chip") as chip:
        monkeypatch.setenv("ATALAYA_TPM", chip.tcti)
        city = LocalCity(tmp_path / "stack")
        try:
            city.found()
            city.start_servers()
            city.register("p-1", ["cam-1"])
            city.appoint_officers()
            city.want(["ABC123D"])
            box = _enrolled(city)
            yield Place(city, box, city.agent(box, "--camera", f"cam-1={os.devnull}"))
        finally:
            city.stop()


def _enrolled(city: LocalCity) -> Box:
    """A box as a technician enrols it: the request is signed in the TPM, and the way is tried with its key."""
    box = Box("box-1", "p-1", city.folder / "box-1")
    box.folder.mkdir(mode=0o700)
    box.config.write_text(f'identity_dir = "identity"\ndata_dir = "data"\n{SETTINGS}')
    made = _answer(
        str(BIN / "aggregator"), "device", "invite", "--city", city.city, "--point", box.point, "--device", box.device,
        "--profile", "generic-x86-64", "--json", "--config", str(city.config),
    )  # fmt: skip
    _answer(str(BIN / "edge-agent"), "enroll", str(made["token"]), "--config", str(box.config), "--json")
    return box


def test_a_box_with_its_key_in_the_tpm_enrols_connects_fetches_and_is_believed(place: Place) -> None:
    """Enrolment, paho's handshake with mosquitto, aiohttp's with the artefacts, envelopes at the ingest: one key."""
    card = _answer(str(BIN / "edge-agent"), "identity", "show", "--config", str(place.box.config), "--json")
    assert (card["is_enrolled"], card["keystore"], card["algorithm"]) == (True, "tpm", "esp256")
    place.agent.start()
    try:
        _it_works_and_reconnects(place)
    finally:
        place.agent.stop()


def _it_works_and_reconnects(place: Place) -> None:
    until(place.works, timeout_s=PATIENCE_S, what=_log(place))
    # The broker goes away: the next handshake uses the key that is loaded already.
    before = place.connection()
    place.city.broker.stop()
    until(place.is_cut_off, timeout_s=PATIENCE_S)
    place.city.start_broker()
    until(lambda: place.works() and place.connection() > before, timeout_s=PATIENCE_S)
    assert place.city.rows("events", "--kind", "report")


def _answer(*command: str) -> dict[str, Any]:  # `Any`: JSON
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    (found,) = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return dict(found)


def _log(place: Place) -> str:
    return place.agent.log.read_text(errors="replace")[-2000:] if place.agent.log.exists() else ""
