"""Certificates: who may be what, for how long, and which requests are refused."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aggregator.adapters import pki
from aggregator.adapters.keyfiles import pem_of
from aggregator.errors import BadKey
from protocol.keys import Algorithm, spki_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def root() -> pki.Authority:
    return pki.make_root("root", Ed25519PrivateKey.generate(), now=NOW)


@pytest.fixture(scope="module")
def issuing(root: pki.Authority) -> pki.Authority:
    return pki.make_issuing("issuing", root, Ed25519PrivateKey.generate(), now=NOW)


def make_leaf(issuing: pki.Authority, name: str = "box-1", use: pki.Use = pki.Use.CLIENT) -> x509.Certificate:
    spki = spki_of(Ed25519PrivateKey.generate().public_key())
    return pki.issue(issuing, name, spki, use, now=NOW, valid=MONTH, hosts=("127.0.0.1", "broker.example"))


def make_request(names: list[str], key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = builder.sign(key, None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is the independent opinion here")
def test_openssl_follows_a_leaf_to_the_root_and_misses_a_revoked_one(
    root: pki.Authority, issuing: pki.Authority, tmp_path: Path
) -> None:
    good, revoked = make_leaf(issuing), make_leaf(issuing)
    crl = pki.make_crl(issuing, [pki.Revoked(revoked.serial_number, NOW)], now=NOW)
    trusted = pem_of(root.certificate) + pem_of(issuing.certificate) + crl
    (tmp_path / "trusted.pem").write_bytes(trusted)
    verdicts = []
    for number, leaf in enumerate((good, revoked)):
        (tmp_path / f"{number}.pem").write_bytes(pem_of(leaf))
        argv = ["openssl", "verify", "-x509_strict", "-attime", f"{NOW.timestamp():.0f}", "-purpose", "sslclient"]
        argv += ["-crl_check", "-CAfile", str(tmp_path / "trusted.pem"), str(tmp_path / f"{number}.pem")]
        verdicts.append(subprocess.run(argv, capture_output=True, text=True, check=False))
    assert verdicts[0].returncode == 0, verdicts[0].stderr
    assert "revoked" in verdicts[1].stderr


@pytest.mark.parametrize(
    ("use", "wanted"),
    [(pki.Use.CLIENT, ExtendedKeyUsageOID.CLIENT_AUTH), (pki.Use.SERVER, ExtendedKeyUsageOID.SERVER_AUTH)],
)
def test_a_leaf_serves_one_use(issuing: pki.Authority, use: pki.Use, wanted: x509.ObjectIdentifier) -> None:
    usage = make_leaf(issuing, use=use).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [wanted]


def test_a_leaf_holds_for_a_box_whose_clock_is_hours_behind(issuing: pki.Authority) -> None:
    assert make_leaf(issuing).not_valid_before_utc <= NOW - timedelta(hours=12)


@pytest.mark.parametrize("use", list(pki.Use))
def test_a_renewed_leaf_differs_in_term_and_serial_only(issuing: pki.Authority, use: pki.Use) -> None:
    old, later = make_leaf(issuing, use=use), NOW + timedelta(days=20)
    new = pki.renew(issuing, old, now=later, valid=MONTH)
    assert (new.subject, new.public_key()) == (old.subject, old.public_key())
    assert list(new.extensions) == list(old.extensions)
    assert new.not_valid_after_utc == later + MONTH
    assert new.serial_number != old.serial_number


def test_a_leaf_never_outlives_its_issuer(issuing: pki.Authority) -> None:
    spki = spki_of(Ed25519PrivateKey.generate().public_key())
    leaf = pki.issue(issuing, "box-1", spki, pki.Use.CLIENT, now=NOW, valid=timedelta(days=40 * 365))
    assert leaf.not_valid_after_utc == issuing.certificate.not_valid_after_utc


def test_the_issuing_ca_makes_no_other_ca(issuing: pki.Authority) -> None:
    constraints = issuing.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_a_server_is_named_by_addresses_and_names(issuing: pki.Authority) -> None:
    names = make_leaf(issuing).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (Ed25519PrivateKey.generate(), Algorithm.ED25519),
        (ec.generate_private_key(ec.SECP256R1()), Algorithm.ESP256),
    ],
)
def test_a_request_of_the_devices_own_is_read(
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, algorithm: Algorithm
) -> None:
    read = pki.read_request(make_request(["box-1"], key), "box-1")
    assert (read.algorithm, read.spki) == (algorithm, spki_of(key.public_key()))


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["box-2"], Ed25519PrivateKey.generate()),
        (["worker.1"], Ed25519PrivateKey.generate()),
        (["box-1", "worker.1"], Ed25519PrivateKey.generate()),
        ([], Ed25519PrivateKey.generate()),
        (["box-1"], ec.generate_private_key(ec.SECP384R1())),
        (["box-1"], rsa.generate_private_key(65537, 2048)),
    ],
)
def test_a_request_for_another_name_or_kind_of_key_is_refused(
    names: list[str], key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    with pytest.raises(BadKey):
        pki.read_request(make_request(names, key), "box-1")


def test_a_request_that_its_own_key_did_not_sign_is_refused() -> None:
    theirs = x509.load_pem_x509_csr(make_request(["box-1"], Ed25519PrivateKey.generate())).public_bytes(Encoding.DER)
    forged = theirs[:-64] + bytes(64)
    pem = x509.load_der_x509_csr(forged).public_bytes(Encoding.PEM)
    with pytest.raises(BadKey, match="not signed by the key"):
        pki.read_request(pem, "box-1")


@pytest.mark.parametrize(
    "junk", [b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_what_is_no_request_is_refused(junk: bytes) -> None:
    with pytest.raises(BadKey, match="not a certificate request"):
        pki.read_request(junk, "box-1")


def test_each_crl_is_newer_in_whole_seconds_than_the_one_before(issuing: pki.Authority) -> None:
    """OpenSSL keeps to the older of two lists of one second, so that a revocation would not work."""
    first = pki.read_crl(pki.make_crl(issuing, [], now=NOW))
    second = pki.read_crl(pki.make_crl(issuing, [], now=NOW, previous=first))
    third = pki.read_crl(pki.make_crl(issuing, [], now=NOW, previous=second))
    assert first.last_update_utc < second.last_update_utc < third.last_update_utc
    assert [pki.crl_number(crl) for crl in (first, second, third)] == [1, 2, 3]


def test_a_crl_holds_for_years(issuing: pki.Authority) -> None:
    until = pki.read_crl(pki.make_crl(issuing, [], now=NOW)).next_update_utc
    assert until is not None
    assert until > NOW + timedelta(days=9 * 365)
