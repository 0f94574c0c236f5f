"""`aggregator init` and what an operator does next, through the command line, in a real installation."""

import json
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.adapters import founding, keyfiles, mosquitto, pki
from aggregator.adapters.database import Access
from aggregator.cli.app import run
from aggregator.core.founding import Plan
from aggregator.settings import ENVIRONMENT, Settings, load
from tests.simulators.broker import Broker, free_port
from tests.simulators.installation import make_request, new_identity
from tests.simulators.mqtt_client import TIMEOUT_S, Credentials, MqttClient, NotConnected

ROOT_PASSPHRASE, EVIDENCE_PASSPHRASE = "a passphrase for the root", "a passphrase for evidence"
PROGRAM = Path(sys.executable).with_name("aggregator")


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """An operator's folder, which is the working directory, and the command line."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def installation(self) -> Path:
        return self.folder / "inst"

    @property
    def settings(self) -> Settings:
        return load(self.installation / "aggregator.toml")

    @property
    def root_options(self) -> list[str]:
        """The root's key, brought along."""
        return ["--root-key", "inst/offline/root.key.pem", "--root-passphrase-file", "root.pass"]

    def run(self, *arguments: str) -> Said:
        """A command, whatever it says."""
        self.capture.readouterr()
        try:
            code = run(arguments)
        except SystemExit as exc:  # a command line that cannot be parsed
            code = exc.code if isinstance(exc.code, int) else 1
        return Said(code, *self.capture.readouterr())

    def do(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        said = self.run(*arguments)
        assert said.code == 0, said.err
        return said.out

    def fails(self, *arguments: str) -> str:
        """What a command says that must fail."""
        said = self.run(*arguments)
        assert said.code > 0, said.out
        return said.err

    def init(self, *options: str) -> list[str]:
        """The arguments of an init with everything it needs."""
        passphrases = ["--root-passphrase-file", "root.pass", "--evidence-passphrase-file", "evidence.pass"]
        return ["init", "inst", "--city", "saltillo", *passphrases, *options]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """An operator who has written his two passphrase files."""
    keyfiles.write_new(tmp_path / "root.pass", f"{ROOT_PASSPHRASE}\n".encode(), keyfiles.PRIVATE)
    keyfiles.write_new(tmp_path / "evidence.pass", f"{EVIDENCE_PASSPHRASE}\n".encode(), keyfiles.PRIVATE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "inst" / "aggregator.toml"))
    return Desk(tmp_path, capsys)


@pytest.fixture
def founded(desk: Desk, database: Access) -> Desk:
    """An installation in a database of the test's own, with a point and a device."""
    ports = ["--broker-port", str(free_port()), "--http-port", str(free_port()), "--health-port", str(free_port())]
    desk.do(*desk.init("--dsn", database.dsn, *ports))
    desk.do("point", "add", "p-1", "--city", "saltillo", "--name", "Uno", "--latitude", "25.4", "--longitude", "-101")
    desk.do("device", "add", "box-1", "--point", "p-1")
    return desk


@pytest.fixture
def box(founded: Desk) -> Path:
    """The identity folder of the device, enrolled."""
    new_identity(founded.folder / "box", "box-1")
    founded.do("device", "issue", "box-1", "--csr", "box/device.csr.pem", "--out", "box")
    return founded.folder / "box"


def credentials(box: Path, certificate: str = "device.crt.pem") -> Credentials:
    return Credentials(box / "ca.crt.pem", box / certificate, box / "device.key.pem")


