"""`edge-agent support-bundle`: canaries are planted wherever a box has secrets, and looked for in the archive."""

import base64
import json
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.adapters.camera_book import Access, BookCamera, seal_access, write_book
from edge_agent.adapters.keystore import KEY
from edge_agent.adapters.vault import KEY_FILE, open_vault
from edge_agent.cli.support_bundle import support_bundle
from edge_agent.errors import BadSettings
from tests.simulators.city import City

PLATE = "FAB123C"
PASSWORD = "canary-Contraseña-7"
BOOK_PASSWORD = "canary-from-the-book"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An enrolled box with cameras in settings and book, an outbox and a hotlist; its settings file."""
    City(tmp_path / "city").enrol(tmp_path / "identity")
    vault = open_vault(tmp_path / "identity")
    sealed = seal_access(vault, "cam-2", Access("rtsp://10.9.9.9/axis", "root", BOOK_PASSWORD))
    camera = BookCamera(camera="cam-2", shown="rtsp://10.9.9.9", sealed=sealed, added=datetime.now(UTC))
    write_book(tmp_path / "identity", (camera,))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "outbox.db").write_bytes(f"a hit on {PLATE}".encode())
    (tmp_path / "data" / "hotlist.sealed").write_bytes(f"a list with {PLATE}".encode())
    config = tmp_path / "agent.toml"
    config.write_text(
        f'identity_dir = "identity"\ndata_dir = "data"\n[[cameras]]\ncamera = "cam-1"\n'
        f'url = "rtsp://admin:{PASSWORD}@10.1.2.3:554/s?user=admin&pw={PASSWORD}"\n'
    )
    return config


@pytest.fixture
def log(tmp_path: Path, box: Path) -> Path:
    """A log into which everything has slipped that never should."""
    key, vault = (tmp_path / "identity" / KEY).read_text(), (tmp_path / "identity" / KEY_FILE).read_bytes()
    file = tmp_path / "agent.log"
    lines = [
        "2026-11-22T17:51:48+0000 box-1 edge-agent[812]: camera_opened camera=cam-1",
        f"opening rtsp://admin:{PASSWORD}@10.1.2.3:554/s",
        f"said {PASSWORD} and {BOOK_PASSWORD}",
        json.dumps({"said": PASSWORD}),
        f"read {PLATE} and FAB-123-C",
        key,
        base64.b64encode(vault).decode(),
        vault.hex(),
    ]
    file.write_text("\n".join(lines))
    return file


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_no_plate_password_or_key_is_in_the_bundle(
    box: Path, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "support.tar.gz"
    assert support_bundle(out, config=box, doctor=False, log_file=log, language="es-MX") == 0
    assert "sin contraseñas, llaves ni placas" in capsys.readouterr().out
    assert out.stat().st_mode & 0o777 == 0o600
    files = unpack(out, tmp_path / "unpacked")
    everything = "\n".join(files.values())
    vault = open_vault(tmp_path / "identity").key
    key_lines = (tmp_path / "identity" / KEY).read_text().splitlines()[1:-1]
    canaries = [PLATE, "FAB-123-C", PASSWORD, "canary-Contrase", BOOK_PASSWORD, vault.hex(), *key_lines]
    assert [canary for canary in canaries if canary in everything] == []
    assert base64.b64encode(vault).decode().rstrip("=") not in everything


def test_what_support_needs_is_in_the_bundle(box: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "support.tar.gz"
    support_bundle(out, config=box, doctor=False, log_file=log, json_=True)
    files = unpack(out, tmp_path / "unpacked")
    assert set(files) == {
        "about.json", "settings.json", "identity.json", "status.json", "files.json", "unit.txt", "log.txt",
    }  # fmt: skip
    assert json.loads(files["about.json"])["packages"]["cryptography"]
    settings = json.loads(files["settings.json"])
    assert [camera["url"] for camera in settings["cameras"]] == ["rtsp://..."]
    assert json.loads(files["identity.json"])["device"] == "box-1"
    assert "no agent answers" in json.loads(files["status.json"])["not_there"]
    names = {each["name"] for folder in json.loads(files["files.json"]).values() for each in folder}
    assert {KEY, KEY_FILE, "outbox.db"} <= names
    assert "camera_opened camera=cam-1" in files["log.txt"]


def test_a_box_that_is_not_enrolled_has_a_bundle_too(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('identity_dir = "identity"\ndata_dir = "data"\n')
    support_bundle(tmp_path, config=tmp_path / "agent.toml", doctor=False, json_=True)
    files = unpack(tmp_path / "atalaya-support.tar.gz", tmp_path / "unpacked")
    assert "identity new" in json.loads(files["identity.json"])["not_there"]


def test_log_lines_may_come_by_a_pipe(box: Path, tmp_path: Path) -> None:
    """The installed command hands over the journal, which is root's to read, and runs as the agent's user itself."""
    command = [str(Path(sys.executable).with_name("edge-agent")), "support-bundle", str(tmp_path), "--config", str(box)]
    done = subprocess.run(
        [*command, "--no-doctor", "--log-file=-"],
        input=f"camera_opened\nread {PLATE}\n".encode(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    log = unpack(tmp_path / "atalaya-support.tar.gz", tmp_path / "unpacked")["log.txt"]
    assert log == "camera_opened\nread [plate?]\n"


@pytest.mark.parametrize("name", ["support.zip", "nowhere/support.tar.gz"])
def test_a_place_that_will_not_do_is_refused(box: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSettings, match=r"\.tar\.gz"):
        support_bundle(tmp_path / name, config=box, doctor=False)
