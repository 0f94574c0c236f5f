"""`edge-agent cameras` against cameras that speak ONVIF and RTSP and want their password."""

import json
import os
import pty
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from street.render import render_street

from edge_agent.adapters.camera_book import FILE, merged, open_access, read_book
from edge_agent.adapters.vault import open_vault
from edge_agent.cli.app import app
from edge_agent.errors import BadSettings
from edge_agent.settings import load_settings
from tests.simulators.onvif_camera import OnvifCamera
from tests.simulators.rtsp_server import SYSTEM_PYTHON, RtspServer

PASSWORD = "p@ss/w:rd-planted"
USER = "installer-planted"
FPS = 10
PATIENCE_S = 80.0  # the machine may be busy

# Rows and objects of any command's JSON.
Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="the RTSP server needs the system's Python")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    render_street(path, seconds=2, fps=FPS, size=(320, 180), seed=1, vehicles=[])
    return path


@pytest.fixture(scope="module")
def stream(clip: Path) -> Iterator[RtspServer]:
    with RtspServer(clip, user=USER, password=PASSWORD) as server:
        yield server


@pytest.fixture
def camera(stream: RtspServer) -> Iterator[OnvifCamera]:
    with OnvifCamera(user=USER, password=PASSWORD, stream_url=stream.url) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text('identity_dir = "identity"\ndata_dir = "data"\n')
    (tmp_path / "identity").mkdir(mode=0o700)
    monkeypatch.setenv("ATALAYA_AGENT_CONFIG", str(file))
    monkeypatch.setenv("ATALAYA_CAMERA_USER", USER)
    monkeypatch.setenv("ATALAYA_CAMERA_PASSWORD", PASSWORD)
    return file


