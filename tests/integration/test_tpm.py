"""The box's key and secrets in a TPM 2.0: swtpm, which is libtpms, the reference implementation."""

import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from typing_extensions import override

from edge_agent.adapters.keystore import AUTHORITY, KEY, load_enrolment, load_signer, new_identity
from edge_agent.adapters.probe_papers import Sealing, sealing
from edge_agent.adapters.tpm import Tpm, TpmSigner, find_tpm
from edge_agent.adapters.vault import KEY_FILE, TPM_FILE, open_vault
from edge_agent.errors import TpmFailed, VaultError
from edge_agent.settings import Settings
from protocol.envelope import Context, parse, sign
from protocol.keys import Algorithm, spki_of
from tests.simulators.city import City
from tests.simulators.tpm import Tpm as Chip

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"rtsp-password-canary"


@pytest.fixture
def chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    """A TPM that the box has."""
    with Chip(tmp_path / "chip") as running:
        monkeypatch.setenv("ATALAYA_TPM", running.tcti)
        yield running


def test_a_box_with_a_tpm_makes_its_key_there_and_only_a_wrapping_is_on_its_disk(chip: Chip, tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    request = x509.load_pem_x509_csr(new_identity(folder, "box-1").read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=box-1"
    wrapped = (folder / KEY).read_bytes()
    assert wrapped.startswith(b"-----BEGIN TSS2 PRIVATE KEY-----")
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    key = load_signer(folder / KEY).public_key
    assert key.algorithm is Algorithm.ESP256
    assert key.spki == spki_of(request.public_key())  # type: ignore[arg-type]  # P-256, as was just said


def test_the_operator_may_keep_the_key_in_a_file_though_there_is_a_tpm(chip: Chip, tmp_path: Path) -> None:
    new_identity(tmp_path / "identity", "box-1", "file")
    assert load_signer(tmp_path / "identity" / KEY).public_key.algorithm is Algorithm.ED25519
    assert not open_vault(tmp_path / "identity").is_hardware


def test_an_enrolled_box_signs_envelopes_with_the_tpms_key(chip: Chip, tmp_path: Path) -> None:
    city = City(tmp_path / "city")
    city.enrol(tmp_path / "identity")
    signer = load_enrolment(tmp_path / "identity").signer
    registered = city.devices["box-1"]
    for number in range(40):  # of which half would have a high s
        raw = sign(b"%d" % number, signer, Context.MESSAGE)
        assert parse(raw).check(registered, Context.MESSAGE) is None


def test_key_and_secrets_outlive_the_power(chip: Chip, tmp_path: Path) -> None:
    new_identity(tmp_path, "box-1")
    before, sealed = load_signer(tmp_path / KEY).public_key, open_vault(tmp_path).seal("hotlist", SECRET)
    chip.restart()
    again = load_signer(tmp_path / KEY)
    assert again.public_key == before
    assert before.verifies(again.sign(b"data"), b"data")
    assert open_vault(tmp_path).open("hotlist", sealed) == SECRET


def test_a_disk_in_another_box_neither_signs_nor_opens(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_identity(tmp_path / "identity", "box-1")
    assert open_vault(tmp_path / "identity").is_hardware
    with Chip(tmp_path / "other") as other:
        monkeypatch.setenv("ATALAYA_TPM", other.tcti)
        with pytest.raises(TpmFailed, match="another box"):
            load_signer(tmp_path / "identity" / KEY)
        with pytest.raises(VaultError, match="another box"):
            open_vault(tmp_path / "identity")


def test_a_vault_in_the_tpm_leaves_no_key_on_the_disk(chip: Chip, tmp_path: Path) -> None:
    new_identity(tmp_path, "box-1")
    vault = open_vault(tmp_path)
    assert vault.is_hardware
    assert (tmp_path / TPM_FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / KEY_FILE).exists()
    assert not [path for path in tmp_path.iterdir() if path.is_file() and vault.key in path.read_bytes()]
    assert open_vault(tmp_path).key == vault.key


def test_a_box_without_an_identity_yet_seals_in_the_tpm_as_well(chip: Chip, tmp_path: Path) -> None:
    assert open_vault(tmp_path).is_hardware


def test_the_doctor_sees_what_the_tpm_seals(chip: Chip, tmp_path: Path) -> None:
    settings = Settings(identity_dir=tmp_path)
    new_identity(tmp_path, "box-1")
    assert sealing(settings) == Sealing(is_hardware=None, hotlist="tpm"), "and makes no vault by looking"
    open_vault(tmp_path)
    assert sealing(settings) == Sealing(is_hardware=True, hotlist="tpm")


def test_a_sealing_that_was_cut_short_is_refused(chip: Chip, tmp_path: Path) -> None:
    open_vault(tmp_path)
    whole = (tmp_path / TPM_FILE).read_bytes()
    for length in (0, 1, 40, len(whole) - 1):
        (tmp_path / TPM_FILE).write_bytes(whole[:length])
        with pytest.raises(VaultError):
            open_vault(tmp_path)


def test_what_is_loaded_makes_room_again(chip: Chip, tmp_path: Path) -> None:
    """There is room for three objects; a dozen come and go."""
    new_identity(tmp_path, "box-1")
    for _ in range(6):
        assert load_signer(tmp_path / KEY).sign(b"data")
        open_vault(tmp_path)
    with Tpm(chip.tcti) as tpm, pytest.raises(TpmFailed):
        tpm.load_key(b"-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n")
    assert load_signer(tmp_path / KEY).sign(b"data")


def test_a_tpm_that_is_gone_is_named_with_what_to_do(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_identity(tmp_path, "box-1")
    signer = load_signer(tmp_path / KEY)
    assert isinstance(signer, TpmSigner)
    chip.power_off()
    with pytest.raises(TpmFailed, match="the TPM does not do it"):
        signer.sign(b"data")
    with pytest.raises(TpmFailed, match="does not answer"):
        load_signer(tmp_path / KEY)
    monkeypatch.delenv("ATALAYA_TPM")
    if find_tpm() is None:  # else this machine has a real one
        with pytest.raises(TpmFailed, match="switch it on in the firmware"):
            load_signer(tmp_path / KEY)


def test_many_threads_shake_hands_with_the_tpms_key_at_once(chip: Chip, tmp_path: Path) -> None:
    """The provider is not safe for threads by itself; and all but signatures stays OpenSSL's own."""
    city = City(tmp_path / "city")
    city.enrol(tmp_path / "identity")
    with _greeter(tmp_path, city) as port:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("tpm_handshakes.py"), tmp_path / "identity", str(port), "4"],
            capture_output=True, text=True, check=False, timeout=90, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["greetings"], found["signed"]) == (4 * 3 + 3, [True, True])
    assert found["hashes_s"] > 20_000, "a TPM makes some hundred hashes a second"


@contextmanager
def _greeter(folder: Path, city: City) -> Iterator[int]:
    """A TLS server under an Ed25519 certificate, as Atalaya's are, that greets whom the city has certified."""
    authority = Ed25519PrivateKey.generate()
    ours = _self_signed(authority)
    (folder / "server.crt.pem").write_bytes(ours.public_bytes(Encoding.PEM))
    (folder / "server.key.pem").write_bytes(authority.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "identity" / AUTHORITY).write_bytes(ours.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt.pem", folder / "server.key.pem")
    context.load_verify_locations(city.folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    class Greet(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            with context.wrap_socket(self.request, server_side=True) as line:
                line.sendall(b"hello")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _self_signed(key: Ed25519PrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
