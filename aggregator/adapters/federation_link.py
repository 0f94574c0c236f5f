"""A city's link to its region, on the disk: what the region gave it when it joined (`federation.link_dir`).

    link.toml       region, where its servers are, the id of our log; the city is linked while this file is there
    link.crt.pem    the link's certificate, its issuer behind it; link.key.pem, its key
    ca.crt.pem      what the region's servers must chain to
    root.spki       the region's root, pinned
    trust.cbor      the region's trust bundle, the newest that was accepted
    joining.key.pem a key that asks to join, until the link is made

link.toml comes last and goes first. Services look at it now and then (`read`), so that joining and leaving need no
restart.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.adapters import keyfiles, mosquitto, pki
from aggregator.core.access import link_client
from aggregator.core.contact import Renewed, is_due
from aggregator.errors import BadKey, BadSettings, NotThere
from aggregator.settings import Port, Settings
from protocol.errors import DecodeError
from protocol.fields import Id
from protocol.joining import JoinAnswer, Joined
from protocol.keys import KeySigner, PublicKey
from protocol.trust import TrustRefusal, TrustStore

FACTS: Final = "link.toml"
_CERTIFICATE: Final = "link.crt.pem"
_KEY: Final = "link.key.pem"
_JOINING_KEY: Final = "joining.key.pem"
_HEX_LOG: Final = r"^[0-9a-f]{32}\Z"


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What link.toml says."""

    region: Id
    region_name: str
    broker_host: str
    broker_port: Port
    server_name: str
    artefacts_url: str
    log: Annotated[str, msgspec.Meta(pattern=_HEX_LOG)]
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A linked city's way to its region."""

    city: str
    folder: Path
    facts: Facts

    @property
    def client(self) -> str:
        """The name under which the region's broker knows us: the certificate's, and the MQTT client id."""
        return link_client(self.city)

    @property
    def log_id(self) -> bytes:
        """The id of the log that the region keeps for us."""
        return bytes.fromhex(self.facts.log)

    @property
    def certificate(self) -> Path:
        """The link's certificate."""
        return self.folder / _CERTIFICATE

    @property
    def key(self) -> Path:
        """The link's key."""
        return self.folder / _KEY

    @property
    def ca(self) -> Path:
        """What the region's servers must chain to."""
        return self.folder / "ca.crt.pem"

    @property
    def root(self) -> Path:
        """The region's root."""
        return self.folder / "root.spki"

    @property
    def bundle(self) -> Path:
        """The region's trust bundle."""
        return self.folder / "trust.cbor"

    def trust(self) -> TrustStore:
        """What the region's root says, as far as we know; raises `BadKey` or `NotThere`."""
        return _believed(keyfiles.read_file(self.root), keyfiles.read_file(self.bundle), self.folder)

    def take_trust(self, raw: bytes) -> TrustStore | TrustRefusal:
        """Hold another bundle of the region from now on, if its root signed it and it is not older."""
        accepted = self.trust().accept(raw)
        if isinstance(accepted, TrustStore) and accepted.number != self.trust().number:
            keyfiles.replace(self.bundle, raw)
        return accepted


def read(settings: Settings) -> Link | None:
    """The link of a city that has joined; raises `BadSettings` for a damaged one."""
    folder = settings.federation.link_dir
    path = folder / FACTS
    try:
        return Link(settings.city, folder, msgspec.toml.decode(path.read_bytes(), type=Facts))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as exc:
        raise BadSettings(f"{path} cannot be used ({exc}); join again: aggregator federation join") from exc


def certificate_of(settings: Settings) -> Path | None:
    """The certificate of the link, of a city that has joined."""
    folder = settings.federation.link_dir
    return folder / _CERTIFICATE if (folder / FACTS).is_file() else None


def joining_key(settings: Settings) -> KeySigner:
    """The key to join with: the one that asked before and heard no answer, else a new one."""
    path = settings.federation.link_dir / _JOINING_KEY
    if not path.is_file():
        keyfiles.write_private(path, KeySigner.generate().private_key)
    return keyfiles.read_signer(path)


