"""The whole way between cities: officer, database, region, log, snapshot, manifest; and a region that is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.http.health import Health
from protocol.envelope import parse
from protocol.hotlist import MAX_MANIFEST_BYTES, Manifest
from protocol.topics import HOTLIST, broadcast_topic
from protocol.wire import from_bytes
from tests.simulators.federation import Centre, Federation, federated
from tests.simulators.linked_lists import Bureau
from tests.simulators.mqtt_client import Credentials, MqttClient
from tests.simulators.running import running, until

ONE, TWO = "saltillo", "torreon"
ENTRIES = "SELECT coalesce((SELECT entries FROM hotlist_snapshot ORDER BY list_version DESC LIMIT 1), 0) = $1"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region with two cities, each with its broker."""
    async with federated(postgres, tmp_path, ONE, TWO, brokers=True) as made:
        yield made


@asynccontextmanager
async def box_line(centre: Centre) -> AsyncIterator[MqttClient]:
    """What a box of a city hears of its hotlist."""
    box = centre.installation.box(f"{centre.city}-1")
    credentials = Credentials(box.ca, box.certificate, box.key_file)
    with MqttClient(centre.settings.broker.port, credentials, f"{centre.city}-1") as line:
        line.subscribe(str(broadcast_topic(centre.city, HOTLIST)))
        yield line


async def manifest_after(line: MqttClient, version: int) -> Manifest:
    """The next manifest of a later list."""
    while True:
        raw = bytes((await asyncio.to_thread(line.take)).payload)
        manifest = from_bytes(parse(raw, max_bytes=MAX_MANIFEST_BYTES).payload, Manifest, max_bytes=MAX_MANIFEST_BYTES)
        if manifest.list_version > version:
            return manifest


async def list_version(pool: Pool) -> int:
    version: int = await pool.fetchval("SELECT coalesce(max(list_version), 0) FROM hotlist_snapshot")
    return version


async def warnings(centre: Centre) -> tuple[str, ...]:
    """What the city's health warns of."""
    url = f"http://{centre.settings.http.health_host}:{centre.settings.http.health_port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return msgspec.json.decode(await answer.read(), type=Health).warnings


async def test_a_vehicle_reported_in_one_city_is_armed_in_the_other_and_withdrawn_there_too(state: Federation) -> None:
    one, two = Bureau.of(state[ONE]), Bureau.of(state[TWO])
    await two.adopt(one)
    region, city, other = (running(each.settings) for each in (state.region, state[ONE], state[TWO]))
    async with region, city, other, box_line(state[TWO]) as line:
        await until(state[TWO].pool, "SELECT as_of_ms IS NOT NULL FROM federation_followed")
        version, took_s = await list_version(state[TWO].pool), float("inf")
        for plate in ("FAB123C", "FAB124C", "FAB125C"):  # a machine that stalls is given another try
            began_s = time.monotonic()
            await one.list_plates([plate])
            version = (await manifest_after(line, version)).list_version
            took_s = time.monotonic() - began_s
            await until(state[TWO].pool, ENTRIES, 1)
            await one.withdraw(plate)
            version = (await manifest_after(line, version)).list_version
            await until(state[TWO].pool, ENTRIES, 0)
            if took_s < 5:  # some 0.2 s on a quiet machine
                break
        assert took_s < 5


@pytest.mark.slow
async def test_a_city_goes_on_while_its_region_is_away_and_catches_up(state: Federation) -> None:
    one, two = Bureau.of(state[ONE]), Bureau.of(state[TWO])
    await two.adopt(one)
    async with running(state[ONE].settings), running(state[TWO].settings):
        await one.list_plates(["FAB123C"])
        await two.list_plates(["EUA1234"], scope=TWO)
        await until(state[ONE].pool, ENTRIES, 1)
        await until(state[TWO].pool, ENTRIES, 1)
        async with asyncio.timeout(20):
            while not any("was not heard yet" in each for each in await warnings(state[TWO])):
                await asyncio.sleep(0.1)
        async with running(state.region.settings):
            await until(state[TWO].pool, ENTRIES, 2)
        await one.list_plates(["RKA999A"])
        await until(state[ONE].pool, ENTRIES, 2)
        async with running(state.region.settings):
            await until(state[TWO].pool, ENTRIES, 3)
