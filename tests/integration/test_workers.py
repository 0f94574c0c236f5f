"""Two ingest workers, each a process with its certificate, share what boxes say; one that is killed comes back."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Pool
from aggregator.errors import BadSettings
from aggregator.service.workers import PROGRAM
from aggregator.settings import Settings, from_json, to_json
from protocol.envelope import envelope_hash
from protocol.messages import Alarm, Kind
from protocol.receipts import Status
from protocol.topics import message_topic
from tests.simulators.box_line import BoxLine, box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.running import TIMEOUT_S, running, until

ALARM = Alarm(alarm="panic_button", started_ms=1_800_000_000_000)


@pytest.fixture
def two(installation: Settings) -> Settings:
    return msgspec.structs.replace(installation, ingest=msgspec.structs.replace(installation.ingest, workers=2))


def further_pids() -> list[int]:
    """Processes of ours that are further workers."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if PROGRAM in cmdline(pid)]


def cmdline(pid: str) -> str:
    """What a process runs; nothing if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def figures(settings: Settings) -> tuple[int, dict[str, object]]:
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


async def until_both_work(settings: Settings) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (found := await figures(settings))[0] != 200 or found[1]["workers"] != 2:
            await asyncio.sleep(0.05)


def publish(line: BoxLine, box: Box, raws: Sequence[bytes]) -> None:
    for raw in raws:
        line.client.publish(str(message_topic(box.who, Kind.ALARM)), raw, qos=1)


async def stored(line: BoxLine, raws: Sequence[bytes]) -> None:
    for raw in raws:
        assert (await asyncio.to_thread(line.receipt, envelope_hash(raw))).status is Status.STORED


async def test_two_workers_share_the_messages_and_store_each_once(
    two: Settings, broker: Broker, pool: Pool, box: Box
) -> None:
    server = keyfiles.read_signer(two.keys.server_key).public_key
    raws = [box.say(ALARM) for _ in range(60)]
    with box_line(box.who, box.certificate, box.key, ca=two.broker.ca, port=two.broker.port, server=server) as line:
        async with running(two):
            await until_both_work(two)
            publish(line, box, raws)
            await stored(line, raws)
            await until(pool, "SELECT count(*) = 60 FROM alarm")
            by_writer = await pool.fetch("SELECT stored_in, count(*) FROM delivery GROUP BY stored_in")
            assert sum(row["count"] for row in by_writer) == 60
            async with asyncio.timeout(TIMEOUT_S):  # the other's news come every second
                while (await figures(two))[1]["stored"] != 60:
                    await asyncio.sleep(0.05)
    assert further_pids() == []


async def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(
    two: Settings, broker: Broker, pool: Pool, box: Box
) -> None:
    server = keyfiles.read_signer(two.keys.server_key).public_key
    with box_line(box.who, box.certificate, box.key, ca=two.broker.ca, port=two.broker.port, server=server) as line:
        async with running(two):
            await until_both_work(two)
            [pid] = further_pids()
            os.kill(pid, signal.SIGKILL)
            raws = [box.say(ALARM) for _ in range(20)]
            async with asyncio.timeout(TIMEOUT_S):  # as a box does: again until there is a receipt
                while any(envelope_hash(raw) not in line.receipts for raw in raws):
                    publish(line, box, [raw for raw in raws if envelope_hash(raw) not in line.receipts])
                    await asyncio.sleep(0.5)
            async with asyncio.timeout(TIMEOUT_S):  # the other may have stored them all before its end was noticed
                while not (again := further_pids()) or pid in again:
                    await asyncio.sleep(0.05)
            await until_both_work(two)
            assert further_pids() == again
            assert await pool.fetchval("SELECT count(*) FROM alarm") == 20


async def test_a_worker_without_a_certificate_is_refused_at_start(two: Settings, broker: Broker) -> None:
    three = msgspec.structs.replace(two, ingest=msgspec.structs.replace(two.ingest, workers=3))
    with pytest.raises(ExceptionGroup) as group:
        async with running(three):
            pass
    assert group.group_contains(BadSettings, match=r"worker\.3 has no certificate")


def test_settings_go_through_the_line_as_they_are(two: Settings) -> None:
    assert from_json(to_json(two)) == two