class TestInit:
    def test_it_founds_an_installation_and_says_what_to_do_next(
        self, desk: Desk, database: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        said = desk.run(*desk.init("--name", "Saltillo", "--dsn", database.dsn))
        assert said.code == 0, said.err
        for told in ("Carry off", "root.key.pem", "evidence.key.pem", "aggregator device invite", ENVIRONMENT):
            assert told in said.err
        for secret in (ROOT_PASSPHRASE, EVIDENCE_PASSPHRASE, "PRIVATE KEY"):
            assert secret not in caplog.text + said.out + said.err + (desk.installation / "aggregator.toml").read_text()
        checked = desk.run("config", "check").err
        assert "is good" in checked
        assert "carry off" in checked
        (city,) = json.loads(desk.do("city", "list", "--json"))
        assert (city["city_id"], city["name"], city["time_zone"]) == ("saltillo", "Saltillo", "America/Monterrey")
        assert not desk.installation.with_name("inst.unfinished").exists()

    def test_with_no_server_named_it_brings_its_own_database(self, desk: Desk) -> None:
        """As a newcomer does it: the installed program, and nothing but the two passphrase files."""
        subprocess.run([PROGRAM, *desk.init()], cwd=desk.folder, check=True, capture_output=True, timeout=90)
        (city,) = json.loads(desk.do("city", "list", "--json"))
        assert city["city_id"] == "saltillo"

    def test_it_is_never_written_over(self, founded: Desk) -> None:
        before = founded.settings.keys.issuing_key.read_bytes()
        assert "never written over" in founded.fails(*founded.init())
        assert founded.settings.keys.issuing_key.read_bytes() == before

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--time-zone", "Coahuila"], "time zone"),
            (["--dsn", "postgresql://nobody@127.0.0.1:1/none"], "database"),
            (["--dsn", "postgresql://a:secret-word@127.0.0.1/none"], "password"),
            (["--role", "region"], "database.dsn"),
        ],
    )
    def test_what_fails_leaves_nothing_behind(self, desk: Desk, options: list[str], told: str) -> None:
        said = desk.fails(*desk.init(*options))
        assert told in said
        assert "secret-word" not in said
        assert sorted(path.name for path in desk.folder.iterdir()) == ["evidence.pass", "root.pass"]

    def test_a_half_left_by_a_kill_is_named(self, desk: Desk) -> None:
        (desk.folder / "inst.unfinished").mkdir()
        assert "inst.unfinished" in desk.fails(*desk.init())
        assert not desk.installation.exists()

    def test_one_passphrase_for_both_keys_is_refused(self, desk: Desk) -> None:
        (desk.folder / "evidence.pass").write_text(f"{ROOT_PASSPHRASE}\n")
        assert "different passphrases" in desk.fails(*desk.init())

    def test_a_bad_city_id_is_refused_before_anything_is_made(self, desk: Desk) -> None:
        arguments = desk.init()
        arguments[arguments.index("saltillo")] = "San Pedro"
        assert "--city" in desk.fails(*arguments)
        assert not desk.installation.exists()


class TestDevices:
    def test_a_box_is_certified_for_its_own_key_and_connects(self, founded: Desk, box: Path) -> None:
        facts = tomllib.loads((box / "identity.toml").read_text())
        assert (facts["device"], facts["city"], facts["point"]) == ("box-1", "saltillo", "p-1")
        assert (box / "root.spki").read_bytes() == founded.settings.keys.root_spki.read_bytes()
        assert (box / "trust.cbor").read_bytes() == founded.settings.keys.trust_bundle.read_bytes()
        with Broker(founded.settings), MqttClient(facts["broker_port"], credentials(box), "box-1"):
            pass
        (shown,) = json.loads(founded.do("device", "list", "--json"))
        assert (shown["state"], shown["keys"]) == ("active", 1)

    def test_a_revoked_box_is_let_go_and_not_let_in_again_whatever_certificate_it_kept(
        self, founded: Desk, box: Path
    ) -> None:
        shutil.copy(box / "device.crt.pem", box / "older.crt.pem")
        founded.do("device", "issue", "box-1", "--csr", "box/device.csr.pem", "--out", "box")  # a renewal
        port = founded.settings.broker.port
        with Broker(founded.settings):
            with MqttClient(port, credentials(box), "box-1") as live:
                founded.do("device", "revoke", "box-1", "--reason", "stolen")
                assert live.is_down.wait(TIMEOUT_S)
            for certificate in ("device.crt.pem", "older.crt.pem"):
                with pytest.raises(NotConnected):
                    MqttClient(port, credentials(box, certificate), "box-1").connect()
            founded.do("device", "revoke", "box-1", "--reason", "again")  # safe to repeat
        shown = json.loads(founded.do("device", "show", "box-1", "--json"))
        assert (shown["state"], [key["revoked_reason"] for key in shown["keys"]]) == ("revoked", ["stolen"])
        assert "was revoked" in founded.fails("device", "issue", "box-1", "--csr", "box/device.csr.pem", "--out", "box")

    def test_a_revocation_without_a_broker_holds_and_says_what_is_left_to_do(self, founded: Desk, box: Path) -> None:
        assert "run this command again" in founded.fails("device", "revoke", "box-1", "--reason", "stolen")
        assert json.loads(founded.do("device", "show", "box-1", "--json"))["state"] == "revoked"
        serial = keyfiles.read_certificate(box / "device.crt.pem").serial_number
        crl = pki.read_crl(founded.settings.keys.crl.read_bytes())
        assert crl.get_revoked_certificate_by_serial_number(serial) is not None

    def test_a_request_for_another_device_is_refused(self, founded: Desk) -> None:
        (founded.folder / "csr.pem").write_bytes(make_request("box-2", Ed25519PrivateKey.generate()))
        assert "not for box-1" in founded.fails("device", "issue", "box-1", "--csr", "csr.pem", "--out", "box")

    def test_a_device_that_nobody_registered_gets_no_certificate(self, founded: Desk) -> None:
        (founded.folder / "csr.pem").write_bytes(make_request("box-9", Ed25519PrivateKey.generate()))
        said = founded.fails("device", "issue", "box-9", "--csr", "csr.pem", "--out", "box")
        assert "aggregator device add" in said

    def test_one_key_is_one_devices(self, founded: Desk) -> None:
        key = Ed25519PrivateKey.generate()
        for name in ("box-1", "box-2"):
            founded.do("device", "add", name, "--point", "p-1")  # box-1 is there: unchanged
            (founded.folder / f"{name}.csr").write_bytes(make_request(name, key))
        founded.do("device", "issue", "box-1", "--csr", "box-1.csr", "--out", "one")
        assert "box-1's" in founded.fails("device", "issue", "box-2", "--csr", "box-2.csr", "--out", "two")


