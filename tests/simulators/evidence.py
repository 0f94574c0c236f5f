"""A hit with all that belongs to it, stored as the real ones are: an entry that two officers signed, a box that reads
its plate and sends the picture in pieces, and the evidence store that puts them together.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.adapters.founding import EVIDENCE_KEY_NAME
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.store import Store
from aggregator.core.founding import BACKUP
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.keys import key_id
from protocol.messages import (
    PIECE_BYTES,
    Body,
    Evidence,
    Hit,
    HitKey,
    Match,
    Piece,
    Quality,
    body_of,
    decode_message,
)
from protocol.sealing import Purpose, seal
from tests.simulators.enrolment import CITY, Box
from tests.simulators.officers import Officers
from tests.simulators.running import make_hit

EVIDENCE_PASSPHRASE = "an evidence passphrase"
PLATE = "FAB123C"
REDACTED_JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 21
ORIGINAL_JPEG = b"\xff\xd8\xff" + hashlib.shake_256(b"a street").digest(PIECE_BYTES + 5_000)
MODELS = ("edge-agent/0.1.0", "detector/1f2e3d4c", "reader/5a6b7c8d")


@dataclass
class Street:
    """An installation with officers, a registered box, and what it has seen."""

    pool: Pool
    settings: Settings
    officers: Officers
    box: Box
    entry: str = ""
    hit: bytes = b""
    places: dict[bytes, HitKey] = field(default_factory=dict)

    async def list_entry(self, plate: str = PLATE) -> str:
        """Put a plate on the list under ana's and luis's signatures; the entry's id."""
        desk = Desk(self.pool, self.officers.trust, CITY)
        ana, luis = self.officers.keys["ana"], self.officers.keys["luis"]
        await self.officers.list_plates(desk, [plate], ana, luis)
        self.entry = await self.pool.fetchval("SELECT entry_id FROM hotlist_entry WHERE plate = $1", plate)
        return self.entry

    async def see(self, *, plate: str = PLATE, quality: Quality = Quality.EXACT) -> bytes:
        """Read the entry's plate, and send the hit; its hash."""
        version = await self.pool.fetchval("SELECT max(list_version) FROM hotlist_snapshot")
        body = make_hit(plate=plate)
        match = Match(entry=self.entry, quality=quality, reason="stolen-vehicle")
        place = self.box.position
        self.hit = await self.say(_with(body, match, version or 0))
        self.places[self.hit] = HitKey(outbox=place.outbox, epoch=place.epoch, sequence=place.sequence, hash=self.hit)
        return self.hit

    async def picture(self, redacted: bytes = REDACTED_JPEG, original: bytes = ORIGINAL_JPEG) -> Evidence:
        """Send the hit's picture in pieces, and let the evidence store put it on the disk."""
        evidence = await self.send_picture(redacted, original)
        await EvidenceStore(self.pool, EvidenceFiles(self.settings.evidence_dir)).settle_all(datetime.now(UTC))
        return evidence

    async def send_picture(self, redacted: bytes = REDACTED_JPEG, original: bytes = ORIGINAL_JPEG) -> Evidence:
        """Send the hit's picture in pieces."""
        spki, sha256 = self.settings.keys.evidence_spki.read_bytes(), hashlib.sha256(original).digest()
        sealed = seal(original, spki, Purpose.ORIGINAL, device=self.box.who.device, sha256=sha256)
        evidence = Evidence(
            hit=self.places[self.hit], camera="cam-1", captured_ms=0,
            redacted_sha256=hashlib.sha256(redacted).digest(), redacted_bytes=len(redacted),
            sealed_sha256=hashlib.sha256(sealed).digest(), sealed_bytes=len(sealed), original_sha256=sha256,
            sealed_to=key_id(spki), faces_filled=2, plates_filled=1, versions=MODELS,
        )  # fmt: skip
        await self.say(evidence)
        for data in (redacted, sealed):
            await self._pieces(data)
        return evidence

    async def say(self, body: Body) -> bytes:
        """Store what the box says now; the envelope's hash."""
        raw = self.box.say(body)
        message = decode_message(parse(raw).payload)
        taken = Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))
        assert await Store(self.pool, TimeRules()).write([taken], []) == {taken.hash: Fate.NEW}
        return taken.hash

    async def _pieces(self, data: bytes) -> None:
        sha256 = hashlib.sha256(data).digest()
        for at in range(0, len(data), PIECE_BYTES):
            part = data[at : at + PIECE_BYTES]
            await self.say(Piece(sha256=sha256, total_bytes=len(data), offset=at, data=part))

    @property
    def root_fingerprint(self) -> str:
        """What an expert was told."""
        return hashlib.sha256(self.settings.keys.root_spki.read_bytes()).hexdigest()


def evidence_key(settings: Settings) -> Path:
    """The evidence authority's private key, under its passphrase."""
    return settings.keys.root_spki.parents[1] / BACKUP / EVIDENCE_KEY_NAME


def passphrase_file(folder: Path) -> Path:
    """Its passphrase, as an operator has it."""
    path = folder / "evidence.pass"
    keyfiles.write_new(path, f"{EVIDENCE_PASSPHRASE}\n".encode(), keyfiles.PRIVATE)
    return path


def _with(body: Hit, match: Match, version: int) -> Hit:
    facts = {name: getattr(body, name) for name in body.__struct_fields__}
    return Hit(**{**facts, "matches": (match,), "hotlist_version": version})
