"""A command centre as far as hotlists go: its officers, its desk, its publisher, its artefacts over HTTPS."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from aggregator.adapters import hotlist_publisher, keyfiles
from aggregator.adapters import hotlist_store as store
from aggregator.adapters.database import Access, Database, Pool
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.registered import Registered
from aggregator.core.hotlist import Draft, NewBatch, ReasonClass, make_batch
from aggregator.http.artefacts import artefacts_app, server_context
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import Manifest, approve, encode_snapshot, sign_manifest
from protocol.keys import Signer
from tests.simulators.enrolment import CITY
from tests.simulators.officers import Officers, appoint, now


@dataclass
class House:
    """A command centre that publishes, and its officers."""

    officers: Officers
    pool: Pool
    database: Database

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.officers.settings

    @property
    def desk(self) -> Desk:
        """The officers' desk under the trust bundle of this moment."""
        return Desk(self.pool, self.officers.trust, CITY)

    @property
    def server(self) -> Signer:
        """The key that signs manifests: what somebody holds who owns the server."""
        return keyfiles.read_signer(self.settings.keys.server_key)

    async def list_plates(self, *plates: str) -> None:
        """Ana proposes, Luis approves."""
        await self.officers.list_plates(self.desk, plates, self.officers.keys["ana"], self.officers.keys["luis"])

    async def withdraw(self, plate: str, name: str = "ana") -> None:
        """One officer withdraws a plate's entry."""
        entry = await self.pool.fetchval("SELECT entry_id FROM hotlist_entry WHERE plate = $1", plate)
        await self.desk.withdraw(self.officers.keys[name], [entry], "found again", now=now())

    async def look(self) -> None:
        """Have the publisher look now rather than in a few seconds."""
        await self.pool.execute("NOTIFY hotlist_changed")

    async def offer(self, batches: Iterable[bytes], *, version: int) -> tuple[bytes, bytes]:
        """Put a snapshot of any batches up for fetching; a manifest for it under the server's key, and its bytes."""
        artefact = encode_snapshot(version, batches, [])
        digest = hashlib.sha256(artefact).digest()
        async with store.transaction(self.pool) as connection:
            sql = "INSERT INTO hotlist_artefact VALUES ($1, $2, $3, now())"
            await connection.execute(sql, digest, artefact, len(artefact))
        manifest = Manifest(
            version=1,
            list_version=version,
            city=CITY,
            sha256=digest,
            size_bytes=len(artefact),
            created_ms=to_ms(now()),
            expires_ms=to_ms(now() + timedelta(hours=1)),
        )
        return sign_manifest(manifest, self.server), artefact


@asynccontextmanager
async def opened_house(pool: Pool, access: Access, installation: Settings, folder: Path) -> AsyncIterator[House]:
    """Officers Ana and Luis, the artefacts over HTTPS; nothing is published yet."""
    officers = appoint(installation, folder, "ana", "luis")
    registered = Registered(pool, access)
    await registered.load()
    following = asyncio.create_task(registered.follow(), name="registered")

    def is_admitted(key_id: bytes) -> bool:
        key = registered.key(key_id)
        return key is not None and not key.is_revoked

    runner = web.AppRunner(artefacts_app(pool, is_admitted), access_log=None)
    await runner.setup()
    http = installation.http
    await web.TCPSite(runner, "127.0.0.1", http.port, ssl_context=server_context(installation)).start()
    yield House(officers, pool, Database(pool, access))
    await runner.cleanup()
    following.cancel()
    await asyncio.wait([following])


@asynccontextmanager
async def publishing(house: House) -> AsyncIterator[None]:
    """The publisher, running."""
    task = asyncio.create_task(hotlist_publisher.run(house.settings, house.database), name="publisher")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def batch_of(plate: str, *, expires_in: timedelta = timedelta(days=1)) -> NewBatch:
    """A batch of one entry, as anybody could write it."""
    draft = Draft(2, plate, ReasonClass.STOLEN_VEHICLE, "C-1", now() + expires_in, (CITY,))
    return make_batch([draft], now=now(), token=lambda size: hashlib.sha256(plate.encode()).digest()[:size])


def signed(batch: NewBatch, *officers: Signer) -> bytes:
    """A batch under signatures."""
    whole = CoSigned(batch.payload)
    for officer in officers:
        whole = whole.with_signature(approve(batch.payload, officer))
    return whole.to_bytes()
