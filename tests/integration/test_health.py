"""`/healthz`: well when all is there, 503 with the reason in words when something is not."""

import asyncio
from typing import Any

import aiohttp

from aggregator.settings import Settings
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.running import running


async def asked(settings: Settings) -> tuple[int, dict[str, Any]]:
    """Status and figures; `Any`, since they are of several types."""
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


async def test_health_says_what_is_wrong_until_it_is_right_again(
    installation: Settings, broker: Broker, box: Box
) -> None:
    async with running(installation):
        status, figures = await asked(installation)
        assert (status, figures["database"], figures["broker"], figures["problems"]) == (200, True, True, [])
        broker.kill()
        async with asyncio.timeout(30):
            while (await asked(installation))[0] == 200:
                await asyncio.sleep(0.02)
        _, figures = await asked(installation)
        assert figures["problems"] == ["the broker is not connected"]
        assert box.who.device not in str(figures)
        broker.start()
        async with asyncio.timeout(60):  # the line waits up to 15 s before it dials again
            while (await asked(installation))[0] != 200:
                await asyncio.sleep(0.02)