class TestImport:
    def test_a_file_is_registered_whole_or_not_at_all_with_a_verdict_for_each_line(self, founded: Desk) -> None:
        rows = ["device_id,point_id,profile", "box-2,p-1,nuc", "BOX,p-1,", "box-4,p-9,", "box-5,p-1,"]
        (founded.folder / "devices.csv").write_text("\n".join(rows))
        said = founded.run("device", "import", "devices.csv", "--json")
        assert said.code == 2
        outcomes = {line["line"]: line["outcome"] for line in json.loads(said.out)}
        assert outcomes == {2: "left out", 3: "refused", 4: "refused", 5: "left out"}
        assert len(json.loads(founded.do("device", "list", "--json"))) == 1
        founded.run("device", "import", "devices.csv", "--keep-going")
        assert [d["device_id"] for d in json.loads(founded.do("device", "list", "--json"))] == [
            "box-1",
            "box-2",
            "box-5",
        ]

    def test_what_is_wrong_is_told_in_a_line_people_can_read(self, founded: Desk) -> None:
        (founded.folder / "devices.csv").write_text("device_id,point_id\nBOX [1],p-1\n")
        table = founded.run("device", "import", "devices.csv").out
        assert "device_id: want 1 to 32 of a-z, 0-9 and '-'" in table


