"""A new installation on the disk: every key and certificate, trust bundle number 1, settings.

The private keys of the root and of the evidence authority go to `offline/`, under passphrases, to be carried off: the
running system needs neither. Everything else that is private is mode 0600. Nothing is ever written over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.adapters import keyfiles, pki
from aggregator.adapters.trust_ceremony import kept_bundle
from aggregator.core import trust_ledger
from aggregator.core.founding import BACKUP, Plan, settings_text
from aggregator.errors import BadKey
from aggregator.settings import Settings, load
from protocol.keys import KeySigner, PublicKey, spki_of
from protocol.trust import Grant, Role, TrustStore

SETTINGS_NAME: Final = "aggregator.toml"
ROOT_KEY_NAME: Final = "root.key.pem"
EVIDENCE_KEY_NAME: Final = "evidence.key.pem"
_SERVER_GRANT: Final = timedelta(days=3 * 365)
_EVIDENCE_GRANT: Final = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class Passphrases:
    """What encrypts the two keys that are carried off."""

    root: bytes
    evidence: bytes


def found(folder: Path, plan: Plan, passphrases: Passphrases, *, now: datetime) -> Settings:
    """Write an installation into an empty folder, all but its database and the broker's files; its settings."""
    keyfiles.write_new(folder / SETTINGS_NAME, settings_text(plan).encode())
    settings = load(folder / SETTINGS_NAME)
    root = _make_root(folder, plan, settings, passphrases.root, now)
    issuing = _make_issuing(plan, settings, root, now)
    _make_servers(plan, settings, issuing, now)
    for client in plan.clients:
        issue_client(settings, issuing, client, now=now)
    server, evidence = _make_server_key(settings), _make_evidence_key(folder, settings, passphrases.evidence)
    grants = _first_grants(plan, server, evidence, now)
    bundle = trust_ledger.next_bundle(TrustStore(KeySigner(root.key).public_key), grants, now=now)
    raw = trust_ledger.signed(bundle, KeySigner(root.key))
    keyfiles.write_new(kept_bundle(settings.keys, bundle.number), raw)
    keyfiles.write_new(settings.keys.trust_bundle, raw)
    return settings


def issue_client(settings: Settings, issuing: pki.Authority, client: str, *, now: datetime) -> None:
    """Key and certificate of one of our own clients at the broker; raises `AlreadyThere`."""
    key, valid = Ed25519PrivateKey.generate(), timedelta(days=pki.CLIENT_DAYS)
    leaf = pki.issue(issuing, client, spki_of(key.public_key()), pki.Use.CLIENT, now=now, valid=valid)
    keyfiles.write_private(settings.broker.key_of(client), key)
    keyfiles.write_certificates(settings.broker.certificate_of(client), leaf, issuing.certificate)


def renew(settings: Settings, clients: Iterable[str], *, now: datetime) -> list[Path]:
    """Servers' and our own clients' certificates for another term, for the keys they have; which files those are."""
    issuing, valid = read_issuing(settings), timedelta(days=pki.SERVER_DAYS)
    paths = [settings.mosquitto.certificate, settings.http.certificate]
    paths += [settings.broker.certificate_of(client) for client in clients]
    for path in paths:
        leaf = pki.renew(issuing, keyfiles.read_certificate(path), now=now, valid=valid)
        keyfiles.replace(path, keyfiles.pem_of(leaf) + keyfiles.pem_of(issuing.certificate))
    return paths


def read_issuing(settings: Settings) -> pki.Authority:
    """The issuing CA, ready to sign; raises `BadKey`."""
    return read_authority(settings.keys.issuing_certificate, settings.keys.issuing_key)


def read_authority(certificate_file: Path, key_file: Path) -> pki.Authority:
    """A CA that can sign; raises `BadKey` if its two files are not of one key."""
    key, certificate = keyfiles.read_signer(key_file).private_key, keyfiles.read_certificate(certificate_file)
    if not isinstance(key, Ed25519PrivateKey) or key.public_key() != certificate.public_key():
        raise BadKey(
            f"{key_file} is not the key of {certificate_file}; was a rotation cut off? Repeat it: aggregator ca rotate"
        )
    return pki.Authority(certificate, key)


def _make_root(folder: Path, plan: Plan, settings: Settings, passphrase: bytes, now: datetime) -> pki.Authority:
    root = pki.make_root(f"Atalaya root of {plan.city}", Ed25519PrivateKey.generate(), now=now)
    keyfiles.write_private(folder / BACKUP / ROOT_KEY_NAME, root.key, passphrase)
    keyfiles.write_certificates(settings.keys.root_certificate, root.certificate)
    keyfiles.write_new(settings.keys.root_spki, spki_of(root.key.public_key()))
    return root


def _make_issuing(plan: Plan, settings: Settings, root: pki.Authority, now: datetime) -> pki.Authority:
    issuing = pki.make_issuing(f"Atalaya issuing CA of {plan.city}", root, Ed25519PrivateKey.generate(), now=now)
    keyfiles.write_private(settings.keys.issuing_key, issuing.key)
    keyfiles.write_certificates(settings.keys.issuing_certificate, issuing.certificate)
    keyfiles.write_certificates(settings.broker.ca, issuing.certificate, root.certificate)
    keyfiles.write_new(settings.keys.crl, pki.make_crl(issuing, (), now=now))
    return issuing


def _make_servers(plan: Plan, settings: Settings, issuing: pki.Authority, now: datetime) -> None:
    valid = timedelta(days=pki.SERVER_DAYS)
    for key_file, certificate_file in (
        (settings.mosquitto.key, settings.mosquitto.certificate),
        (settings.http.key, settings.http.certificate),
    ):
        key = Ed25519PrivateKey.generate()
        spki = spki_of(key.public_key())
        leaf = pki.issue(issuing, plan.broker_host, spki, pki.Use.SERVER, now=now, valid=valid, hosts=plan.hosts)
        keyfiles.write_private(key_file, key)
        keyfiles.write_certificates(certificate_file, leaf, issuing.certificate)


def _make_server_key(settings: Settings) -> PublicKey:
    key = Ed25519PrivateKey.generate()
    keyfiles.write_private(settings.keys.server_key, key)
    return KeySigner(key).public_key


def _make_evidence_key(folder: Path, settings: Settings, passphrase: bytes) -> bytes:
    key = X25519PrivateKey.generate()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    keyfiles.write_private(folder / BACKUP / EVIDENCE_KEY_NAME, key, passphrase)
    keyfiles.write_new(settings.keys.evidence_spki, spki)
    return spki


def _first_grants(plan: Plan, server: PublicKey, evidence: bytes, now: datetime) -> tuple[Grant, ...]:
    return (
        *trust_ledger.server_grants(server.spki, plan.city, now=now, valid=_SERVER_GRANT, cities=plan.cities),
        trust_ledger.make_grant(
            Role.EVIDENCE, evidence, "evidence", now=now, valid=_EVIDENCE_GRANT, cities=plan.cities
        ),
    )
