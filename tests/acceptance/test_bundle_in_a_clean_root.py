"""The bundle on a minimal Debian without a network: installed, used, upgraded, gone back from, taken off.

The root is debootstrap's smallest, without Python; its commands run in a network namespace with nothing in it. It has
no systemd running, as an image that is being made has none. Minutes, and root only.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import edge_bundle
import pytest

from tests.simulators.agent_place import MODELS

NEEDED = ("debootstrap", "unshare", "apt-get")
SUITE = "bookworm"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root of its own needs root"),
    pytest.mark.skipif(not all(shutil.which(name) for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"),
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
]


@dataclass(frozen=True)
class CleanRoot:
    """A box: a root folder, and the bundle on a stick under /srv/bundle."""

    folder: Path

    def run(self, *command: str, language: str = "C.UTF-8") -> "subprocess.CompletedProcess[str]":
        """A command in it, as root and without a network."""
        inside = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"LANG={language}", *command]
        apart = ["unshare", "--net", "--mount", "--pid", "--fork", f"--mount-proc={self.folder}/proc"]
        return subprocess.run(
            [*apart, "chroot", str(self.folder), *inside], capture_output=True, text=True, check=False, timeout=900
        )

    def does(self, *command: str, language: str = "C.UTF-8") -> str:
        """A command that must work; what it says."""
        done = self.run(*command, language=language)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def under(self, path: str) -> Path:
        """A path of the box, from outside."""
        return self.folder / path.lstrip("/")

    @property
    def release(self) -> str:
        """The release in use."""
        return self.under("/opt/atalaya/current").readlink().name

    def kept(self) -> dict[str, str]:
        """Hash, owner and mode of all that is the box's own."""
        found = {}
        for top in ("/etc/atalaya", "/var/lib/atalaya-agent"):
            for path in sorted(self.under(top).rglob("*")):
                status = path.stat()
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                found[str(path)] = f"{content} {status.st_uid} {status.st_mode:o}"
        return found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edge_bundle.make(tmp_path_factory.mktemp("out"), sign=None, with_debs=True)


