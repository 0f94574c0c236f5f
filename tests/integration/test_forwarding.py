"""From a city's database over two real brokers into its region's: whatever is away, and whatever is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import federation_link
from aggregator.adapters.dead_letters import DeadLetters, Retried
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.forward_queue import ForwardQueue
from aggregator.service import forwarder, ingest, transits
from aggregator.service.workers import PROGRAM
from aggregator.settings import Settings, to_json
from protocol.clock import from_ms, to_ms
from protocol.delivery import Pace
from protocol.envelope import envelope_hash
from protocol.federation import TransitItem, accept_link_receipt, sign_transit
from protocol.keys import KeySigner
from protocol.receipts import Receipt, Status
from protocol.refusals import Refusal
from protocol.topics import TRANSIT, link_topic
from tests.simulators.federation import Centre, Federation, federated
from tests.simulators.forwarding import ALARM, REPORT, age, forwarding, store
from tests.simulators.installation import enrol
from tests.simulators.mqtt_client import Credentials, MqttClient
from tests.simulators.running import TIMEOUT_S, make_hit, running, until, until_well
from tests.simulators.settings_file import write_settings

HOUR = timedelta(hours=1)
KINDS = ("hit", "alarm", "report")


@pytest.fixture
async def state(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Federation]:
    """A region and one city, each with its broker; a lost line is tried again at once."""
    monkeypatch.setattr(forwarder, "AGAIN", Pace(first_s=0.1, most_s=0.5))
    async with federated(postgres, tmp_path, "saltillo", brokers=True) as both:
        yield both


def own_client(centre: Centre, name: str) -> MqttClient:
    """One of a centre's own clients at its broker, whose session outlives its connection."""
    broker = centre.settings.broker
    credentials = Credentials(broker.ca, broker.certificate_of(name), broker.key_of(name))
    return MqttClient(broker.port, credentials, name, session_s=600)


def first_of_each(listener: MqttClient, count: int) -> list[bytes]:
    """So many messages in the order in which they came first: what is not answered soon is sent again."""
    found: dict[bytes, None] = {}
    while len(found) < count:
        found.setdefault(bytes(listener.take().payload))
    return list(found)


async def until_settled(city: Centre) -> None:
    """Nothing is left to pass on or to tell. What a broker forgot as it went down is sent again after some 15 s."""
    nothing = "SELECT NOT EXISTS (SELECT FROM forward_due) AND NOT EXISTS (SELECT FROM transit_due)"
    await until(city.pool, nothing, timeout_s=60)


async def stored_once(region: Centre, count: int) -> None:
    """The region has so many messages, each in one row of its kind and told of once."""
    rows = await region.pool.fetchrow(
        "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM hit) + (SELECT count(*) FROM report)"
        " + (SELECT count(*) FROM alarm), (SELECT count(*) FROM transit)"
    )
    assert rows is not None
    assert tuple(rows) == (count, count, count)


async def test_what_a_city_stores_is_at_its_region_with_the_boxs_own_signature_and_the_citys_word(
    state: Federation,
) -> None:
    city, region, begun_ms = state["saltillo"], state.region, to_ms(datetime.now(UTC))
    async with running(region.settings), forwarding(city) as passing:
        await until(city.pool, "SELECT EXISTS (SELECT FROM forward_rule)")
        raws = await store(city.pool, city.speaker("saltillo-1"), [make_hit(), REPORT, ALARM])
        await until_settled(city)
        rows = await region.pool.fetch(
            "SELECT envelope FROM hit UNION ALL SELECT envelope FROM report UNION ALL SELECT envelope FROM alarm"
        )
        assert [row["envelope"] for row in rows] == raws
        told = await region.pool.fetch("SELECT event, city_id, rule, received_at FROM transit")
        received = await city.pool.fetchval("SELECT received_at FROM hit")
        named = {envelope_hash(raw): rule for raw, rule in zip(raws, ("hit", "report", "alarm"), strict=True)}
        assert {row["event"]: row["rule"] for row in told} == named
        (of_hit,) = [(row["city_id"], row["received_at"]) for row in told if row["rule"] == "hit"]
        assert of_hit == ("saltillo", from_ms(to_ms(received)))
        await until(city.pool, "SELECT is_connected FROM forward_line")
        standing = await passing.means.queue.standing()
        assert (standing.stored, standing.dead, standing.is_connected) == (3, 0, True)
        assert standing.clock_ahead_ms is not None
        assert abs(standing.clock_ahead_ms) <= to_ms(datetime.now(UTC)) - begun_ms, (
            "one clock: no more than the way took"
        )
        assert passing.means.counts.refused_downlinks == 0
        passing.standing = standing
        figures = passing.figures()
        assert figures is not None
        assert (figures.stored, figures.waiting, figures.untold) == (3, {"alerts": 0, "rest": 0}, 0)
        await until(region.pool, "SELECT highest = 3 AND head = 0 AND runs = '[]' FROM chain")
        assert await region.pool.fetchval("SELECT count(*) FROM gap") == 0, "the city audits the chain"


