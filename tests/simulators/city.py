"""A city for tests: its root, its keys and grants, its certificates, and the identity folders of its boxes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from edge_agent.adapters.keystore import AUTHORITY, CERTIFICATE, FACTS, ROOT, TRUST, new_identity
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import (
    Entry,
    Manifest,
    approve,
    commit_case,
    encode_batch,
    encode_snapshot,
    sign_manifest,
    withdraw,
)
from protocol.keys import KeySigner, PublicKey
from protocol.order import Identity
from protocol.settings import make_document, sign_settings
from protocol.trust import Grant, Role, sign_bundle

FAR_MS = 4_000_000_000_000  # the year 2096
PEM = serialization.Encoding.PEM


@dataclass
class City:
    """Keys of one city. `folder` holds the certificates that mosquitto and the peer use."""

    folder: Path
    name: str = "saltillo"
    root: KeySigner = field(default_factory=KeySigner.generate)
    server: KeySigner = field(default_factory=KeySigner.generate)
    officers: tuple[KeySigner, KeySigner] = field(default_factory=lambda: (KeySigner.generate(), KeySigner.generate()))
    evidence: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    authority: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    devices: dict[str, PublicKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = _certify("test-ca", self.authority.public_key(), "test-ca", self.authority, is_ca=True)
        (self.folder / "ca.pem").write_bytes(self.ca.public_bytes(PEM))
        self.issue_server("broker")
        self.issue_server("peer")

    def issue_server(self, name: str, *, begins: datetime | None = None) -> None:
        """Key and certificate of a server of ours, for localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certify(name, key.public_key(), "test-ca", self.authority, begins=begins)
        (self.folder / f"{name}.crt.pem").write_bytes(certificate.public_bytes(PEM))
        (self.folder / f"{name}.key.pem").write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    def grants(self) -> tuple[Grant, ...]:
        """Everybody's grants."""
        evidence = self.evidence.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        ana, luis = self.officers
        held = [
            (Role.RECEIPT, "server", self.server.public_key.spki),
            (Role.MANIFEST, "server", self.server.public_key.spki),
            (Role.SETTINGS, "server", self.server.public_key.spki),
            (Role.OFFICER, "ana", ana.public_key.spki),
            (Role.OFFICER, "luis", luis.public_key.spki),
            (Role.EVIDENCE, "authority", evidence),
        ]
        return tuple(
            Grant(role=role, spki=spki, subject=subject, not_before_ms=0, not_after_ms=FAR_MS)
            for role, subject, spki in held
        )

    def bundle(self, number: int = 1, grants: tuple[Grant, ...] | None = None) -> bytes:
        """A trust bundle under the root's signature."""
        return sign_bundle(number, self.grants() if grants is None else grants, self.root, created_ms=number)

    def enrol(
        self, folder: Path, device: str = "box-1", *, point: str = "p-1", port: int = 1, artefacts: int = 1
    ) -> Identity:
        """Make a box's identity folder as the two commands do, and register its key."""
        request = x509.load_pem_x509_csr(new_identity(folder, device).read_bytes())
        key = request.public_key()
        certificate = _certify(device, key, "test-ca", self.authority)
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.devices[device] = PublicKey.from_spki(spki)
        (folder / CERTIFICATE).write_bytes(certificate.public_bytes(PEM))
        (folder / AUTHORITY).write_bytes(self.ca.public_bytes(PEM))
        (folder / ROOT).write_bytes(self.root.public_key.spki)
        (folder / TRUST).write_bytes(self.bundle())
        facts = {
            "device": device, "city": self.name, "point": point, "broker_host": "127.0.0.1",
            "server_name": "localhost", "artefacts_url": f"https://127.0.0.1:{artefacts}",
        }  # fmt: skip
        lines = [f'{key} = "{value}"' for key, value in facts.items()] + [f"broker_port = {port}"]
        (folder / FACTS).write_text("\n".join(lines) + "\n")
        return Identity(device=device, city=self.name, point=point)

    def settings(
        self, who: Identity, text: str, *, number: int = 1, trial_s: int = 1, profile: tuple[str, str] = ("", "")
    ) -> bytes:
        """A settings document for a box, signed by the city's server."""
        document = make_document(
            who, number=number, rollout=f"r-{number}", created_ms=to_ms(datetime.now(UTC)), profile=profile,
            settings_toml=text, trial_s=trial_s,
        )  # fmt: skip
        return sign_settings(document, self.server)

    def hotlist(self, plates: Iterable[str], *, version: int, withdrawn: Iterable[str] = ()) -> tuple[bytes, bytes]:
        """A manifest and the snapshot it names, with one entry `e-PLATE` per plate, approved by both officers."""
        now_ms = to_ms(datetime.now(UTC))
        entries = [
            Entry(
                entry=f"e-{plate.lower()}", plate=plate, reason="stolen", expires_ms=FAR_MS,
                case_commitment=commit_case("FGE-1/2026", bytes(16)),
            )
            for plate in plates
        ]  # fmt: skip
        batches = []
        if entries:
            payload = encode_batch(f"b-{version}", entries, created_ms=now_ms)
            signed = CoSigned(payload)
            for officer in self.officers:
                signed = signed.with_signature(approve(payload, officer))
            batches.append(signed.to_bytes())
        gone = [withdraw(withdrawn, self.officers[0], created_ms=now_ms)] if list(withdrawn) else []
        artefact = encode_snapshot(version, batches, gone)
        manifest = Manifest(
            version=1, list_version=version, city=self.name, sha256=hashlib.sha256(artefact).digest(),
            size_bytes=len(artefact), created_ms=now_ms, expires_ms=now_ms + 86_400_000,
        )  # fmt: skip
        return sign_manifest(manifest, self.server), artefact


def _certify(
    name: str,
    key: object,
    issuer: str,
    authority: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
    begins: datetime | None = None,
) -> x509.Certificate:
    begins = begins or datetime.now(UTC) - timedelta(days=1)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)  # type: ignore[arg-type]  # any public key of the library
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority, hashes.SHA256())
    )
