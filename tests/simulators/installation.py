"""A complete small installation in a folder: one city, one point, its cameras and boxes, each box enrolled.

    installation = await make_installation(tmp_path / "inst")                    # with the embedded PostgreSQL
    installation = await make_installation(tmp_path / "inst", dsn=clean_dsn)     # in a database of the test's own
    with Broker(installation.settings): ...
    box = installation.box("box-1")     # its identity folder, its key, its place

Everything goes through the code that `aggregator init` and `aggregator device issue` run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from aggregator.adapters import founding, keyfiles
from aggregator.adapters import installation as adapter
from aggregator.adapters.database import Connection, opened
from aggregator.adapters.registry_store import Registry
from aggregator.core.founding import BACKUP, Plan
from aggregator.core.registry import Camera, City, Device, Point
from aggregator.settings import Settings
from protocol.keys import KeySigner
from protocol.order import Identity
from protocol.trust import TrustStore
from tests.simulators.broker import free_port

ROOT_PASSPHRASE = "root passphrase of a test"
EVIDENCE_PASSPHRASE = "evidence passphrase of a test"


@dataclass(frozen=True, slots=True)
class Box:
    """An enrolled box: who it is, where its identity folder lies."""

    identity: Identity
    folder: Path

    @property
    def key_file(self) -> Path:
        """Its private key."""
        return self.folder / "device.key.pem"

    @property
    def certificate(self) -> Path:
        """Its certificate, with the chain."""
        return self.folder / "device.crt.pem"

    @property
    def ca(self) -> Path:
        """What the broker's certificate must chain to."""
        return self.folder / "ca.crt.pem"

    @property
    def signer(self) -> KeySigner:
        """Its key, as it signs envelopes."""
        return keyfiles.read_signer(self.key_file)


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an installation lies, and its boxes by device id."""

    folder: Path
    settings: Settings
    root_passphrase_file: Path
    evidence_passphrase_file: Path
    boxes: dict[str, Box] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The settings file, for `--config`."""
        return self.folder / founding.SETTINGS_NAME

    @property
    def root_key(self) -> Path:
        """The root's private key, under the passphrase."""
        return self.folder / BACKUP / founding.ROOT_KEY_NAME

    @property
    def evidence_key(self) -> Path:
        """The evidence authority's private key, under its passphrase."""
        return self.folder / BACKUP / founding.EVIDENCE_KEY_NAME

    @property
    def root(self) -> KeySigner:
        """The root, ready to sign."""
        return keyfiles.read_signer(self.root_key, ROOT_PASSPHRASE.encode())

    @property
    def server(self) -> KeySigner:
        """The key that signs receipts and manifests."""
        return keyfiles.read_signer(self.settings.keys.server_key)

    @property
    def trust(self) -> TrustStore:
        """What a box believes that holds the current bundle."""
        store = TrustStore(self.root.public_key).accept(self.settings.keys.trust_bundle.read_bytes())
        assert isinstance(store, TrustStore), store
        return store

    def box(self, device: str) -> Box:
        """An enrolled box."""
        return self.boxes[device]


async def make_installation(
    folder: Path,
    *,
    city: str = "saltillo",
    role: Literal["city", "region"] = "city",
    point: str = "p-1",
    cameras: Sequence[str] = ("cam-1",),
    devices: Sequence[str] = ("box-1",),
    workers: int = 2,
    dsn: str | None = None,
    port: int | None = None,
) -> Installation:
    """Found an installation on free loopback ports and enrol its boxes; its database is stopped again."""
    plan = Plan(
        city=city,
        role=role,
        name=city.title(),
        broker_port=port or free_port(),
        http_port=free_port(),
        enrol_port=free_port(),
        health_port=free_port(),
        workers=workers,
        dsn=dsn,
    )
    root_file, evidence_file = _passphrase_files(folder)
    passphrases = founding.Passphrases(ROOT_PASSPHRASE.encode(), EVIDENCE_PASSPHRASE.encode())
    settings = await adapter.establish(folder, plan, passphrases, now=datetime.now(UTC))
    made = Installation(folder, settings, root_file, evidence_file)
    async with opened(settings.database) as database, database.pool.acquire() as connection:
        await add_point(connection, point, city=city, cameras=cameras)
        for device in devices:
            made.boxes[device] = await enrol(connection, made, device, point=point)
    return made


async def add_point(connection: Connection, point: str, *, city: str, cameras: Sequence[str]) -> None:
    """Register a point and its cameras, and its city if need be."""
    registry = Registry(connection)
    await registry.add("city", City(city_id=city, name=city.title()))
    await registry.add("point", Point(point_id=point, city_id=city, name=point, latitude=25.42, longitude=-100.99))
    for camera in cameras:
        await registry.add("camera", Camera(point_id=point, camera_id=camera, heading_deg=90))


async def enrol(
    connection: Connection,
    installation: Installation,
    device: str,
    *,
    point: str,
    key: keyfiles.SigningKey | None = None,
) -> Box:
    """Register a device and do both halves of its enrolment: the box's key and request, our certificate."""
    await Registry(connection).add("device", Device(device_id=device, point_id=point))
    folder = installation.folder.with_name(f"{installation.folder.name}-boxes") / device
    request = new_identity(folder, device, key)
    await adapter.issue(connection, installation.settings, device, request, folder, now=datetime.now(UTC))
    return Box(Identity(device=device, city=installation.settings.city, point=point), folder)


def new_identity(folder: Path, device: str, key: keyfiles.SigningKey | None = None) -> bytes:
    """The box's half: a private key and a certificate request (PEM, returned and written)."""
    key = key or Ed25519PrivateKey.generate()
    request = make_request(device, key)
    keyfiles.write_private(folder / "device.key.pem", key)
    keyfiles.write_new(folder / "device.csr.pem", request)
    return request


def make_request(device: str, key: keyfiles.SigningKey) -> bytes:
    """A certificate request for a device, signed by its key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    algorithm = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def _passphrase_files(folder: Path) -> tuple[Path, Path]:
    """Passphrase files beside the installation, as an operator has them."""
    files = []
    for name, text in (("root", ROOT_PASSPHRASE), ("evidence", EVIDENCE_PASSPHRASE)):
        path = folder.with_name(f"{folder.name}-{name}.pass")
        keyfiles.write_new(path, f"{text}\n".encode(), keyfiles.PRIVATE)
        files.append(path)
    return files[0], files[1]
