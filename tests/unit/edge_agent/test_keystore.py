"""The box's identity on disk: made, read, and refused where its parts do not fit."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from edge_agent.adapters.keystore import (
    AUTHORITY,
    CERTIFICATE,
    FACTS,
    KEY,
    REQUEST,
    TRUST,
    TrustFile,
    load_enrolment,
    load_signer,
    new_identity,
)
from edge_agent.errors import BadIdentity, NotEnrolled
from protocol.errors import BadName
from protocol.keys import KeySigner
from protocol.trust import TrustRefusal, sign_bundle
from tests.simulators.city import City


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path / "city")


def test_a_new_identity_is_for_its_owner_only_and_its_request_proves_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    request = x509.load_pem_x509_csr(new_identity(folder, "box-1").read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=box-1"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [REQUEST, KEY]


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    new_identity(tmp_path, "box-1")
    before = (tmp_path / KEY).read_bytes()
    with pytest.raises(BadIdentity, match="keeps its key"):
        new_identity(tmp_path, "box-1")
    assert (tmp_path / KEY).read_bytes() == before


def test_a_device_id_outside_the_grammar_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadName):
        new_identity(tmp_path / "identity", "Box 1")
    assert not (tmp_path / "identity").exists()


def test_an_enrolled_box_signs_with_the_key_of_its_certificate(city: City, tmp_path: Path) -> None:
    who = city.enrol(tmp_path / "identity")
    enrolment = load_enrolment(tmp_path / "identity")
    assert enrolment.who == who
    assert enrolment.signer.public_key == city.devices["box-1"]


def test_a_box_without_a_certificate_is_told_both_commands(tmp_path: Path) -> None:
    new_identity(tmp_path, "box-1")
    with pytest.raises(NotEnrolled, match=r"device invite.*edge-agent enroll"):
        load_enrolment(tmp_path)


def test_a_certificate_of_another_key_is_refused(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path / "one")
    city.enrol(tmp_path / "other", "box-2")
    (tmp_path / "one" / CERTIFICATE).write_bytes((tmp_path / "other" / CERTIFICATE).read_bytes())
    with pytest.raises(BadIdentity, match="another key"):
        load_enrolment(tmp_path / "one")


def test_a_certificate_of_another_name_is_refused(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path)
    facts = (tmp_path / FACTS).read_text()
    (tmp_path / FACTS).write_text(facts.replace('device = "box-1"', 'device = "box-2"'))
    with pytest.raises(BadIdentity, match="another device"):
        load_enrolment(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"), [(FACTS, b"device = 3\n"), (CERTIFICATE, b"nothing"), (KEY, b"nothing"), ("root.spki", b"x")]
)
def test_a_damaged_file_is_a_bad_identity(city: City, tmp_path: Path, file: str, content: bytes) -> None:
    city.enrol(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadIdentity):
        load_enrolment(tmp_path)


def test_a_key_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadIdentity, match="none"):
        load_signer(tmp_path / "none")


def test_a_newer_bundle_outlives_a_restart_and_an_older_one_is_refused(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path / "identity")
    enrolment = load_enrolment(tmp_path / "identity")
    trust = TrustFile(enrolment, tmp_path)
    assert trust.store.number == 1
    assert trust.accept(city.bundle(3)) is None
    assert trust.accept(city.bundle(2)) is TrustRefusal.ROLLED_BACK
    assert trust.accept(city.bundle(3)) is None
    assert trust.accept(sign_bundle(4, city.grants(), KeySigner.generate(), created_ms=4)) is TrustRefusal.BAD_SIGNATURE
    assert TrustFile(enrolment, tmp_path).store.number == 3
    assert (tmp_path / TRUST).stat().st_mode & 0o077 == 0


def test_a_kept_bundle_that_was_damaged_gives_way_to_the_enrolments(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path / "identity")
    (tmp_path / TRUST).write_bytes(b"damaged")
    assert TrustFile(load_enrolment(tmp_path / "identity"), tmp_path).store.number == 1


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """A TLS handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname="10.0.0.1")
    far = server.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in (near, far):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass


def server_context(city: City, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(city.folder / f"{name}.crt.pem", city.folder / f"{name}.key.pem")
    context.load_verify_locations(city.folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_the_peer_is_held_to_the_name_of_the_identity_whatever_address_was_dialled(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path)
    handshake(load_enrolment(tmp_path).tls(), server_context(city, "broker"))
    (tmp_path / FACTS).write_text((tmp_path / FACTS).read_text().replace('"localhost"', '"elsewhere"'))
    with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
        handshake(load_enrolment(tmp_path).tls(), server_context(city, "broker"))


def test_dates_are_not_checked_by_a_clock_that_is_known_to_be_wrong_but_everything_else_is(
    city: City, tmp_path: Path
) -> None:
    city.enrol(tmp_path)
    city.issue_server("tomorrow", begins=datetime.now(UTC) + timedelta(days=1))
    enrolment = load_enrolment(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        handshake(enrolment.tls(), server_context(city, "tomorrow"))
    handshake(enrolment.tls(check_dates=False), server_context(city, "tomorrow"))
    stranger = City(tmp_path / "stranger")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(enrolment.tls(check_dates=False), server_context(stranger, "broker"))


def test_certificates_that_cannot_be_loaded_are_a_bad_identity(city: City, tmp_path: Path) -> None:
    city.enrol(tmp_path)
    enrolment = load_enrolment(tmp_path)
    (tmp_path / AUTHORITY).write_bytes(b"nothing")
    with pytest.raises(BadIdentity, match="enrol the box again"):
        enrolment.tls()
