"""A whole city with one box whose key is in its TPM: broker, artefacts and ingest are the real ones."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from stack.city import Box, LocalCity
from stack.process import Program

from edge_agent.adapters.control_socket import ask
from edge_agent.adapters.keystore import CERTIFICATE, KEY
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
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


@dataclass
class Place:
    """The city, the TPM, and the box's agent."""

    city: LocalCity
    chip: Chip
    box: Box
    agent: Program

    def status(self) -> dict[str, Any]:  # `Any`: JSON
        """What the agent says; nothing while it does not answer."""
        try:
            return ask(self.box.folder / "data" / "control.sock", "status")
        except NotRunning:
            return {}

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
    """Everything running but the agent, which is started by the tests."""
    with Chip(tmp_path / "chip") as chip:
        monkeypatch.setenv("ATALAYA_TPM", chip.tcti)
        city = LocalCity(tmp_path / "stack")
        try:
            city.found()
            city.start_servers()
            city.register("p-1", ["cam-1"])
            city.appoint_officers()
            city.want(["ABC123D"])
            box = city.enrol("box-1", "p-1", SETTINGS)
            agent = city.agent(box, "--camera", f"cam-1={os.devnull}")
            yield Place(city, chip, box, agent)
            agent.stop()
        finally:
            city.stop()


def test_a_box_with_its_key_in_the_tpm_connects_fetches_and_is_believed(place: Place) -> None:
    """paho's handshake with mosquitto, aiohttp's with the artefacts, envelopes at the ingest: one key for all."""
    identity = place.box.folder / "identity"
    certificate = x509.load_pem_x509_certificate((identity / CERTIFICATE).read_bytes())
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert b"TSS2 PRIVATE KEY" in (identity / KEY).read_bytes()
    place.agent.start()
    until(place.works, timeout_s=PATIENCE_S, what=_log(place))
    # The broker goes away: the next handshake uses the key that is loaded already.
    before = place.status()["presence"]["connection"]
    place.city.broker.stop()
    until(lambda: not place.status()["presence"]["is_connected"], timeout_s=PATIENCE_S)
    place.city.start_broker()
    until(lambda: place.works() and place.status()["presence"]["connection"] > before, timeout_s=PATIENCE_S)
    reports = place.city.rows("events", "--kind", "report")
    assert reports


def _log(place: Place) -> str:
    return place.agent.log.read_text(errors="replace")[-2000:] if place.agent.log.exists() else ""