@pytest.fixture
def run(config: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Run:
    """Run a command in this process; its exit code, stdout and stderr. No password is in any of it, nor in the log."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = app(["cameras", *arguments], result_action="return_value")
        said = capfd.readouterr()
        assert "planted" not in said.out + said.err + caplog.text
        return code, said.out, said.err

    return call


def done(run: Run, *arguments: str) -> str:
    """What a command prints that succeeds: a machine that stands still for a second spoils a look at a camera."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, out, _ = run(*arguments)
        if code == 0:
            return str(out)
        assert time.monotonic() < deadline, out


def add(run: Run, camera: OnvifCamera, *more: str, name: str = "entrance") -> dict[str, Any]:
    added: dict[str, Any] = json.loads(done(run, "add", name, camera.address, "--look", "1", "--json", *more))
    return added


def seen_in_peace(run: Run, camera: OnvifCamera) -> dict[str, Any]:
    """The proof of a camera that is added, once nothing held up what came of it: its figures are measured."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        proof = add(run, camera)
        warned = {check["check"] for check in proof["checks"] if check["verdict"] != "pass"}
        is_at_pace = proof["stream"]["frames_per_s"] == pytest.approx(FPS, rel=0.2)
        if (is_at_pace and warned == {"camera_format"}) or time.monotonic() > deadline:
            return proof
        assert run("remove", "entrance")[0] == 0


def test_a_camera_is_proven_written_down_listed_tried_and_removed(run: Run, camera: OnvifCamera, config: Path) -> None:
    proof = seen_in_peace(run, camera)
    assert proof["stream"]["codec"] == "h264"
    assert (proof["stream"]["width_px"], proof["stream"]["height_px"]) == (320, 180)
    assert proof["stream"]["frames_per_s"] == pytest.approx(FPS, rel=0.2)
    assert proof["onvif"]["serial"] == "SN-0001"
    assert {check["check"]: check["verdict"] for check in proof["checks"]} == {
        "camera_onvif": "pass",
        "camera_format": "warn",
        "camera_rate": "pass",
        "camera_drops": "pass",
        "camera_first_frame": "pass",
        "camera_clock": "pass",
    }
    (row,) = json.loads(run("list", "--json")[1])
    assert (row["camera"], row["make"], row["mac"], row["profile"]) == ("entrance", "Acme", "02:00:5e:10:00:01", "main")
    assert row["onvif"] == camera.address
    settings = merged(load_settings(config))
    assert settings.cameras[0].url.startswith("rtsp://installer-planted:p%40ss%2Fw%3Ard-planted@127.0.0.1:")
    (tried,) = json.loads(done(run, "test", "--look", "1", "--json"))
    assert (tried["camera"], tried["verdict"]) == ("entrance", "warn")
    assert run("remove", "entrance")[0] == 0
    assert json.loads(run("list", "--json")[1]) == []


def test_no_file_shows_the_password(run: Run, camera: OnvifCamera, config: Path) -> None:
    add(run, camera)
    kept = [path for path in config.parent.rglob("*") if path.is_file()]
    assert config.parent / "identity" / FILE in kept
    for path in kept:
        assert b"planted" not in path.read_bytes(), path
    (entry,) = read_book(config.parent / "identity")
    assert open_access(open_vault(config.parent / "identity"), entry).password == PASSWORD


def test_a_wrong_password_writes_nothing_and_says_what_to_do_in_the_technicians_language(
    run: Run, camera: OnvifCamera, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATALAYA_CAMERA_PASSWORD", "wrong-planted")
    code, out, err = run("add", "entrance", camera.address, "--language", "es-MX")
    assert code == 1
    assert "rechaza el usuario o la contraseña" in " ".join(out.split()).replace(" │ ", " ")
    assert "no se registró" in err
    assert not (config.parent / "identity" / FILE).exists()


def test_a_camera_that_sends_too_few_frames_is_not_written_down(run: Run, camera: OnvifCamera, config: Path) -> None:
    code, out, _ = run("add", "entrance", camera.address, "--look", "1", "--fps", "50", "--json")
    (rate,) = [check for check in json.loads(out)["checks"] if check["check"] == "camera_rate"]
    assert (code, rate["verdict"]) == (1, "fail")
    assert read_book(config.parent / "identity") == ()


def test_a_replaced_camera_keeps_its_id_and_its_history(
    run: Run, camera: OnvifCamera, stream: RtspServer, config: Path
) -> None:
    add(run, camera, "--fps", "8")
    with pytest.raises(BadSettings, match="cameras replace entrance"):
        run("add", "entrance", camera.address)
    with OnvifCamera(user=USER, password=PASSWORD, stream_url=stream.url, serial="SN-0002") as new:
        done(run, "replace", "entrance", new.address, "--look", "1")
        (row,) = json.loads(run("list", "--json")[1])
        assert (row["serial"], row["onvif"], row["frames_per_s"]) == ("SN-0002", new.address, 8)
        assert [past["serial"] for past in row["earlier"]] == ["SN-0001"]
        with pytest.raises(BadSettings, match="no such camera"):
            run("replace", "exit", new.address)


def test_a_camera_of_the_settings_can_be_replaced(run: Run, camera: OnvifCamera, config: Path) -> None:
    config.write_text(config.read_text() + '[[cameras]]\ncamera = "entrance"\nurl = "rtsp://a:secret-planted@b/c"\n')
    (row,) = json.loads(run("list", "--json")[1])
    assert (row["in"], row["address"]) == ("settings", "rtsp://b")
    done(run, "replace", "entrance", camera.address, "--look", "1")
    (row,) = json.loads(run("list", "--json")[1])
    assert (row["in"], row["serial"]) == ("book", "SN-0001")


def test_a_stream_without_onvif_is_added_by_an_address_from_a_file(
    run: Run, stream: RtspServer, config: Path, tmp_path: Path
) -> None:
    address = tmp_path / "address"
    address.write_text(
        stream.url.replace("rtsp://", f"rtsp://{USER}:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@")
    )
    address.chmod(0o644)
    with pytest.raises(BadSettings, match="others may read it"):
        run("add", "yard", "--address-file", str(address))
    address.chmod(0o600)
    added = json.loads(done(run, "add", "yard", "--address-file", str(address), "--look", "1", "--json"))
    assert added["onvif"] is None
    address.unlink()
    assert [(each.camera, each.onvif) for each in read_book(config.parent / "identity")] == [("yard", "")]
    done(run, "test", "yard", "--look", "1")


def test_a_password_on_the_command_line_is_refused_and_not_repeated(run: Run) -> None:
    with pytest.raises(BadSettings, match="change that password") as told:
        run("add", "entrance", "rtsp://admin:oops-planted@10.0.0.5/live")
    assert "planted" not in str(told.value)
    with pytest.raises(BadSettings) as told:
        run("add", "entrance", "http://admin:oops-planted@10.0.0.5/")
    assert "planted" not in str(told.value)


def test_without_a_terminal_a_file_or_the_environment_nobody_is_asked(
    run: Run, camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ATALAYA_CAMERA_USER")
    monkeypatch.delenv("ATALAYA_CAMERA_PASSWORD")
    with pytest.raises(BadSettings, match="--credentials-file"):
        run("add", "entrance", camera.address)
    login = tmp_path / "login"
    login.write_text(f"{USER}\n{PASSWORD}\n")
    login.chmod(0o600)
    with pytest.raises(BadSettings, match="cannot be read"):
        run("add", "entrance", camera.address, "--credentials-file", str(tmp_path / "none"))
    with login.open() as given:
        monkeypatch.setattr(sys, "stdin", given)
        add(run, camera, "--credentials-file", "-")
    assert run("remove", "entrance")[0] == 0
    add(run, camera, "--credentials-file", str(login))
    login.unlink()


def test_a_camera_that_does_not_answer_is_told_apart(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, out, _ = run("add", "entrance", f"127.0.0.1:{taken.getsockname()[1]}", "--json")
    (check,) = json.loads(out)["checks"]
    assert (code, check["check"], check["verdict"]) == (1, "camera_onvif", "fail")
    assert "cannot be reached" in check["remedy"]


def test_a_terminal_is_asked_and_the_password_is_not_shown(
    camera: OnvifCamera, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a pseudo-terminal, as a technician's."""
    for name in ("ATALAYA_CAMERA_USER", "ATALAYA_CAMERA_PASSWORD"):
        monkeypatch.delenv(name)
    deadline, shown = time.monotonic() + PATIENCE_S, type_in(camera)
    while b"is written down" not in shown:  # a machine that stands still for a second spoils the look
        assert time.monotonic() < deadline, shown.decode()
        shown = type_in(camera)
    assert PASSWORD.encode() not in shown
    assert [each.camera for each in read_book(config.parent / "identity")] == ["entrance"]


def type_in(camera: OnvifCamera) -> bytes:
    """Add a camera at a terminal and type user and password; all that it shows."""
    command = "from edge_agent.cli import main; main()"
    argv = [sys.executable, "-c", command, "cameras", "add", "entrance", camera.address, "--look", "1"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)  # noqa: S606  no shell is wanted
    try:
        shown = read_until(terminal, b"none):")
        os.write(terminal, USER.encode() + b"\n")
        shown += read_until(terminal, b"(not shown):")
        os.write(terminal, PASSWORD.encode() + b"\n")
        shown += read_until(terminal, None)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return shown


def read_until(terminal: int, wanted: bytes | None) -> bytes:
    """What a terminal shows up to some words, or to the program's end."""
    shown = b""
    while wanted is None or wanted not in shown:
        assert select.select([terminal], [], [], 30)[0], shown.decode()
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            chunk = b""  # the program has ended
        if not chunk:
            assert wanted is None, shown.decode()
            break
        shown += chunk
    return shown