@pytest.fixture(scope="module")
def box(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    folder = tmp_path_factory.mktemp("clean") / "root"
    log = folder.with_suffix(".log")
    with log.open("w") as out:
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", SUITE, str(folder)], stdout=out, stderr=out, check=False
        )
    if made.returncode != 0:
        pytest.skip(f"Debian's archive is out of reach: {log.read_text()[-300:]}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "srv", filter="data")
    (folder / "srv" / archive.stem).rename(folder / "srv" / "bundle")
    yield CleanRoot(folder)
    shutil.rmtree(folder)


def rename_release(box: CleanRoot, release: str, **changed: str) -> None:
    """Make another bundle of the one on the stick: its name, files that are changed, its checksums."""
    bundle = box.under("/srv/bundle")
    (bundle / "RELEASE").write_text(f"{release}\n")
    for name, text in changed.items():
        (bundle / name.replace("__", ".")).write_text(text)
    (bundle / "SHA256SUMS").unlink()
    edge_bundle.put_checksums(bundle, None)


def test_a_box_without_a_network_is_installed_upgraded_and_cleared(box: CleanRoot, archive: Path) -> None:
    _a_damaged_bundle_installs_nothing(box)
    _it_installs_and_works(box, archive)
    _an_upgrade_keeps_identity_and_outbox(box)
    _a_release_that_does_not_fit_leaves_the_one_in_use(box)
    _taken_off_it_says_what_it_leaves(box)


def _a_damaged_bundle_installs_nothing(box: CleanRoot) -> None:
    victim = box.under("/srv/bundle/agent.toml")
    before = victim.read_text()
    victim.write_text(before + "# changed on the way\n")
    done = box.run("/srv/bundle/install.sh", language="es_MX.UTF-8")
    assert done.returncode == 1
    assert "el paquete está dañado" in done.stderr
    assert not box.under("/opt/atalaya").exists()
    victim.write_text(before)


def _it_installs_and_works(box: CleanRoot, archive: Path) -> None:
    assert not box.under("/usr/bin/python3").exists(), "else this proves less than it says"
    said = box.does("/srv/bundle/install.sh")
    assert "Next: edge-agent enroll" in said
    assert archive.stem.startswith(f"atalaya-edge-{box.release}-")
    assert box.under("/etc/systemd/system/multi-user.target.wants/atalaya-agent.service").is_symlink()
    assert "tss" in box.does("id", "-nG", "atalaya-agent")
    box.does("edge-agent", "config", "check")
    box.does("edge-agent", "identity", "new", "/etc/atalaya/identity", "--device", "box-1", "--keystore", "file")
    key = box.under("/etc/atalaya/identity/device.key.pem").stat()
    assert (key.st_mode & 0o777, key.st_uid) == (0o600, box.under("/etc/atalaya/identity").stat().st_uid)
    assert key.st_uid != 0, "root's command made it, and the agent can read it"
    assert "without passwords" in box.does("edge-agent", "support-bundle", "/tmp", "--no-doctor")
    # The models run, and tpm2-pytss finds its libraries.
    python = "/opt/atalaya/current/venv/bin/python"
    box.does(python, "-c", "import tpm2_pytss, av, cv2, openvino")
    box.does(
        python, "-c",
        "from edge_agent.adapters.vision import open_vision; from edge_agent.settings import Settings;"
        " assert open_vision(Settings().inference).describe()",
    )  # fmt: skip


def _an_upgrade_keeps_identity_and_outbox(box: CleanRoot) -> None:
    first = box.release
    outbox = box.under("/var/lib/atalaya-agent/outbox.db")
    outbox.write_bytes(b"messages that were not receipted")
    settings = box.under("/etc/atalaya/agent.toml")
    settings.write_text(settings.read_text() + "report_interval_s = 30.0\n")
    before = box.kept()
    rename_release(box, "0.1.1-upgraded")
    box.does("/srv/bundle/install.sh")
    assert box.release == "0.1.1-upgraded"
    assert box.kept() == before
    assert box.under(f"/opt/atalaya/releases/{first}/complete").exists(), "the last release stays, to go back to"
    rename_release(box, "0.1.2-upgraded-again")
    box.does("/srv/bundle/install.sh")
    assert sorted(path.name for path in box.under("/opt/atalaya/releases").iterdir()) == [
        "0.1.1-upgraded", "0.1.2-upgraded-again",
    ]  # fmt: skip
    box.does("/srv/bundle/install.sh")
    assert box.kept() == before


def _a_release_that_does_not_fit_leaves_the_one_in_use(box: CleanRoot) -> None:
    settings = box.under("/etc/atalaya/agent.toml")
    good = settings.read_text()
    settings.write_text(good + "no_such_key = 1\n")
    rename_release(box, "0.1.3-picky")
    done = box.run("/srv/bundle/install.sh")
    assert done.returncode == 1
    assert "the one in use goes on" in done.stderr
    assert "no_such_key" in done.stderr
    assert box.release == "0.1.2-upgraded-again"
    settings.write_text(good)


def _taken_off_it_says_what_it_leaves(box: CleanRoot) -> None:
    before = box.kept()
    said = box.does("/opt/atalaya/uninstall.sh")
    for left in ("/etc/atalaya", "/var/lib/atalaya-agent", "the account atalaya-agent"):
        assert left in said
    assert box.kept() == before
    for gone in ("/opt/atalaya", "/usr/local/bin/edge-agent", "/usr/share/atalaya"):
        assert not box.under(gone).exists()
    assert not list(box.under("/etc/systemd/system").rglob("*atalaya*"))
    box.does("/srv/bundle/install.sh")
    assert box.kept() == before, "an installation later goes on where this one stopped"
    assert "aggregator device revoke" in box.does("/opt/atalaya/uninstall.sh", "--purge")
    assert not box.under("/etc/atalaya").exists()
    assert not box.under("/var/lib/atalaya-agent").exists()
    assert box.run("id", "atalaya-agent").returncode != 0
