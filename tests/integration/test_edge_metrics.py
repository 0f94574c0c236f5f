"""`/metrics` of a box: off unless a port is set, on loopback alone, the figures that `status` has, and no plate."""

import asyncio
import signal
import socket
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from street.render import render_street
from street.script import StreetScript

from edge_agent.adapters.control_socket import ask
from edge_agent.core.figures import CameraFigures, Figures, Outbox
from edge_agent.core.metrics import METRICS
from edge_agent.core.report import CameraCounts
from edge_agent.errors import NotRunning
from edge_agent.http.metrics import serving_metrics
from protocol.messages import CameraState
from tests.simulators.agent_place import MODELS, QUICK, AgentPlace
from tests.simulators.aggregator_peer import until
from tests.simulators.broker import free_port

PATIENCE_S = 200  # the machine may be busy; none of these waits is a measurement
# Values by the name of the metric, then the values of its labels, which stand by the alphabet of their names.
Scrape = dict[tuple[str, ...], float]


def scraped(port: int) -> tuple[str, Scrape]:
    """The text, and what stands in it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return text, {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def is_through(place: AgentPlace, script: StreetScript) -> bool:
    """Whether the agent has seen the whole street, and the aggregator has what came of it."""
    try:
        said = ask(place.data_dir / "control.sock", "status")
    except NotRunning:  # nor does it answer in time on a machine that stalls
        return False
    (camera,) = said["cameras"]
    seen = (camera["processed"], camera["reads"], camera["hits"])
    return seen == (script.frames, len(script.vehicles), len(script.expected_hits)) and not said["outbox"]["rows"]


def make_figures() -> Figures:
    """A box that has just started, with one camera."""
    camera = CameraFigures(state=CameraState.CONNECTING, frames_per_s=0, counts=CameraCounts())
    outbox = Outbox(rows=0, size_bytes=0, oldest_at=None, dead_letters=0, write_failures=0)
    return Figures(
        release="0.1.0",
        cameras={"entrance": camera},
        outbox=outbox,
        is_connected=False,
        connections=0,
        sent=0,
        receipted=0,
        refused_downlinks=0,
        is_clock_good=True,
        clock_offset_s=None,
        certificate_ends_at=datetime(2027, 1, 1, tzinfo=UTC),
        hotlist_version=0,
        hotlist_entries=0,
        hotlist_expires_at=None,
        hits_lost=0,
        pictures_pending=0,
        lookback_since=None,
        temperature_c=None,
        disk_free_bytes=None,
    )


def own_listeners() -> set[str]:
    """The sockets of this process that listen on TCP (proc(5), proc_net(5): state 0A)."""
    mine = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in mine}


@pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")
@pytest.mark.timeout(2 * PATIENCE_S)
def test_a_running_box_tells_what_status_tells_and_no_plate(tmp_path: Path) -> None:
    video, port = tmp_path / "street.mp4", free_port()
    script = render_street(video, seconds=6, fps=5, size=(1280, 720), seed=5)
    with AgentPlace(tmp_path, settings=f"{QUICK}\n[metrics]\nport = {port}\n") as place:
        place.arm(script.hotlist)
        agent = place.start("--camera", f"entrance={video}", "--no-realtime", "--wait-for-hotlist", "120")
        until(lambda: place.told("frames") and place.told("frames")[-1]["state"] == "ended", timeout_s=PATIENCE_S)
        until(lambda: is_through(place, script), timeout_s=PATIENCE_S)
        status, (text, found) = ask(place.data_dir / "control.sock", "status"), scraped(port)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()
    (camera,) = status["cameras"]
    assert found["atalaya_agent_frames_processed_total", "entrance"] == camera["processed"] == script.frames
    assert found["atalaya_agent_reads_total", "entrance"] == camera["reads"] == len(script.vehicles)
    assert found["atalaya_agent_hits_total", "entrance"] == camera["hits"] == len(script.expected_hits)
    assert found["atalaya_agent_inferences_total", "entrance", "detect"] > 0
    assert 0 < found["atalaya_agent_inference_seconds_total", "entrance", "detect"] < PATIENCE_S
    assert found["atalaya_agent_camera_live", "entrance"] == 0, "a file that has been played is not live"
    assert found["atalaya_agent_connected",] == found["atalaya_agent_clock_good",] == 1
    assert found["atalaya_agent_hotlist_version",] == status["hotlist"]["version"] == 1
    assert found["atalaya_agent_hotlists_fetched_total", "whole"] == status["hotlist"]["brought"]["whole"] == 1
    assert found["atalaya_agent_messages_receipted_total",] > 0
    assert found["atalaya_agent_certificate_end_timestamp_seconds",] > datetime.now(UTC).timestamp()
    assert found["atalaya_agent_disk_free_bytes",] > 0
    known = {each.name for each in METRICS}
    assert {name[0] for name in found if name[0].startswith("atalaya_")} <= known
    for plate in (vehicle.plate for vehicle in script.vehicles):
        assert plate not in text


async def test_what_a_box_does_not_know_is_left_out() -> None:
    async def read() -> Figures:
        return make_figures()

    port = free_port()
    async with serving_metrics(read, port):
        _, found = await asyncio.to_thread(scraped, port)
    names = {name[0] for name in found}
    assert "atalaya_agent_outbox_messages" in names
    for unknown in (
        "temperature_celsius",
        "disk_free_bytes",
        "clock_offset_seconds",
        "hotlist_expires_timestamp_seconds",
    ):
        assert f"atalaya_agent_{unknown}" not in names


async def test_nobody_is_answered_unless_a_port_is_set() -> None:
    async def read() -> Figures:
        raise AssertionError

    before = own_listeners()
    async with serving_metrics(read, 0):
        assert own_listeners() == before


async def test_a_port_that_is_taken_is_told_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def read() -> Figures:
        return make_figures()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with serving_metrics(read, taken.getsockname()[1]):
            pass
    assert "metrics_not_served" in caplog.text
