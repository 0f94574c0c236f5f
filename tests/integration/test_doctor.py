"""The doctor on a real box: before enrolment, enrolled, beside a running agent, and with things broken."""

import asyncio
import json
import shutil
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from street.render import render_street

from edge_agent.adapters import probe_link, probe_machine
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.keystore import AUTHORITY, load_enrolment
from edge_agent.adapters.profiles import load_profile
from edge_agent.adapters.texts import texts
from edge_agent.cli.checks import show_checks
from edge_agent.cli.doctor import doctor
from edge_agent.core.checks import Check, Verdict, failed, passed
from edge_agent.errors import NotRunning
from edge_agent.service.doctor import examine, probes
from edge_agent.service.probing import Checks, Patient, Probe, carried_out
from edge_agent.settings import load_settings
from tests.simulators.agent_place import AgentPlace
from tests.simulators.aggregator_peer import until
from tests.simulators.artefact_shelf import ArtefactShelf
from tests.simulators.broker import free_port
from tests.simulators.city import City
from tests.simulators.rtsp_server import RtspServer

PROFILE = load_profile("generic-x86-64")
PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL


@pytest.fixture
def place(tmp_path: Path) -> Iterator[AgentPlace]:
    with AgentPlace(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def street_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of an empty street, 720p."""
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    render_street(path, seconds=2, fps=10, size=(1280, 720), seed=1, vehicles=[])
    return path


def looked(config: Path) -> dict[str, Check]:
    """The whole examination by check name, of several the last."""
    return by_name(asyncio.run(examine(load_settings(config), PROFILE)))


def looked_at(config: Path, *names: str) -> dict[str, Check]:
    """Some of its probes only."""
    patient = Patient.of(load_settings(config), PROFILE)
    wanted = tuple(each for each in probes(patient) if each.name.partition(" ")[0] in names)
    assert wanted
    return by_name(asyncio.run(carried_out(wanted, lambda _: None)))


def in_the_end(
    look: Callable[[], dict[str, Check]], *names: str, verdicts: Iterable[Verdict] = (PASS,)
) -> dict[str, Check]:
    """What is found once these checks come out so: what is measured while the machine stalls is rightly told as bad."""
    good, deadline = frozenset(verdicts), time.monotonic() + 60
    while True:
        found = look()
        if all(name in found and found[name].verdict in good for name in names) or time.monotonic() > deadline:
            return found


def by_name(checks: Checks) -> dict[str, Check]:
    return {check.name if check.camera is None else f"{check.name} {check.camera}": check for check in checks}


def test_before_enrolment_what_needs_an_identity_is_named_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    models = Path(__file__).resolve().parents[2] / "models"
    config.write_text(f'identity_dir = "i"\ndata_dir = "d"\n[inference]\nmodels_dir = "{models}"\n')
    found = looked(config)
    for name in ("identity", "certificate", "dns", "broker", "uplink", "agent", "cameras"):
        assert found[name].verdict is WARN, name
    assert found["disk-file-system"].verdict is not FAIL
    assert found["inference-device"].value == "CPU f32"
    assert not (tmp_path / "i").exists()
    assert not (tmp_path / "d").exists()


def test_an_enrolled_box_is_measured_against_its_command_centre(place: AgentPlace) -> None:
    names = ("certificate", "dns", "broker", "uplink")
    found = in_the_end(lambda: looked_at(place.config, *names), *names, "clock-offset")
    assert found["broker"].verdict is PASS
    assert found["dns"].value == "127.0.0.1 (no name)"
    assert found["uplink"].verdict is PASS
    assert found["clock-offset"].verdict is PASS
    assert found["certificate"].verdict is PASS


def test_beside_a_running_agent_the_doctor_takes_its_word_and_leaves_its_session_alone(
    place: AgentPlace, street_clip: Path
) -> None:
    with RtspServer(street_clip) as camera:
        with place.config.open("a") as file:
            file.write(f'[[cameras]]\ncamera = "cam-1"\nurl = "{camera.url}"\nframes_per_s = 1.0\n')
        place.start()
        until_live(place)
        before = ask(place.data_dir / NAME, "status")["presence"]["connection"]
        found = in_the_end(lambda: looked_at(place.config, "broker", "camera"), "camera cam-1")
        after = ask(place.data_dir / NAME, "status")["presence"]
    assert found["broker"].value.endswith("agent connected")
    assert found["camera cam-1"].verdict is PASS
    assert "camera_format cam-1" not in found
    assert (after["is_connected"], after["connection"]) == (True, before)


def until_live(place: AgentPlace) -> None:
    """Wait until the agent is connected and its camera live."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            status = ask(place.data_dir / NAME, "status")
        except NotRunning:
            status = None
        if status and status["presence"]["is_connected"] and status["cameras"][0]["frames_per_s"] >= 1:
            return
        time.sleep(0.1)
    pytest.fail(place.log.read_text())


def test_a_camera_that_nobody_reads_is_opened_and_measured(place: AgentPlace, street_clip: Path) -> None:
    dead = f"rtsp://user:secret@127.0.0.1:{free_port()}/cam"
    with RtspServer(street_clip) as camera, place.config.open("a") as file:
        file.write(f'[[cameras]]\ncamera = "good"\nurl = "{camera.url}"\nframes_per_s = 5\n')
        file.write(f'[[cameras]]\ncamera = "dead"\nurl = "{dead}"\n')
        file.flush()
        found = in_the_end(
            lambda: looked_at(place.config, "camera"), "camera_rate good", "camera_format good", verdicts=(PASS, WARN)
        )
    assert found["camera_rate good"].verdict is not FAIL
    assert found["camera_format good"].value == "h264 1280x720"
    assert found["camera dead"].verdict is FAIL
    assert "secret" not in str(found)


def test_a_broker_that_is_not_there_fails(place: AgentPlace) -> None:
    place.broker.kill()
    assert looked_at(place.config, "broker")["broker"].verdict is FAIL


def test_a_broker_that_refuses_the_certificate_after_the_handshake_is_heard(place: AgentPlace, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    City(tmp_path / "elsewhere").enrol(foreign, port=place.broker.port)
    shutil.copy(place.identity_dir / AUTHORITY, foreign / AUTHORITY)

    def refusal(folder: Path) -> str:
        return probe_link.broker_refusal("127.0.0.1", place.broker.port, load_enrolment(folder).tls())

    until(lambda: refusal(foreign), what="it is refused: a broker that is slow to say so is taken at its silence")
    until(lambda: not refusal(place.identity_dir), what="ours is taken")


def test_a_certificate_that_seems_out_of_date_is_told_apart_from_a_clock_that_is_wrong(tmp_path: Path) -> None:
    city = City(tmp_path / "city")
    city.issue_server("peer", begins=datetime.now(UTC) + timedelta(days=1))
    config = tmp_path / "agent.toml"
    config.write_text('identity_dir = "identity"\n')
    with ArtefactShelf(city) as shelf:
        city.enrol(tmp_path / "identity", artefacts=shelf.port)
        found = in_the_end(lambda: looked_at(config, "uplink"), "clock-offset")
    assert found["uplink"].remedy is not None
    assert found["uplink"].remedy.message == "doctor-uplink-undated"
    assert found["clock-offset"].verdict is PASS


def test_people_read_it_in_their_language(capsys: pytest.CaptureFixture[str]) -> None:
    checks = (
        passed("ram", "16 GB"),
        failed("camera", "-", "doctor-camera-dead", camera="cam-1", fault="no [such] file"),
    )
    show_checks(Console(width=100), texts("es-MX"), "este equipo", checks)
    shown = capsys.readouterr().out
    for told in ("cámara cam-1", "Sin imagen: no [such] file", "16 GB", "1 por arreglar"):
        assert told in shown


async def test_a_probe_that_hangs_or_breaks_is_a_failed_check_and_the_others_go_on() -> None:
    async def hang() -> Checks:
        await asyncio.Event().wait()
        return ()

    async def broken() -> Checks:
        raise ssl.SSLError("bad record")

    async def good() -> Checks:
        return (Check("ram", PASS, "16 GB"),)

    told: list[str] = []
    todo = (Probe("dns", hang, 0.05), Probe("broker", broken), Probe("machine", good))
    checks = await carried_out(todo, told.append)
    assert [(each.name, each.verdict) for each in checks] == [("dns", FAIL), ("broker", FAIL), ("ram", PASS)]
    assert told == ["dns", "broker", "machine"]


def test_the_command_fails_if_anything_must_be_mended(place: AgentPlace, capsys: pytest.CaptureFixture[str]) -> None:
    with place.config.open("a") as file:
        file.write('[[cameras]]\ncamera = "cam-1"\nurl = "/no/such/file.mp4"\nframes_per_s = 0.1\n')
    assert doctor(config=place.config, json_=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "fail"
    assert next(each for each in told["checks"] if each["check"] == "identity")["value"] == "box-1"
    camera = next(each for each in told["checks"] if each["camera"] == "cam-1")
    assert camera["remedy"].startswith("No picture: ")


def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"22 21 0:5 / {tmp_path} rw - tmpfs none rw\n"
        "23 21 0:6 / /elsewhere rw - nfs server:/x rw\n"
    )
    assert probe_machine.look_at_data_folder(tmp_path / "not" / "yet", mounts=mounts).file_system == "tmpfs"


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    found = probe_machine.look_at_data_folder(Path("/proc/nobody"))
    assert found.commit_ms is None
    assert found.why_not
