"""Certificates: one root, one issuing CA under it, leaves for servers, for our own clients and for boxes.

1. The root (Ed25519) signs the issuing CA and its renewals, and lives off line. The issuing CA signs leaves and a CRL.
2. A leaf serves one use: a server's certificate never connects as a client, nor the other way round.
3. A box makes its own key; it gets a certificate for a request that it signed itself, whose common name is its id. The
   common name is what the broker knows it by, and its MQTT client id.
4. Our own clients have a dot in their names, which no device id can have: no box can ever be taken for one of them.
5. The CRL carries a far next update: a broker that finds it expired locks out the whole fleet.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aggregator.errors import BadKey
from protocol.errors import DecodeError
from protocol.keys import PublicKey

ROOT_DAYS: Final = 20 * 365
ISSUING_DAYS: Final = 10 * 365
SERVER_DAYS: Final = 825
CLIENT_DAYS: Final = 825
DEVICE_DAYS: Final = 825
CRL_DAYS: Final = 10 * 365
# Clocks of boxes are off; a certificate made now must hold for one that is behind.
_BACKDATED: Final = timedelta(days=1)
_CRL_BEGIN: Final = b"-----BEGIN X509 CRL-----"


@unique
class Use(Enum):
    """What a leaf is for."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that can sign: its certificate and its private key."""

    certificate: x509.Certificate
    key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that holds no more."""

    serial: int
    revoked_at: datetime


def make_root(name: str, key: Ed25519PrivateKey, *, now: datetime) -> Authority:
    """A self-signed root over at most one level of CAs."""
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), now, ROOT_DAYS)
    return Authority(_as_ca(builder, key.public_key(), path_length=1).sign(key, None), key)


def make_issuing(name: str, root: Authority, key: Ed25519PrivateKey, *, now: datetime) -> Authority:
    """A CA under the root that signs leaves only."""
    return Authority(_issuing(name, root, key.public_key(), now), key)


def make_request(name: str, key: Ed25519PrivateKey) -> bytes:
    """A request for a CA's certificate, PEM, to be carried to the root."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(name))
    return builder.sign(key, None).public_bytes(serialization.Encoding.PEM)


def sign_issuing(root: Authority, request_pem: bytes, *, now: datetime) -> x509.Certificate:
    """What the root makes of such a request; raises `BadKey`."""
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key, name, is_signed = request.public_key(), _only_name(request.subject), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey("not a request for an issuing CA (PEM, PKCS#10)") from exc
    if not is_signed or not isinstance(key, Ed25519PublicKey) or name is None:
        raise BadKey("not a request that `aggregator ca rotate --request` made")
    return _issuing(name, root, key, now)


def check_issued(certificate: x509.Certificate, root: x509.Certificate) -> None:
    """Raise `BadKey` unless a CA's certificate is this root's."""
    try:
        certificate.verify_directly_issued_by(root)
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as exc:
        raise BadKey("the certificate is not of this installation's root") from exc
    if not is_ca:
        raise BadKey("the certificate is no CA's")


def issue(
    authority: Authority,
    name: str,
    spki: bytes,
    use: Use,
    *,
    now: datetime,
    valid: timedelta,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    """A leaf for a public key (DER SubjectPublicKeyInfo); `hosts` are names or addresses of a server."""
    public_key = serialization.load_der_public_key(spki)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)  # type: ignore[arg-type]  # PublicKey.from_spki let only Ed25519 and P-256 through
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(min(now + valid, authority.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use.value]), critical=False)
        .add_extension(_issuer_id(authority), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
    return builder.sign(authority.key, None)


def renew(authority: Authority, old: x509.Certificate, *, now: datetime, valid: timedelta) -> x509.Certificate:
    """The same leaf for another term: same key, name, use and hosts."""
    spki = old.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    (usage,) = old.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return issue(authority, common_name(old), spki, Use(usage), now=now, valid=valid, hosts=_hosts_of(old))


def read_request(pem: bytes, device: str) -> PublicKey:
    """The key that a device asks a certificate for; raises `BadKey` unless the request is its own and sound."""
    try:
        request = x509.load_pem_x509_csr(pem)
        is_signed = request.is_signature_valid
        spki = request.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = PublicKey.from_spki(spki)
    except DecodeError as exc:
        raise BadKey("the request is for a key that is neither Ed25519 nor P-256") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise BadKey("not a certificate request (PEM, PKCS#10)") from exc
    if not is_signed:
        raise BadKey("the request is not signed by the key that it asks a certificate for")
    names = [attribute.value for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [device]:
        raise BadKey(f"the request is for {' and '.join(map(str, names)) or 'nobody'}, not for {device}")
    return key


def make_crl(
    authority: Authority,
    revoked: Iterable[Revoked],
    *,
    now: datetime,
    previous: x509.CertificateRevocationList | None = None,
) -> bytes:
    """The CA's list of revoked certificates, PEM. It must be newer than the one before, in whole seconds.

    A broker that reloads holds both lists, and OpenSSL takes the later one; of two of one second it takes the first.
    """
    last_update = now - _BACKDATED
    if previous is not None:
        last_update = max(last_update, previous.last_update_utc + timedelta(seconds=1))
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(last_update)
        .next_update(now + timedelta(days=CRL_DAYS))
        .add_extension(x509.CRLNumber(1 if previous is None else crl_number(previous) + 1), critical=False)
        .add_extension(_issuer_id(authority), critical=False)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(one.revoked_at)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, None).public_bytes(serialization.Encoding.PEM)


def read_crl(pem: bytes) -> x509.CertificateRevocationList:
    """A CRL; raises `BadKey`."""
    try:
        return x509.load_pem_x509_crl(pem)
    except ValueError as exc:
        raise BadKey("not a certificate revocation list (PEM)") from exc


def read_crls(pem: bytes) -> list[x509.CertificateRevocationList]:
    """Every CRL of a file, one for each CA that issued what still holds; raises `BadKey`."""
    texts = pem.split(_CRL_BEGIN)[1:]
    if not texts:
        raise BadKey("no certificate revocation list (PEM)")
    return [read_crl(_CRL_BEGIN + text) for text in texts]


def issuer_name(crl: x509.CertificateRevocationList) -> str:
    """Whose list it is."""
    return str(crl.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """The number of a CRL of ours; each new one has the next."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def common_name(certificate: x509.Certificate) -> str:
    """Whom a certificate names."""
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def issuer_key_id(certificate: x509.Certificate) -> bytes:
    """By which key a certificate was issued."""
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return found.key_identifier or b""


def key_id_of(authority: x509.Certificate) -> bytes:
    """The id of a CA's own key, as its leaves name it."""
    return authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def serial_text(certificate: x509.Certificate) -> str:
    """A serial number as the registry writes it."""
    return f"{certificate.serial_number:x}"


def _issuing(name: str, root: Authority, key: Ed25519PublicKey, now: datetime) -> x509.Certificate:
    builder = _builder(_name(name), root.certificate.subject, key, now, ISSUING_DAYS)
    return _as_ca(builder, key, path_length=0).add_extension(_issuer_id(root), critical=False).sign(root.key, None)


def _only_name(subject: x509.Name) -> str | None:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else None


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _hosts_of(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _as_ca(builder: x509.CertificateBuilder, key: Ed25519PublicKey, *, path_length: int) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(is_ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issuer_id(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