async def test_what_is_stored_while_the_region_is_away_comes_after_alerts_first_and_each_once(
    state: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker may be back before whoever reads there: what goes then is lost, and goes again soon.
    monkeypatch.setattr("aggregator.core.forwarding.FLIGHT_S", 1.0)
    city, region = state["saltillo"], state.region
    assert region.broker is not None
    box = city.speaker("saltillo-1")
    with own_client(region, "worker.2") as listener:
        listener.subscribe("atalaya/v1/saltillo/+/+/hit", "atalaya/v1/saltillo/+/+/report")  # and no records
        async with running(region.settings), forwarding(city) as passing:
            await until(city.pool, "SELECT is_connected FROM forward_line")
            region.broker.stop()
            await until(city.pool, "SELECT NOT is_connected AND problem <> '' FROM forward_line")
            reports = await store(city.pool, box, [REPORT] * 600)
            hits = await store(city.pool, box, [make_hit() for _ in range(20)])
            await age(city.pool, HOUR)
            (live,) = await store(city.pool, box, [REPORT])
            assert (await passing.means.queue.standing()).waiting == 621
            region.broker.start()
            await until_settled(city)
            arrived = first_of_each(listener, 621)
    assert arrived[:20] == hits[::-1]
    assert arrived.index(live) < 100, "of this minute: not behind the backlog"
    assert [raw for raw in arrived if raw not in {*hits, live}] == reports
    await stored_once(region, 621)


@pytest.mark.slow
async def test_a_box_that_the_region_has_not_heard_of_waits_and_holds_up_nobody(
    state: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.core.forwarding.FLIGHT_S", 0.5)
    monkeypatch.setattr("aggregator.core.forwarding.PACE", Pace(first_s=0.2, most_s=0.5))
    city, region = state["saltillo"], state.region
    async with city.pool.acquire() as connection:
        made = await enrol(connection, city.installation, "saltillo-2", point="saltillo-p1")
    city.installation.boxes["saltillo-2"] = made
    async with running(region.settings), forwarding(city):
        await until(city.pool, "SELECT EXISTS (SELECT FROM forward_rule)")
        await store(city.pool, city.speaker("saltillo-2"), [ALARM])
        await until(city.pool, "SELECT tries > 1 FROM forward_due")
        await store(city.pool, city.speaker("saltillo-1"), [ALARM, REPORT])
        await until(city.pool, "SELECT count(*) = 1 FROM forward_due")
        await state.tell_roster("saltillo")
        await until_settled(city)
    await stored_once(region, 3)


async def test_what_the_region_refuses_for_good_is_a_dead_letter_that_health_tells_of(state: Federation) -> None:
    city, region = state["saltillo"], state.region
    await region.pool.execute("UPDATE device_key SET revoked_at = now(), revoked_reason = 'stolen'")
    async with running(region.settings), forwarding(city) as passing:
        await until(city.pool, "SELECT EXISTS (SELECT FROM forward_rule)")
        await store(city.pool, city.speaker("saltillo-1"), [ALARM])
        await until(city.pool, "SELECT EXISTS (SELECT FROM forward_dead)")
        async with asyncio.timeout(TIMEOUT_S):
            while not passing.means.counts.refusals:  # counted once it is written down
                await asyncio.sleep(0.02)
        assert passing.means.counts.refusals == {"revoked_key": 1}
        passing.standing = await passing.means.queue.standing()
        (warning,) = passing.told(passing.standing)
        assert warning == "1 messages were refused by the region for good; see: aggregator federation dead"
        assert any(
            "has not taken our records" in line for line in passing.told(replace(passing.standing, untold=20_000))
        )
        assert await region.pool.fetchval("SELECT count(*) FROM delivery") == 0


async def test_a_dead_letter_goes_again_once_people_say_so(state: Federation) -> None:
    """As when a box's key was revoked at the region by mistake, and let in again."""
    city, region = state["saltillo"], state.region
    (raw,) = await store(city.pool, city.speaker("saltillo-1"), [ALARM])
    event = envelope_hash(raw)
    await city.pool.execute(
        "INSERT INTO forward_dead (event, kind, received_at, reason, refused_at)"
        " SELECT envelope_hash, 'alarm', received_at, $1::smallint, now() FROM alarm",
        int(Refusal.REVOKED_KEY),
    )
    letters = DeadLetters(city.pool)
    async with running(region.settings), forwarding(city):
        await until(city.pool, "SELECT is_connected FROM forward_line")
        assert await letters.retry(None, None, actor="os:ana", reason="let in again") == Retried(again=1, gone=0)
        await until_settled(city)
        assert await region.pool.fetchval("SELECT array_agg(envelope_hash) FROM alarm") == [event]
    assert await letters.listed(10, actor="os:ana") == []


async def test_a_record_that_is_not_the_citys_own_is_refused_and_one_told_twice_is_one(state: Federation) -> None:
    city, region = state["saltillo"], state.region
    items = [TransitItem(hash=bytes(32), received_ms=to_ms(datetime.now(UTC)), rule="hit")]
    server, stranger = city.installation.server, KeySigner.generate()
    made_ms = to_ms(datetime.now(UTC))
    good = sign_transit("saltillo", items, server, created_ms=made_ms)
    link = city.link
    with MqttClient(
        region.settings.broker.port, Credentials(link.ca, link.certificate, link.key), link.client
    ) as client:
        client.subscribe("atalaya/v1/saltillo/-/-/link-receipt")
        async with running(region.settings):
            answers = {}
            for raw in (
                good,
                good,
                sign_transit("saltillo", items, stranger, created_ms=made_ms),
                sign_transit("torreon", items, server, created_ms=made_ms),
                b"no envelope at all",
            ):
                await asyncio.to_thread(client.publish, str(link_topic("saltillo", TRANSIT)), raw)
                receipt = accept_link_receipt(
                    bytes((await asyncio.to_thread(client.take)).payload), link.trust(), city="saltillo"
                )
                assert isinstance(receipt, Receipt)
                (answers[raw],) = receipt.items
    assert answers.pop(good).status is Status.STORED
    assert [Refusal(each.reason) for each in answers.values()] == [
        Refusal.UNKNOWN_KEY,
        Refusal.NOT_YOUR_PLACE,
        Refusal.BAD_FORM,
    ]
    assert await region.pool.fetchval("SELECT count(*) FROM transit_record") == 1
    assert await region.pool.fetchval("SELECT count(*) FROM transit") == 1


@contextmanager
def passing_on(settings: Settings, folder: Path, step: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The city's forwarder as a process of its own, which dies at a step."""
    settings_file = write_settings(settings, folder / "passing-on.toml")
    argv = [sys.executable, "-m", "tests.simulators.forwarding", str(settings_file), step]
    with subprocess.Popen(argv) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("step", forwarder.STEPS)
async def test_killed_at_a_step_the_city_passes_on_all_of_it_once(step: str, state: Federation, tmp_path: Path) -> None:
    city, region = state["saltillo"], state.region
    await ForwardQueue(city.pool).obey(KINDS)
    box = city.speaker("saltillo-1")
    await store(city.pool, box, [make_hit() for _ in range(20)])
    await store(city.pool, box, [REPORT] * 300)
    async with running(region.settings):
        with passing_on(city.settings, tmp_path, step) as dying:
            assert await asyncio.to_thread(dying.wait, 60) == -signal.SIGKILL
        await store(city.pool, box, [ALARM] * 5)
        async with forwarding(city):
            await until_settled(city)
    await stored_once(region, 325)


@contextmanager
def region_program(settings: Settings, folder: Path, *, crash_at: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """`aggregator run` of the region as a process of its own."""
    settings_file = write_settings(settings, folder / "region.toml")
    argv = [sys.executable, "-c", "from aggregator.cli import main; main()", "run", "--config", str(settings_file)]
    environment = {**os.environ, "ATALAYA_CRASH_AT": crash_at}
    with (folder / "region.log").open("ab") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("step", [*ingest.STEPS, *transits.STEPS])
async def test_a_region_killed_at_a_step_has_all_of_it_once(step: str, state: Federation, tmp_path: Path) -> None:
    city, region = state["saltillo"], state.region
    await ForwardQueue(city.pool).obey(KINDS)
    box = city.speaker("saltillo-1")
    await store(city.pool, box, [*[make_hit() for _ in range(20)], *[REPORT] * 100])
    async with forwarding(city):
        with region_program(region.settings, tmp_path, crash_at=step) as dying:
            assert await asyncio.to_thread(dying.wait, 60) == -signal.SIGKILL
        with region_program(region.settings, tmp_path):
            await until_well(region.settings)
            async with asyncio.timeout(60):
                await until_settled(city)
    await stored_once(region, 120)


@contextmanager
def worker(settings: Settings, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A further worker of the region, as the service starts one."""
    own = msgspec.structs.replace(settings, broker=msgspec.structs.replace(settings.broker, worker=name))
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(to_json(own) + b"\n")
    process.stdin.flush()
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_workers_of_the_region_are_added_and_killed_under_load_and_nothing_is_lost(
    state: Federation, tmp_path: Path
) -> None:
    city, region = state["saltillo"], state.region
    await ForwardQueue(city.pool).obey(KINDS)
    box, count = city.speaker("saltillo-1"), 0
    with region_program(region.settings, tmp_path):
        await until_well(region.settings)
        async with forwarding(city):
            for turn in range(4):
                for _ in range(5):
                    count += len(await store(city.pool, box, [make_hit(), *[REPORT] * 199]))
                with worker(region.settings, "worker.2") as added:
                    await until(region.pool, "SELECT count(*) > $1 FROM delivery", count - 900)
                    if turn % 2:
                        added.kill()
            async with asyncio.timeout(120):
                await until_settled(city)
    await stored_once(region, count)


@pytest.mark.slow
async def test_a_backlog_goes_at_four_hundred_a_second_and_what_is_live_does_not_wait_for_it(
    state: Federation, tmp_path: Path
) -> None:
    city, region = state["saltillo"], state.region
    await ForwardQueue(city.pool).obey(KINDS)
    box = city.speaker("saltillo-1")
    for _ in range(16):
        await store(city.pool, box, [REPORT] * 500)
    await age(city.pool, HOUR)
    with region_program(region.settings, tmp_path):
        await until_well(region.settings)
        clock = asyncio.get_running_loop().time
        async with forwarding(city):
            begun_s = clock()
            await until(region.pool, "SELECT count(*) > 500 FROM delivery")
            asked_s = clock()
            (live,) = await store(city.pool, box, [make_hit()])
            await until(region.pool, "SELECT EXISTS (SELECT FROM hit WHERE envelope_hash = $1)", envelope_hash(live))
            live_s = clock() - asked_s
            async with asyncio.timeout(100):
                while await city.pool.fetchval("SELECT EXISTS (SELECT FROM forward_due)"):
                    await asyncio.sleep(0.1)
            took_s = clock() - begun_s
    print(f"8000 messages in {took_s:.1f} s: {8000 / took_s:.0f} a second; live in {live_s * 1000:.0f} ms")
    assert live_s < 2.0
    assert 8000 / took_s > 400


async def test_a_city_that_leaves_notes_nothing_more_and_goes_on_once_it_has_joined_again(state: Federation) -> None:
    city = state["saltillo"]
    box = city.speaker("saltillo-1")
    async with forwarding(city):
        await until(city.pool, "SELECT is_connected FROM forward_line")
        federation_link.remove(city.link)
        await until(city.pool, "SELECT NOT EXISTS (SELECT FROM forward_rule)")
        await store(city.pool, box, [ALARM])
        await state.join("saltillo")
        await until(city.pool, "SELECT EXISTS (SELECT FROM forward_rule)")
        await store(city.pool, box, [ALARM])
        assert await city.pool.fetchval("SELECT count(*) FROM forward_due") == 1
