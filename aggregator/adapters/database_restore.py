"""A restore: a whole archive is read and held to its manifest first, and read again into an empty database.

Boxes, dispatch systems and people have had numbers that were given after the backup was made. So numbers go on `LEAP`
further than they were: no alert and no webhook's message gets one that another had. Settings documents leap as well
(sql/rollout.sql), by the audit's row on the database.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aggregator.adapters import audit_log
from aggregator.adapters.audit_log import Deed
from aggregator.adapters.database import Access, Connection
from aggregator.adapters.database_archive import PICTURES, members, unpacked
from aggregator.adapters.database_backup import Tell
from aggregator.adapters.database_loading import Copy, fill
from aggregator.adapters.database_tables import Source
from aggregator.adapters.picture_store import PictureStore
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import MANIFEST, Manifest
from aggregator.errors import BadBackup

RESTORE = "database.restore"
LEAP = 10_000


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup's file that was checked, and what it says of itself."""

    file: Path
    passphrase: bytes | None
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a restored database names and this installation does not have."""

    pictures: int
    roles: tuple[str, ...]
    webhooks: tuple[str, ...]


async def restore(access: Access, archive: Archive, store: PictureStore, tell: Tell, *, actor: str, reason: str) -> int:
    """Fill an empty database, and its store with what pictures came along; how many did."""
    reading = _Reading(archive, store, tell)

    async def note(connection: Connection) -> None:
        await reading.put_pictures()
        subjects = (f"backup:{archive.manifest.backup_id}", "database")
        deeds = [Deed(RESTORE, subject) for subject in subjects]
        await audit_log.audit_all(connection, deeds, actor=actor, reason=reason)

    try:
        await fill(access, Copy(archive.manifest, reading.rows, leap=LEAP, note=note))
    finally:
        reading.close()
    return reading.pictures


async def lacking(connection: Connection, manifest: Manifest, store: PictureStore, secrets_in: Path) -> Lacking:
    """Pictures that are not in the store, roles that the server lacks, webhooks without a secret."""
    sql = statements("copying")
    missing = 0
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(sql["pictures"], prefetch=500):
            missing += not await asyncio.to_thread(store.has, bytes(row["sha256"]), int(row["total_bytes"]))
    roles = await connection.fetch(sql["roles_missing"], list(manifest.readers))
    webhooks = [row["webhook_id"] for row in await connection.fetch(sql["webhooks"])]
    silent = [name for name in webhooks if not (secrets_in / f"{name}.secret").is_file()]
    return Lacking(missing, tuple(row["name"] for row in roles), tuple(silent))


class _Reading:
    """One pass over an archive: the parts of its tables, in their order, then the pictures."""

    def __init__(self, archive: Archive, store: PictureStore, tell: Tell) -> None:
        self._members = members(archive.file, archive.passphrase)
        self._parts = {table.name: table.parts for table in archive.manifest.tables}
        self._store, self._tell, self.pictures = store, tell, 0

    @asynccontextmanager
    async def rows(self, target: Source) -> AsyncIterator[AsyncIterator[bytes]]:
        """A table's bytes, from where the last one's ended."""
        yield self._rows(target)

    async def _rows(self, target: Source) -> AsyncIterator[bytes]:
        for part in self._parts[target.name]:
            name, data = await asyncio.to_thread(next, self._members, ("", b""))
            if name != part.name or hashlib.sha256(data).hexdigest() != part.sha256:
                raise BadBackup(f"part {part.name} is not what it was a moment ago: the file changed")
            rows = unpacked(name, data)
            self._tell(target.name, len(rows))
            yield rows

    async def put_pictures(self) -> None:
        """What is left of the archive: pictures, each held to its name when it was checked, into their store."""
        for name, data in self._members:
            if name.startswith(PICTURES):
                sha256 = bytes.fromhex(name.rpartition("/")[2])
                await asyncio.to_thread(self._store.write, sha256, data)
                self.pictures += 1
                self._tell("pictures", len(data))
            elif name == MANIFEST:
                return

    def close(self) -> None:
        """Let go of the file."""
        self._members.close()
