"""What boxes of a city say, stored there as ingest stores it, and the forwarder that passes it on.

python -m tests.simulators.forwarding SETTINGS STEP    passes on, and dies (-9) at a step
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.adapters.database import Database, Pool, opened
from aggregator.adapters.forward_queue import ForwardQueue
from aggregator.adapters.keyfiles import read_signer
from aggregator.adapters.store import Store
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.service.forwarder import Forwarder
from aggregator.service.passage import Means
from aggregator.settings import Settings, load
from protocol.envelope import envelope_hash, parse
from protocol.messages import (
    Alarm,
    Body,
    CameraMinute,
    CameraState,
    Dropped,
    Evidence,
    EvidenceUnavailable,
    Health,
    HitAmended,
    HitKey,
    Kind,
    Report,
    Tombstone,
    body_of,
    decode_message,
)
from protocol.steps import Step, no_step, stop_at
from tests.simulators.enrolment import Box
from tests.simulators.federation import Centre
from tests.simulators.running import make_hit

ALARM = Alarm(alarm="panic_button", started_ms=1_800_000_000_000)
REPORT = Report(
    from_ms=1_800_000_000_000,
    to_ms=1_800_000_060_000,
    cameras=(CameraMinute(camera="cam-1", state=CameraState.LIVE, reads=7),),
    health=Health(uptime_s=5),
    versions=("agent 1.0",),
)


def of_hits(box: Box) -> list[Body]:
    """A hit, one of each kind of what belongs to a hit, and what boxes say beside."""
    key = HitKey(outbox=box.position.outbox, epoch=1, sequence=1, hash=bytes(32))
    stones = (Tombstone(epoch=1, sequence=99, kind=Kind.REPORT, hash=bytes(32)),)
    return [
        make_hit(),
        HitAmended(hit=key),
        Evidence(
            hit=key, camera="cam-1", captured_ms=1_800_000_000_000, redacted_sha256=bytes(32), redacted_bytes=1,
            sealed_sha256=bytes(32), sealed_bytes=1, original_sha256=bytes(32), sealed_to=bytes(16),
        ),
        EvidenceUnavailable(hit=key, reason="disk_full"),
        Dropped(reason="disk_full", tombstones=stones),
        ALARM,
        REPORT,
    ]  # fmt: skip


def taken(raw: bytes) -> Taken:
    """A message as verification hands it over."""
    message = decode_message(parse(raw).payload)
    return Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))


async def store(pool: Pool, box: Box, bodies: Iterable[Body]) -> list[bytes]:
    """Store what a box says in one batch, as ingest does; the envelopes."""
    raws = [box.say(body) for body in bodies]
    await Store(pool, TimeRules()).write([taken(raw) for raw in raws], [])
    return raws


async def age(pool: Pool, by: timedelta) -> None:
    """What is in the queue came so much earlier."""
    await pool.execute("UPDATE forward_due SET noted_at = noted_at - $1::interval", by)


def forwarder_of(settings: Settings, database: Database, step: Step = no_step) -> Forwarder:
    """A city's forwarder, as the service has it."""
    means = Means(
        ForwardQueue(database.pool, step),
        database.access,
        settings.city,
        read_signer(settings.keys.server_key),
        in_flight=settings.federation.forward_in_flight,
        step=step,
    )
    return Forwarder(means, settings)


@asynccontextmanager
async def forwarding(centre: Centre) -> AsyncIterator[Forwarder]:
    """The city's forwarder, running in the test."""
    forwarder = forwarder_of(centre.settings, Database(centre.pool, centre.access))
    task = asyncio.create_task(forwarder.run(), name="forwarder")
    try:
        yield forwarder
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def die_at(settings_file: Path, step: str) -> None:
    """Pass on what is due, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        await forwarder_of(settings, database, crash).run()


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
