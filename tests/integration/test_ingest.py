"""A signed message through the real broker into the real database, and the signed receipt back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.keyfiles import read_signer
from aggregator.service.run import run
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash
from protocol.messages import Hit, Kind, Match, Quality
from protocol.receipts import Status
from tests.simulators.box_line import BoxLine, box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box


def make_hit(*, plate: str = "ABC123D", captured_at: datetime | None = None) -> Hit:
    """A hit of one entry."""
    return Hit(
        camera="cam-1",
        track=7,
        plate=plate,
        observed=plate,
        confidence=987,
        matches=(Match(entry="e-1", quality=Quality.EXACT, reason="stolen"),),
        hotlist_version=3,
        captured_ms=to_ms(captured_at or datetime.now(UTC)),
        box=(1, 2, 30, 40),
        frame_size=(1280, 720),
        looks=5,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """The aggregator, well, and stopped at the end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run(settings, stop), name="aggregator")
        try:
            await until_well(settings)
            yield
        finally:
            stop.set()


async def until_well(settings: Settings) -> None:
    """Wait until health says that all is well."""
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/healthz"
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)


@pytest.fixture
def line(broker: Broker, box: Box, installation: Settings) -> Iterator[BoxLine]:
    """The enrolled box, connected."""
    server = read_signer(installation.keys.server_key).public_key
    with box_line(
        box.who, box.certificate, box.key, ca=installation.broker.ca, port=broker.port, server=server
    ) as connected:
        yield connected


async def test_a_hit_is_stored_and_receipted(pool: Pool, installation: Settings, box: Box, line: BoxLine) -> None:
    raw = box.say(make_hit())
    async with running(installation):
        await asyncio.to_thread(line.publish, raw, Kind.HIT)
        receipt = await asyncio.to_thread(line.receipt, envelope_hash(raw))
    assert receipt.status is Status.STORED
    row = await pool.fetchrow("SELECT plate, envelope, is_historical, is_clock_suspect FROM hit")
    assert row is not None
    assert tuple(row) == ("ABC123D", raw, False, False)
