"""The whole way of a notice: a box's hit, its city's forwarder, the region, the log, the desk of who asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.notice_desk import NoticeDesk
from protocol.messages import Kind, Match, Quality
from protocol.topics import message_topic
from tests.simulators.federation import Centre, Federation, federated
from tests.simulators.linked_lists import Bureau
from tests.simulators.mqtt_client import Credentials, MqttClient
from tests.simulators.running import make_hit, running, until

SAW, ASKED, PLATE = "saltillo", "torreon", "FAB123C"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region with two cities, each with its broker."""
    async with federated(postgres, tmp_path, SAW, ASKED, brokers=True) as made:
        yield made


def publish_hit(centre: Centre, entry: str) -> None:
    """The city's box says that it saw the vehicle."""
    device = centre.boxes[0]
    box, made = centre.speaker(device), centre.installation.box(device)
    match = Match(entry=entry, quality=Quality.EXACT, reason="stolen-vehicle")
    raw = box.say(msgspec.structs.replace(make_hit(plate=PLATE), matches=(match,)))
    credentials = Credentials(made.ca, made.certificate, made.key_file)
    with MqttClient(centre.settings.broker.port, credentials, device) as line:
        line.publish(str(message_topic(box.who, Kind.HIT)), raw)


async def test_a_hit_on_a_box_reaches_the_city_that_asked_and_its_end_does_too(
    state: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is to be told wakes the region's keeper: nothing waits for it to look by itself.
    monkeypatch.setattr("aggregator.service.notices._LOOK_EVERY_S", 600.0)
    asked, there = Bureau.of(state[ASKED]), state[ASKED].pool
    region, city, other = (running(each.settings) for each in (state.region, state[SAW], state[ASKED]))
    async with region, city, other:
        await asked.list_plates([PLATE])
        await until(state.region.pool, "SELECT EXISTS (SELECT FROM federated_entry)")
        entry = await there.fetchval("SELECT entry_id FROM hotlist_entry")
        await asyncio.to_thread(publish_hit, state[SAW], entry)
        await until(there, "SELECT EXISTS (SELECT FROM notice WHERE until_at > now())")
        (row,) = await NoticeDesk(there).listed(None, everything=False, limit=9, actor="os:ana")
        shown = await NoticeDesk(there).show(row["notice"], actor="os:ana", reason="case 7")
        assert shown.hit is not None
        assert (row["why"], row["city"], row["camera"], shown.hit.plate) == ("asked", SAW, "cam-1", PLATE)
        await until(state[SAW].pool, "SELECT EXISTS (SELECT FROM alert)")
        assert await there.fetchval("SELECT count(*) FROM alert") == 0
        await asked.withdraw(PLATE)
        await until(there, "SELECT count(*) = 1 FROM notice WHERE until_at <= now() AND entries = '{}'")
