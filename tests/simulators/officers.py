"""Officers of a test's installation, granted by its own root, and lists for them to sign."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from aggregator.adapters import keyfiles
from aggregator.adapters.founding import ROOT_KEY_NAME
from aggregator.adapters.hotlist_desk import Desk, Published
from aggregator.adapters.trust_file import read_trust
from aggregator.core import trust_ledger
from aggregator.core.founding import BACKUP
from aggregator.settings import Settings
from protocol.keys import KeyId, KeySigner, Signer
from protocol.trust import EVERYWHERE, Grant, Role, TrustStore

ROOT_PASSPHRASE = b"a root passphrase"
HEADER = "plate,reason,case_number,expires,scope\n"


@dataclass
class Officers:
    """The root of an installation, the officers it has granted, and what they do."""

    settings: Settings
    root: KeySigner
    keys: dict[str, KeySigner] = field(default_factory=dict)

    @property
    def trust(self) -> TrustStore:
        """What the bundle on the disk says."""
        return read_trust(self.settings.keys)

    def grant(self, name: str, *, key: KeySigner | None = None, cities: tuple[str, ...] = EVERYWHERE) -> KeySigner:
        """Make somebody an officer, or give him one key more."""
        signer = key or KeySigner.generate()
        grant = trust_ledger.make_grant(
            Role.OFFICER, signer.public_key.spki, name, now=now(), valid=timedelta(days=30), cities=cities
        )
        self._write(trust_ledger.granted(self.trust, [grant], now=now()))
        self.keys[name] = signer
        return signer

    def dismiss(self, name: str) -> None:
        """Leave somebody out of the next bundle."""
        self.dismiss_key(self.keys[name].public_key.key_id)

    def dismiss_key(self, key_id: KeyId) -> None:
        """Leave a key out of the next bundle."""
        self._write(trust_ledger.withdrawn(self.trust, [key_id], now=now()))

    async def list_plates(self, desk: Desk, plates: Iterable[str], first: Signer, second: Signer) -> Published:
        """Import, propose and approve one entry per plate."""
        await desk.import_file(file_of(plates), actor="test", now=now())
        proposed = await desk.propose(first, None, now=now())
        return await desk.approve(second, proposed.batch_id, now=now())

    def _write(self, grants: tuple[Grant, ...]) -> None:
        bundle = trust_ledger.next_bundle(self.trust, grants, now=now())
        keyfiles.replace(self.settings.keys.trust_bundle, trust_ledger.signed(bundle, self.root))


def appoint(installation: Settings, folder: Path, *names: str) -> Officers:
    """Officers of the installation's city, under a trust bundle of the test's own."""
    bundle = folder / "trust.cbor"
    bundle.write_bytes(installation.keys.trust_bundle.read_bytes())
    keys = msgspec.structs.replace(installation.keys, trust_bundle=bundle)
    root_key = installation.keys.root_spki.parents[1] / BACKUP / ROOT_KEY_NAME
    root = keyfiles.read_signer(root_key, ROOT_PASSPHRASE)
    officers = Officers(msgspec.structs.replace(installation, keys=keys), root)
    for name in names:
        officers.grant(name, cities=(installation.city,))
    return officers


def file_of(plates: Iterable[str], *, life: timedelta = timedelta(days=10), case: str = "FGE") -> bytes:
    """A file to import, one line per plate."""
    expires = (now() + life).isoformat()
    lines = [f"{plate},stolen-vehicle,{case}-{number},{expires},\n" for number, plate in enumerate(plates)]
    return (HEADER + "".join(lines)).encode()


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
