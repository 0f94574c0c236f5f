"""What a box said some days ago, stored as ingest and the evidence store would have stored it then.

python -m tests.simulators.archive SETTINGS STEP    purges, and dies (-9) at a step
"""

import asyncio
import hashlib
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.adapters.database import Pool, opened
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.adapters.retention_store import RetentionStore
from aggregator.adapters.store import Store
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.service.retention import Retention, rules
from aggregator.settings import load
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.messages import (
    Alarm,
    Body,
    CameraMinute,
    CameraState,
    Evidence,
    Health,
    HitAmended,
    HitKey,
    Match,
    Piece,
    Quality,
    Report,
    body_of,
    decode_message,
)
from protocol.steps import stop_at
from tests.simulators.enrolment import Box
from tests.simulators.running import make_hit

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Archive:
    """A box, and what is kept of it."""

    pool: Pool
    files: EvidenceFiles
    box: Box

    async def keep(self, body: Body, *, days: float) -> bytes:
        """Store what the box said so long ago; the envelope's hash."""
        at = NOW - timedelta(days=days)
        raw = self.box.say(body, at=at)
        message = decode_message(parse(raw).payload)
        await Store(self.pool, TimeRules()).write([Taken(message, body_of(message), raw, envelope_hash(raw), at)], [])
        return envelope_hash(raw)

    async def hit(self, *, days: float) -> tuple[bytes, HitKey]:
        """A hit of entry e-1; its hash and its name."""
        place = self.box.position
        digest = await self.keep(make_hit(captured_at=NOW - timedelta(days=days)), days=days)
        return digest, HitKey(outbox=place.outbox, epoch=place.epoch, sequence=place.sequence, hash=digest)

    async def pictured_hit(self, *, days: float, entry: str = "e-2") -> tuple[bytes, bytes, bytes]:
        """A hit, amended to another entry, with both its pictures; its hash and theirs."""
        digest, key = await self.hit(days=days)
        better = Match(entry=entry, quality=Quality.POSSIBLE, reason="stolen")
        await self.keep(HitAmended(hit=key, matches=(better,), plate="ABC128D", observed="ABC128D"), days=days)
        redacted = await self.picture(digest + b"redacted", days=days)
        sealed = await self.picture(digest + b"sealed", days=days)
        await self.evidence(key, redacted, sealed, days=days)
        return digest, redacted, sealed

    async def picture(self, data: bytes, *, days: float) -> bytes:
        """A picture in one piece, settled; its hash."""
        sha256 = hashlib.sha256(data).digest()
        await self.keep(Piece(sha256=sha256, total_bytes=len(data), offset=0, data=data), days=days)
        await EvidenceStore(self.pool, self.files).settle_all(NOW - timedelta(days=days))
        return sha256

    async def evidence(self, key: HitKey, redacted: bytes, sealed: bytes, *, days: float) -> bytes:
        """The message that names a hit's pictures."""
        evidence = Evidence(
            hit=key, camera="cam-1", captured_ms=to_ms(NOW - timedelta(days=days)), redacted_sha256=redacted,
            redacted_bytes=1, sealed_sha256=sealed, sealed_bytes=1, original_sha256=bytes(32), sealed_to=bytes(16),
        )  # fmt: skip
        return await self.keep(evidence, days=days)

    async def alarm(self, *, days: float) -> bytes:
        """An alarm of the box."""
        return await self.keep(Alarm(alarm="panic_button", started_ms=to_ms(NOW - timedelta(days=days))), days=days)

    async def report(self, *, days: float) -> bytes:
        """A minute's report of one camera."""
        at_ms = to_ms(NOW - timedelta(days=days))
        minute = CameraMinute(camera="cam-1", state=CameraState.LIVE, reads=3)
        said = Report(from_ms=at_ms - 60_000, to_ms=at_ms, cameras=(minute,), health=Health())
        return await self.keep(said, days=days)

    async def rows(self) -> dict[str, int]:
        """How many rows the tables hold that retention may touch."""
        tables = (
            "hit",
            "hit_amendment",
            "hit_match",
            "evidence",
            "picture",
            "piece",
            "alarm",
            "report",
            "camera_minute",
        )
        return {table: await self.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608

    async def without_file(self) -> int:
        """Stored pictures whose file is not there: this must never be anything but 0."""
        rows = await self.pool.fetch("SELECT sha256 FROM picture WHERE state = 'stored'")
        return sum(not self.files.path(row["sha256"]).exists() for row in rows)


async def die_at(settings_file: Path, step: str) -> None:
    """Purge by all rules, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        store = RetentionStore(database.pool, EvidenceFiles(settings.evidence_dir), crash)
        async for _ in Retention(store, settings).purge(rules(settings), NOW, actor="os:ana"):
            pass


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