class TestTrust:
    def test_an_officers_key_is_granted_and_withdrawn(self, founded: Desk) -> None:
        key = Ed25519PrivateKey.generate().public_key()
        (founded.folder / "ana.pub").write_bytes(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
        grant = ["trust", "grant", "--role", "officer", "--subject", "ana", "--key", "ana.pub", "--city", "saltillo"]
        founded.do(*grant, *founded.root_options)
        (officer,) = [g for g in json.loads(founded.do("trust", "show", "--json")) if g["role"] == "officer"]
        assert (officer["subject"], officer["cities"]) == ("ana", "saltillo")
        founded.do("trust", "withdraw", officer["key_id"], *founded.root_options)
        assert all(g["role"] != "officer" for g in json.loads(founded.do("trust", "show", "--json")))
        kept = sorted(path.name for path in (founded.installation / "keys" / "bundles").iterdir())
        assert kept == ["000001.cbor", "000002.cbor", "000003.cbor"]

    def test_a_draft_is_signed_off_line_and_installed(self, founded: Desk) -> None:
        key = Ed25519PrivateKey.generate().public_key()
        (founded.folder / "ana.pub").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        founded.do("trust", "grant", "--role", "officer", "--subject", "ana", "--key", "ana.pub", "--draft", "draft")
        assert "bad form" in founded.fails("trust", "install", "draft")
        founded.do("trust", "sign", "draft", *founded.root_options, "--out", "signed")
        founded.do("trust", "install", "signed")
        assert "in force already" in founded.fails("trust", "install", "signed")
        assert any(g["subject"] == "ana" for g in json.loads(founded.do("trust", "show", "--json")))

    def test_a_bundle_of_another_root_is_refused(self, founded: Desk) -> None:
        plan = Plan(city="saltillo", name="another")
        passphrases = founding.Passphrases(root=b"x" * 16, evidence=b"y" * 16)
        other = founding.found(founded.folder / "other", plan, passphrases, now=datetime.now(UTC))
        assert "bad signature" in founded.fails("trust", "install", str(other.keys.trust_bundle))

    def test_the_roots_key_needs_its_own_passphrase(self, founded: Desk) -> None:
        (founded.folder / "root.pass").write_text(f"{EVIDENCE_PASSPHRASE}\n")
        (grant, *_) = json.loads(founded.do("trust", "show", "--json"))
        said = founded.fails("trust", "withdraw", grant["key_id"], *founded.root_options)
        assert "passphrase is wrong" in said


class TestBroker:
    def test_check_is_content_with_a_fresh_broker_and_not_without_one(self, founded: Desk) -> None:
        assert "does not answer" in founded.run("broker", "check").out
        with Broker(founded.settings):
            findings = json.loads(founded.do("broker", "check", "--json"))
        assert {finding["grade"] for finding in findings} == {"good"}
        looked_at = {finding["what"] for finding in findings}
        assert {
            "session tickets",
            "clients without a certificate",
            "server broker",
            "client of ours worker.1",
        } <= looked_at
        assert "revocation list of Atalaya issuing CA of saltillo" in looked_at

    def test_run_becomes_a_broker_that_check_is_content_with(self, founded: Desk) -> None:
        with subprocess.Popen([PROGRAM, "broker", "run"], stderr=subprocess.DEVNULL) as broker:
            try:
                said = founded.run("broker", "check")
                deadline = time.monotonic() + 60
                while said.code and time.monotonic() < deadline:
                    said = founded.run("broker", "check")
                assert said.code == 0, said.out
                assert mosquitto.running(founded.settings) == broker.pid
            finally:
                broker.terminate()

    def test_renewed_certificates_serve_the_running_broker_and_its_clients(self, founded: Desk) -> None:
        settings = founded.settings
        before = keyfiles.read_certificate(settings.mosquitto.certificate)
        with Broker(settings):
            founded.do("broker", "renew")
            founded.do("broker", "check")
            with socket.create_connection(("127.0.0.1", settings.broker.port), timeout=TIMEOUT_S) as line:
                context = Credentials(settings.broker.ca).context()
                with context.wrap_socket(line, server_hostname="127.0.0.1") as tls:
                    shown = tls.getpeercert(binary_form=True)
        assert shown == keyfiles.read_certificate(settings.mosquitto.certificate).public_bytes(Encoding.DER)
        assert shown != before.public_bytes(Encoding.DER)

    def test_check_names_a_broker_that_gives_out_session_tickets(self, founded: Desk) -> None:
        settings = founded.settings
        files = mosquitto.BrokerFiles.under(settings.mosquitto.directory)
        with Broker(settings) as broker:
            broker.stop()
            files.tls_policy.write_text("")
            broker.start()
            done = founded.run("broker", "check", "--json")
        grades = {finding["what"]: finding["grade"] for finding in json.loads(done.out)}
        assert (grades["session tickets"], grades["openssl.cnf"]) == ("bad", "bad")
        assert done.code != 0

    def test_check_names_a_file_that_was_edited_and_a_key_that_others_can_read(self, founded: Desk) -> None:
        settings = founded.settings
        with mosquitto.BrokerFiles.under(settings.mosquitto.directory).access_list.open("a") as file:
            file.write("topic readwrite #\n")
        settings.keys.issuing_key.chmod(0o644)
        found = json.loads(founded.run("broker", "check", "--json").out)
        assert {"acl", "private keys"} <= {finding["what"] for finding in found if finding["grade"] == "bad"}

    def test_another_worker_is_certified_and_let_in_by_a_running_broker(self, founded: Desk) -> None:
        settings = founded.settings
        with Broker(settings):
            founded.do("broker", "client", "worker.3")
            own = Credentials(
                settings.broker.ca, settings.broker.certificate_of("worker.3"), settings.broker.key_of("worker.3")
            )
            with MqttClient(settings.broker.port, own, "worker.3"):
                pass
        assert "user worker.3" in founded.do("broker", "acl")
        assert "worker.N" in founded.fails("broker", "client", "ana")


def test_the_program_says_its_release(desk: Desk) -> None:
    assert desk.do("--version").strip() == version("atalaya")


def test_an_unknown_command_is_an_error(desk: Desk) -> None:
    assert desk.run("frobnicate").code > 0
