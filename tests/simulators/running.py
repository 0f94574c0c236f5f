"""The aggregator running inside a test, and what tests send it and wait for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp

from aggregator.adapters.database import Pool
from aggregator.service.run import run
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.messages import Hit, Match, Quality
from protocol.steps import Step, no_step

TIMEOUT_S = 30


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
async def running(settings: Settings, *, step: Step = no_step) -> AsyncIterator[None]:
    """The aggregator, well, and stopped at the end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run(settings, stop, step=step), name="aggregator")
        try:
            await until_well(settings)
            yield
        finally:
            stop.set()


async def until_well(settings: Settings) -> None:
    """Wait until health says that all is well."""
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/healthz"
    async with asyncio.timeout(TIMEOUT_S), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)


async def until(pool: Pool, claim: str, *parameters: object, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until a query says true."""
    async with asyncio.timeout(timeout_s):
        while await pool.fetchval(claim, *parameters) is not True:
            await asyncio.sleep(0.02)