def write(settings: Settings, joined: Joined, *, now: datetime) -> Link:
    """Put an answer that was believed in its place; the city is linked."""
    answer = joined.answer
    link = Link(settings.city, settings.federation.link_dir, _facts(answer, now))
    asked_with = link.folder / _JOINING_KEY
    remove(link)
    keyfiles.replace(link.key, keyfiles.read_file(asked_with), keyfiles.PRIVATE)
    keyfiles.replace(link.certificate, _pem(answer.chain))
    keyfiles.replace(link.ca, _pem(answer.authorities))
    keyfiles.replace(link.root, joined.parcel.root_spki)
    keyfiles.replace(link.bundle, joined.parcel.trust)
    mosquitto.tls_context(link.ca, link.certificate, link.key)  # raises `NotThere` unless they go together
    keyfiles.replace(link.folder / FACTS, _toml(link.facts))
    asked_with.unlink()  # not before: a city that is cut off above asks again under the same key
    return link


def is_renewal_due(link: Link, issuer: str, *, now: datetime) -> bool:
    """Whether the link's certificate should be renewed, when the region signs under a CA's key of this id (hex)."""
    leaf = keyfiles.read_certificate(link.certificate)
    is_of_other = bool(issuer) and pki.issuer_key_id(leaf).hex() != issuer
    return is_of_other or is_due(leaf.not_valid_before_utc, leaf.not_valid_after_utc, now=now)


def ended(link: Link) -> str | None:
    """What to do, if our certificate has ended: nothing renews it then, and the region turns it away."""
    try:
        until = keyfiles.read_certificate(link.certificate).not_valid_after_utc
    except (BadKey, NotThere):  # told where it is used
        return None
    if datetime.now(UTC) < until:
        return None
    return (
        f"the link's certificate ended on {until:%Y-%m-%d}, and cannot be renewed any more. At the region:"
        f" aggregator federation invite {link.city}; then here: aggregator federation join"
    )


def renew(link: Link, fresh: Renewed) -> bool:
    """Put a renewed certificate in the place of ours, if there is a new one; raises `BadKey` unless it is ours, by CAs
    under the region's root."""
    try:
        leaf, issuing, *_ = x509.load_pem_x509_certificates(fresh.chain.encode())
        authorities = x509.load_pem_x509_certificates(fresh.authorities.encode())
        pinned = keyfiles.read_file(link.root)
        (root,) = (each for each in authorities if _spki_of(each) == pinned)
        pki.check_issued(issuing, root)
        leaf.verify_directly_issued_by(issuing)
    except (ValueError, TypeError, InvalidSignature) as exc:
        raise BadKey("the region renewed our link under another root than its own") from exc
    held = keyfiles.read_certificate(link.certificate)
    if (_spki_of(leaf), pki.common_name(leaf)) != (_spki_of(held), link.client):
        raise BadKey("the region renewed a certificate that is not our link's")
    if leaf.serial_number == held.serial_number:
        return False
    keyfiles.replace(link.ca, fresh.authorities.encode())
    keyfiles.replace(link.certificate, fresh.chain.encode())
    return True


def _spki_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def remove(link: Link) -> None:
    """The city is linked no more; what it knew of the region is gone."""
    for path in (link.folder / FACTS, link.key, link.certificate, link.ca, link.bundle, link.root):
        path.unlink(missing_ok=True)


def _facts(answer: JoinAnswer, now: datetime) -> Facts:
    return Facts(
        region=answer.region,
        region_name=answer.region_name,
        broker_host=answer.broker_host,
        broker_port=answer.broker_port,
        server_name=answer.server_name,
        artefacts_url=answer.artefacts_url,
        log=answer.log.hex(),
        joined_at=now.replace(microsecond=0),
    )


def _toml(facts: Facts) -> bytes:
    # A JSON string or integer is a TOML one.
    named = {name: getattr(facts, name) for name in Facts.__struct_fields__ if name != "joined_at"}
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in named.items()]
    lines.append(f"joined_at = {facts.joined_at:%Y-%m-%dT%H:%M:%SZ}")
    return ("# Written by `aggregator federation join`.\n" + "\n".join(lines) + "\n").encode()


def _pem(certificates: tuple[bytes, ...]) -> bytes:
    return b"".join(keyfiles.pem_of(x509.load_der_x509_certificate(der)) for der in certificates)


def _believed(root: bytes, bundle: bytes, folder: Path) -> TrustStore:
    try:
        store = TrustStore(PublicKey.from_spki(root)).accept(bundle)
    except DecodeError as exc:
        raise BadKey(f"{folder} holds no region's root; join again: aggregator federation join") from exc
    if isinstance(store, TrustRefusal):
        raise BadKey(f"{folder} holds no trust bundle of the region's root; join again: aggregator federation join")
    return store
