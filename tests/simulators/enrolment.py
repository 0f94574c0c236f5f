"""Boxes that are registered, with keys and certificates of the test's own installation."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import keyfiles, pki
from aggregator.adapters.database import Pool
from aggregator.adapters.founding import read_issuing
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.keys import KeySigner, spki_of
from protocol.messages import Body, Clock
from protocol.order import Identity, Position, seal_message

CITY: Final = "saltillo"


@dataclass
class Box:
    """A registered device, as a test drives it. `say` gives a body the next place of its outbox."""

    who: Identity
    signer: KeySigner
    certificate: Path
    key: Path
    position: Position = field(default_factory=lambda: Position.first(bytes(15) + b"\x01").restarted())

    def say(self, body: Body, *, at: datetime | None = None, clock: Clock = Clock.GOOD) -> bytes:
        """The signed envelope of a body, next in the outbox."""
        created_ms = to_ms(at or datetime.now(UTC))
        raw = seal_message(body, self.position, self.who, self.signer, created_ms=created_ms, clock=clock)
        self.position = self.position.after(raw)
        return raw


async def found_registry(pool: Pool) -> None:
    """Register the test city and one point, `p-1`, with its camera."""
    await pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ($1, 'Saltillo', 'America/Monterrey')", CITY)
    await pool.execute(
        "INSERT INTO point (point_id, city_id, name, latitude, longitude) VALUES ('p-1', $1, 'Uno', 25.4, -101)", CITY
    )
    await pool.execute("INSERT INTO camera (point_id, camera_id, heading_deg) VALUES ('p-1', 'cam-1', 90)")


async def enrol(pool: Pool, settings: Settings, device: str, folder: Path, *, point: str = "p-1") -> Box:
    """Register a device with a key, and issue its certificate."""
    key, issuing = Ed25519PrivateKey.generate(), read_issuing(settings)
    signer, now = KeySigner(key), datetime.now(UTC)
    leaf = pki.issue(issuing, device, spki_of(key.public_key()), pki.Use.CLIENT, now=now, valid=timedelta(days=1))
    keyfiles.write_private(folder / f"{device}.key.pem", key)
    keyfiles.write_certificates(folder / f"{device}.crt.pem", leaf, issuing.certificate)
    await pool.execute("INSERT INTO device (device_id, point_id, city_id) VALUES ($1, $2, $3)", device, point, CITY)
    await pool.execute(
        "INSERT INTO device_key (key_id, device_id, spki, algorithm, certificate_pem, serial, not_after)"
        " VALUES ($1, $2, $3, $4, $5, $6, now() + interval '1 day')",
        *(signer.public_key.key_id, device, signer.public_key.spki, int(signer.public_key.algorithm)),
        *(keyfiles.pem_of(leaf).decode(), pki.serial_text(leaf)),
    )
    who = Identity(device=device, city=CITY, point=point)
    return Box(who, signer, folder / f"{device}.crt.pem", folder / f"{device}.key.pem")
