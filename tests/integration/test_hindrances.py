"""What keeps the publisher from telling boxes what is due stands in `/healthz` until it does no more."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_publisher import CHANNEL
from aggregator.http.health import Health
from aggregator.settings import Settings
from tests.simulators.running import running


async def health(settings: Settings) -> tuple[int, Health]:
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, msgspec.json.decode(await answer.read(), type=Health)


@pytest.mark.usefixtures("broker")
async def test_a_damaged_trust_bundle_is_warned_of_until_it_is_mended(
    installation: Settings, registry: Pool, tmp_path: Path
) -> None:
    bundle = tmp_path / "trust"
    sound = installation.keys.trust_bundle.read_bytes()
    bundle.write_bytes(sound)
    settings = msgspec.structs.replace(
        installation, keys=msgspec.structs.replace(installation.keys, trust_bundle=bundle)
    )

    async def until_warned(*, of_it: bool) -> None:
        async with asyncio.timeout(30):
            while True:
                await registry.execute(f"NOTIFY {CHANNEL}")
                status, said = await health(settings)
                assert status == 200, said.problems
                if any(each.startswith("hotlist: ") for each in said.warnings) == of_it:
                    return
                await asyncio.sleep(0.05)

    async with running(settings):
        await until_warned(of_it=False)
        bundle.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        await until_warned(of_it=True)
        bundle.write_bytes(sound)
        await until_warned(of_it=False)
