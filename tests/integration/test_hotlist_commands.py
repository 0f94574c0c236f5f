"""`aggregator officer` and `aggregator hotlist`, as two officers and an operator use them."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Access
from aggregator.cli.app import run
from aggregator.settings import ENVIRONMENT
from tests.simulators.installation import Installation, make_installation
from tests.simulators.officers import file_of

PASSPHRASE = "passphrase of an officer"


@dataclass
class Desk:
    """A terminal in the command centre."""

    installation: Installation
    folder: Path
    capture: pytest.CaptureFixture[str]

    def does(self, *words: str | Path) -> str:
        """A command that succeeds; what it gave on stdout."""
        self.capture.readouterr()
        code = run([str(word) for word in words])
        said = self.capture.readouterr()
        assert code == 0, said.err
        return said.out

    def fails(self, *words: str | Path) -> str:
        """A command that fails; what it said on stderr."""
        self.capture.readouterr()
        assert run([str(word) for word in words]) != 0
        return self.capture.readouterr().err

    def file(self, *plates: str) -> Path:
        """A file to import."""
        path = self.folder / "wanted.csv"
        path.write_bytes(file_of(plates))
        return path

    def make_officer(self, name: str) -> tuple[str | Path, ...]:
        """A new officer with a key file, granted; the options with which he signs."""
        secret = self.folder / f"{name}.pass"
        keyfiles.write_new(secret, f"{PASSPHRASE}\n".encode(), keyfiles.PRIVATE)
        self.does("officer", "new", name, "--out", self.folder, "--passphrase-file", secret)
        self.grant(name, self.folder / f"{name}.officer.pub.pem")
        return ("--officer-key", self.folder / f"{name}.officer.key.pem", "--passphrase-file", secret)

    def grant(self, name: str, public: Path) -> None:
        """The root's ceremony."""
        root = ("--root-key", self.installation.root_key)
        secret = ("--root-passphrase-file", self.installation.root_passphrase_file)
        self.does("officer", "grant", name, "--key", public, "--city", "saltillo", *root, *secret)

    def only_batch(self) -> str:
        """The one batch there is."""
        (batch,) = json.loads(self.does("hotlist", "batches", "--json"))
        return str(batch["batch_id"])


@pytest.fixture
def desk(
    empty_database: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    installation = asyncio.run(make_installation(tmp_path / "site", dsn=empty_database.dsn))
    monkeypatch.setenv(ENVIRONMENT, str(installation.config))
    return Desk(installation, tmp_path, capsys)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """An ssh-agent; gives it a new key of a name, and returns the public file."""
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))

    def add(name: str) -> Path:
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        subprocess.run(["ssh-add", "-q", path], env=os.environ, check=True)
        return path.with_suffix(".pub")

    yield add
    process.terminate()
    process.wait(timeout=30)
    process.stdout.close()


def test_from_a_file_to_a_published_list_and_off_again(desk: Desk) -> None:
    ana, luis = desk.make_officer("ana"), desk.make_officer("luis")
    officers = json.loads(desk.does("officer", "list", "--json"))
    assert [(officer["officer"], officer["cities"]) for officer in officers] == [
        ("ana", "saltillo"),
        ("luis", "saltillo"),
    ]

    lines = json.loads(desk.does("hotlist", "import", desk.file("fab-123-c", "EUA1234"), "--json"))
    assert [(line["line"], line["outcome"], line["plate"], line["form"]) for line in lines] == [
        (2, "accepted", "FAB123C", "private-car"),
        (3, "accepted", "EUA1234", "private-car"),
    ]
    desk.does("hotlist", "propose", *ana)
    batch = desk.only_batch()
    assert "a second officer must approve" in desk.fails("hotlist", "approve", batch, *ana)
    desk.does("hotlist", "approve", batch, *luis)

    blind = desk.does("hotlist", "list", "--json")
    assert "FAB123C" not in blind
    assert "FGE-0" not in blind
    seen = json.loads(desk.does("hotlist", "list", "--json", "--reason", "shift handover"))
    assert {entry["plate"] for entry in seen} == {"FAB123C", "EUA1234"}
    entry = next(entry["entry_id"] for entry in seen if entry["plate"] == "FAB123C")
    desk.does("hotlist", "withdraw", entry, "--reason", "found again", *luis)
    after = json.loads(desk.does("hotlist", "list", "--json"))
    assert [each["entry_id"] for each in after if each["withdrawn_at"]] == [entry]
    desk.does("hotlist", "expire")

    audited = json.loads(desk.does("audit", "list", "--json"))
    actions = [row["action"] for row in audited]
    assert actions[:3] == ["hotlist_import", "hotlist_propose", "hotlist_approve"]
    assert actions[3:] == ["hotlist_look", "hotlist_look", "hotlist_withdraw"]
    assert not any("FAB123C" in str(row) for row in audited)


def test_officers_sign_with_keys_in_an_ssh_agent(desk: Desk, agent: Callable[[str], Path]) -> None:
    keys = {name: agent(name) for name in ("ana", "luis")}
    for name, public in keys.items():
        desk.grant(name, public)
    prints = {
        name: subprocess.run(
            ["ssh-keygen", "-l", "-f", public], capture_output=True, text=True, check=True
        ).stdout.split()[1]
        for name, public in keys.items()
    }
    desk.does("hotlist", "import", desk.file("FAB123C"))
    assert "--key FINGERPRINT" in desk.fails("hotlist", "propose", "--ssh-agent")
    desk.does("hotlist", "propose", "--ssh-agent", "--key", prints["ana"])
    desk.does("hotlist", "approve", desk.only_batch(), "--ssh-agent", "--key", prints["luis"])


def test_a_refused_line_is_told_and_nothing_is_kept(desk: Desk) -> None:
    path = desk.file("FAB123C")
    path.write_bytes(path.read_bytes() + b"X,because,,,\n")
    told = desk.fails("hotlist", "import", path)
    assert "1 of 2 lines refused, nothing is kept" in told
    assert json.loads(desk.does("hotlist", "batches", "--json")) == []
    assert "name an import that waits" in desk.fails("hotlist", "propose", *desk.make_officer("ana"))


def test_a_dry_run_keeps_nothing(desk: Desk) -> None:
    desk.does("hotlist", "import", desk.file("FAB123C"), "--dry-run")
    desk.does("hotlist", "import", desk.file("FAB123C"), "--dry-run")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--ssh-agent", "--officer-key", "a", "--passphrase-file", "b"),
        ("--officer-key", "a"),
        ("--key", "SHA256:x"),
    ],
)
def test_how_to_sign_has_to_be_said_and_in_one_way(desk: Desk, options: tuple[str, ...]) -> None:
    assert "sign with --officer-key and --passphrase-file, or with --ssh-agent" in desk.fails(
        "hotlist", "propose", *options
    )


def test_without_an_agent_it_is_said_how_to_start_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert "SSH_AUTH_SOCK is not set" in desk.fails("hotlist", "propose", "--ssh-agent")
