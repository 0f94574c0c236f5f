"""Light boxes against the real aggregator, broker and artefacts: they are heard, and they arm what they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest
from fleet.crowd import Crowd, Placed, crowd_of, enrol, until
from fleet.day import Day
from fleet.layout import lay_out
from fleet.plates import some_plates
from fleet.trouble import Outage, play

from aggregator.adapters.database import Access, Pool
from aggregator.adapters.hotlist_desk import Desk
from aggregator.settings import Settings
from protocol.messages import Kind
from tests.simulators.broker import Broker
from tests.simulators.officers import Officers, appoint
from tests.simulators.running import running
from tests.simulators.running import until as until_database

BOXES = 4
LIMIT_S = 60.0


@pytest.fixture
async def placed(registry: Pool, database: Access, installation: Settings, tmp_path: Path) -> list[Placed]:
    """Enrolled boxes of the installation's city."""
    (sites,) = lay_out(1, BOXES).values()
    return await enrol(database.dsn, installation, tmp_path / "boxes", sites)


@asynccontextmanager
async def street(settings: Settings, placed: list[Placed], *, is_stocked: bool = False) -> AsyncIterator[Crowd]:
    """The aggregator at work, and the boxes connected to it."""
    boxes = msgspec.structs.replace(settings.boxes, artefacts_url=f"https://127.0.0.1:{settings.http.port}")
    told = msgspec.structs.replace(settings, boxes=boxes)
    boxes_of, settings_of = {settings.city: placed}, {settings.city: told}
    async with running(settings), crowd_of(boxes_of, settings_of, Day(), is_stocked=is_stocked) as crowd:
        await crowd.until_online(LIMIT_S)
        yield crowd


async def listed(officers: Officers, pool: Pool, *plates: str) -> None:
    """Two officers list plates."""
    desk = Desk(pool, officers.trust, officers.settings.city)
    await officers.list_plates(desk, plates, officers.keys["ana"], officers.keys["luis"])


async def test_light_boxes_arm_what_is_listed_by_delta_and_their_hits_are_stored_once(
    placed: list[Placed], installation: Settings, pool: Pool, broker: Broker, tmp_path: Path
) -> None:
    officers = appoint(installation, tmp_path, "ana", "luis")
    async with street(officers.settings, placed) as crowd:
        async with crowd.arming("FAB123C", LIMIT_S):
            await listed(officers, pool, "FAB123C", *some_plates(40, Random(1)))
        async with crowd.arming("UPF337A", LIMIT_S):
            await listed(officers, pool, "UPF337A")
        assert all(agent.brought == (1, 1) for agent in crowd.all)
        assert crowd.all[0].see("ZZZ999Z") is None
        hits = [agent.see("FAB123C") for agent in crowd.all]
        await crowd.until_drained(LIMIT_S)
        assert crowd.taken.stored == {Kind.HIT: BOXES}
    assert await pool.fetchval("SELECT array_agg(envelope_hash) @> $1 FROM hit", hits)
    assert await pool.fetchval("SELECT count(*) FROM delivery") == BOXES


async def test_boxes_that_begin_with_a_list_fetch_only_what_changes(
    placed: list[Placed], installation: Settings, pool: Pool, broker: Broker, tmp_path: Path
) -> None:
    officers = appoint(installation, tmp_path, "ana", "luis")
    await listed(officers, pool, "FAB123C", *some_plates(40, Random(1)))
    async with street(officers.settings, placed, is_stocked=True) as crowd:
        first, *others = crowd.all
        assert first.brought == (0, 1)
        assert all(agent.held is first.held and agent.brought == (0, 0) for agent in others)
        async with crowd.arming("UPF337A", LIMIT_S):
            await listed(officers, pool, "UPF337A")
        assert all(agent.brought == (1, 0) for agent in others)


async def test_what_boxes_say_without_a_network_waits_and_a_storm_loses_nothing(
    placed: list[Placed], installation: Settings, pool: Pool, broker: Broker, tmp_path: Path
) -> None:
    officers = appoint(installation, tmp_path, "ana", "luis")
    async with street(officers.settings, placed) as crowd:
        async with crowd.arming("FAB123C", LIMIT_S):
            await listed(officers, pool, "FAB123C")
        cut, *others = crowd.all
        cut.lose_network()
        await until(lambda: not cut.is_online, "the box to be cut off", LIMIT_S)
        cut.see("FAB123C")
        others[0].see("FAB123C")
        await until(lambda: crowd.waiting == 1, "the other box's receipt", LIMIT_S)
        await play([Outage(0.0, 0.1, (others[1],))], crowd)
        await crowd.storm(LIMIT_S)
        assert (len(cut.outbox), cut.is_online) == (1, False)
        cut.find_network()
        await crowd.until_drained(LIMIT_S)
        await until_database(pool, "SELECT count(*) = $1 FROM presence WHERE is_online", BOXES)
        assert all(agent.connections >= 2 for agent in crowd.all)
    assert await pool.fetchval("SELECT count(*) FROM hit") == 2
