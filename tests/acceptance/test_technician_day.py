"""docs/technician.md, typed line by line: a real city, a real box with real models, two cameras on loopback.

What the page names and this machine has elsewhere is replaced: the cameras' stands_for, and `systemctl`, since no
systemd runs here. A machine that tests is no box, and slow: its acceptance is signed despite what fails. All else is
typed as it stands.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from stack.city import BIN, LocalCity

from tests.acceptance.manual import steps
from tests.acceptance.people import Person, Pocket
from tests.acceptance.street_cast import Clip
from tests.simulators import systemctl
from tests.simulators.agent_place import MODELS
from tests.simulators.onvif_camera import OnvifCamera
from tests.simulators.rtsp_server import RtspServer

PAGE = Path(__file__).parents[2] / "docs" / "technician.md"
USER, PASSWORD = "installer", "Nort3-7788"


@pytest.fixture
def people(tmp_path: Path, clip: Clip) -> Iterator[dict[str, Person]]:
    """An admin at a running command centre, and a technician at a box that is installed and not enrolled."""
    with ExitStack() as stack:
        city = LocalCity(tmp_path / "centre")
        city.found()
        stack.callback(city.stop)
        city.start_servers()
        north = stack.enter_context(RtspServer(clip.video, user=USER, password=PASSWORD))
        south = stack.enter_context(RtspServer(clip.video))
        camera = stack.enter_context(OnvifCamera(USER, PASSWORD, north.url))
        stack.callback(systemctl.stop_all, tmp_path / "units")
        path = f"{_programs(tmp_path)}:{BIN}:/usr/bin:/bin"
        stands_for = {"rtsp://10.20.7.22/live": south.url, "10.20.7.21": camera.address}
        stands_for["edge-agent accept"] = "edge-agent accept --despite-failures"
        pocket = Pocket()
        desk = {"PATH": path, "ATALAYA_CONFIG": str(city.config), "COLUMNS": "160"}
        street = {"PATH": path, "ATALAYA_AGENT_CONFIG": str(_box(tmp_path)), "LANG": "C.UTF-8", "COLUMNS": "160"}
        street[systemctl.ENVIRONMENT_KEY] = str(tmp_path / "units")
        yield {
            "admin": Person(_desk(tmp_path), desk, pocket),
            "box": Person(tmp_path / "box", street, pocket, stands_for),
        }


@pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")
@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_every_command_of_the_technicians_day_does_what_the_page_says(people: dict[str, Person]) -> None:
    typed = list(steps(PAGE.read_text()))
    assert len(typed) > 20
    for step in typed:
        people[step.who].does(step)


def _programs(folder: Path) -> Path:
    programs = folder / "bin"
    agent = f"{BIN / 'edge-agent'} run --config {folder / 'box' / 'agent.toml'}"
    systemctl.install(programs, folder / "units", {"atalaya-agent": agent})
    return programs


def _box(folder: Path) -> Path:
    """What an installation leaves: a settings file, and nothing of an identity."""
    box = folder / "box"
    box.mkdir(mode=0o700)
    login = box / "north.login"
    login.touch(0o600)
    login.write_text(f"{USER}\n{PASSWORD}\n")
    settings = box / "agent.toml"
    settings.write_text(
        'identity_dir = "identity"\ndata_dir = "data"\nlock_memory = false\nreport_interval_s = 2\n'
        f'[inference]\nmodels_dir = "{MODELS}"\n'
    )
    return settings


def _desk(folder: Path) -> Path:
    desk = folder / "desk"
    desk.mkdir()
    (desk / "quick.toml").write_text("report_interval_s = 30\n")
    return desk
