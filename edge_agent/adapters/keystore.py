"""The box's identity on disk: its key, its certificates, the root it trusts, and what that root has granted.

The folder is written half by `edge-agent identity new` (the key is made on the box and never leaves it), half by the
aggregator's `device issue`. A box is enrolled once it holds its certificate. The root's key (`root.spki`) is given
once, at enrolment; trust bundles follow it, the newest accepted one is kept in the data folder, and an older one is
refused (`protocol.trust`).

One key does both, TLS client authentication and message signatures. It lives in the box's TPM where there is one
(`tpm`), else in a file that the service's user alone can read; `device.key.pem` is then the TPM's wrapping, or the key.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from edge_agent.adapters.certificate_request import certificate_request
from edge_agent.adapters.tls import client_context
from edge_agent.adapters.tpm import PEM_BEGIN, Tpm, TpmSigner, find_tpm, need_tpm
from edge_agent.errors import BadIdentity, NotEnrolled
from protocol.errors import DecodeError
from protocol.fields import Id
from protocol.keys import KeySigner, PublicKey, Signer
from protocol.names import check_id
from protocol.order import Identity
from protocol.trust import TrustRefusal, TrustStore

KEY: Final = "device.key.pem"
REQUEST: Final = "device.csr.pem"
CERTIFICATE: Final = "device.crt.pem"
AUTHORITY: Final = "ca.crt.pem"
ROOT: Final = "root.spki"
TRUST: Final = "trust.cbor"
FACTS: Final = "identity.toml"
TRIAL: Final = "trial"
"""The folder of a certificate that is being tried, and of the authorities that came with it."""

Keystore: TypeAlias = Literal["file", "tpm", "auto"]
"""Where a key is made; `auto` takes the TPM if there is one."""


class IdentityFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`identity.toml`: who the box is, where its command centre answers; `partner` is the company whose box it is."""

    device: Id
    city: Id
    point: Id
    broker_host: str
    broker_port: int
    server_name: str
    artefacts_url: str
    enrolment_url: str = ""
    partner: Id | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolled box's identity, read once at start."""

    folder: Path
    facts: IdentityFacts
    signer: Signer
    root: PublicKey

    @property
    def who(self) -> Identity:
        """Who signs."""
        return Identity(device=self.facts.device, city=self.facts.city, point=self.facts.point)

    def tls(self, *, check_dates: bool = True, on_trial: bool = False) -> ssl.SSLContext:
        """Client context for broker and artefacts. Dates are not checked by a clock that is known to be wrong."""
        papers = self.folder / TRIAL if on_trial else self.folder
        try:
            return client_context(
                authority=papers / AUTHORITY,
                certificate=papers / CERTIFICATE,
                key=self.folder / KEY,
                server_name=self.facts.server_name,
                check_dates=check_dates,
            )
        except (OSError, ssl.SSLError) as exc:
            raise BadIdentity(f"{self.folder}: the certificates cannot be used; enrol the box again") from exc


class TrustFile:
    """The trust bundle in force, kept in the data folder so that a restart cannot bring an older one back."""

    def __init__(self, enrolment: Enrolment, data_dir: Path) -> None:
        """Take the newer of the bundle of the enrolment and the one kept; raises `BadIdentity`."""
        self._path = data_dir / TRUST
        given = TrustStore(enrolment.root).accept(_read(enrolment.folder / TRUST))
        if isinstance(given, TrustRefusal):
            raise BadIdentity(f"{enrolment.folder / TRUST}: {given.name.lower()}; enrol the box again")
        kept = given.accept(self._path.read_bytes()) if self._path.exists() else given
        self.store = given if isinstance(kept, TrustRefusal) else kept

    def accept(self, raw: bytes) -> TrustRefusal | None:
        """Believe a bundle from now on and keep it, or say why not."""
        store = self.store.accept(raw)
        if isinstance(store, TrustRefusal):
            return store
        if store != self.store:
            write_private(self._path, raw)
            self.store = store
        return None


def load_enrolment(folder: Path) -> Enrolment:
    """Read an enrolled box's identity; raises `NotEnrolled` or `BadIdentity`."""
    if not (folder / CERTIFICATE).exists():
        raise NotEnrolled(
            f"{folder}: this box is not enrolled. Have a token made at the command centre with "
            "`aggregator device invite`, and give it to `edge-agent enroll`"
        )
    signer = load_signer(folder / KEY)
    try:
        facts = read_facts(folder)
        root = PublicKey.from_spki(_read(folder / ROOT))
        certificate = x509.load_pem_x509_certificate(_read(folder / CERTIFICATE))
    except (msgspec.DecodeError, DecodeError, ValueError) as exc:
        raise BadIdentity(f"{folder}: {exc}; enrol the box again") from exc
    _check_certificate(certificate, facts, signer, folder)
    return Enrolment(folder, facts, signer, root)


def read_facts(folder: Path) -> IdentityFacts:
    """Who the box is, as its folder says now; raises `BadIdentity` or `msgspec.DecodeError`."""
    return msgspec.toml.decode(_read(folder / FACTS), type=IdentityFacts)


def write_facts(folder: Path, facts: IdentityFacts) -> None:
    """Write who the box is anew; raises `OSError`."""
    pairs = ((key, value) for key, value in msgspec.structs.asdict(facts).items() if value is not None)
    # A JSON string or integer is a TOML one.
    text = "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in pairs)
    write_private(folder / FACTS, text.encode())


def load_signer(path: Path) -> Signer:
    """Read a private key, or have the TPM load it; raises `BadIdentity` or `TpmFailed`."""
    pem = _read(path)
    if pem.startswith(PEM_BEGIN):
        return TpmSigner.load(pem, need_tpm())
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as exc:
        raise BadIdentity(f"{path}: not a PEM private key without passphrase; make a new identity") from exc
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise BadIdentity(f"{path}: want an Ed25519 or P-256 key; make a new identity")
    return KeySigner(key)


def new_identity(folder: Path, device: str, keystore: Keystore = "auto") -> Path:
    """Make a box's key and its certificate request; gives the request's path. Never replaces a key."""
    check_id(device, "device")
    if (folder / KEY).exists():
        raise BadIdentity(f"{folder / KEY} exists; a box keeps its key. Move the folder away to start afresh")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    private, signer = _new_key(keystore)
    write_private(folder / KEY, private)
    write_private(folder / REQUEST, certificate_request(device, signer))
    return folder / REQUEST


def _new_key(keystore: Keystore) -> tuple[bytes, Signer]:
    """A key as its file has it, and what signs with it; raises `TpmFailed`."""
    if keystore == "tpm" or (keystore == "auto" and find_tpm()):
        with Tpm(need_tpm()) as tpm:
            wrapped = tpm.new_key()
        return wrapped, TpmSigner.load(wrapped, need_tpm())
    key = ed25519.Ed25519PrivateKey.generate()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()), KeySigner(key)


def write_private(path: Path, data: bytes) -> None:
    """Put a file in place whole, readable by its owner only, on disk when this returns."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_certificate(cert: x509.Certificate, facts: IdentityFacts, signer: Signer, folder: Path) -> None:
    spki = cert.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    names = [name.value for name in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if spki != signer.public_key.spki:
        raise BadIdentity(f"{folder / CERTIFICATE} is for another key than {KEY}; have it issued for {REQUEST}")
    if names != [facts.device]:
        raise BadIdentity(f"{folder / CERTIFICATE} names another device than {FACTS}; enrol the box again")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BadIdentity(f"{path}: cannot be read; enrol the box again") from exc
