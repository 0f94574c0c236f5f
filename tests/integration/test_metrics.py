"""`/metrics` of the aggregator: what it counted, what the database says by city, and nothing of any one box."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Pool
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.core.metrics import METRICS
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash
from protocol.messages import Body, CameraMinute, CameraState, Health, Kind, Report
from tests.simulators.api_place import with_api
from tests.simulators.box_line import BoxLine, box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import CITY, Box
from tests.simulators.running import TIMEOUT_S, make_hit, running, until

PLATE = "KFC482B"
WORKER = ("worker.1",)
# Values by the name of the metric, then the values of its labels, which stand by the alphabet of their names.
Scrape = dict[tuple[str, ...], float]


async def scraped(settings: Settings) -> tuple[str, Scrape]:
    """The text, and what stands in it."""
    url = f"http://{settings.http.health_host}:{settings.http.health_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        text = await answer.text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return text, {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def of_cities(found: Scrape) -> list[tuple[str, ...]]:
    """What only the database can tell."""
    return [name for name in found if name[0].startswith(("atalaya_cameras", "atalaya_devices", "atalaya_alerts"))]


async def scraped_well(settings: Settings) -> tuple[str, Scrape]:
    """The same, of a moment in which nothing is wrong: a database that is slow to answer counts as away."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            text, found = await scraped(settings)
            if not found["atalaya_problems",] and ("atalaya_cameras", CITY) in found:
                return text, found
            await asyncio.sleep(0.1)


async def send(line: BoxLine, raw: bytes, kind: Kind) -> None:
    """Publish, and wait for the receipt."""

    def there_and_back() -> None:
        line.publish(raw, kind)
        line.receipt(envelope_hash(raw))

    await asyncio.to_thread(there_and_back)


def said(at: datetime) -> tuple[tuple[Kind, Body], ...]:
    """A hit, and a minute in which one camera of two was live and the clock was off."""
    minute = CameraMinute(camera="cam-1", state=CameraState.LIVE, live_ms=60_000)
    health = Health(disk_free_mb=900, temperature_mc=71_500, clock_offset_ms=-6_000, outbox_rows=17, dead_letters=2)
    report = Report(from_ms=to_ms(at) - 60_000, to_ms=to_ms(at), cameras=(minute,), health=health)
    return (Kind.HIT, make_hit(plate=PLATE)), (Kind.REPORT, report)


async def test_a_scrape_tells_what_was_counted_and_how_each_city_is(
    pool: Pool, broker: Broker, box: Box, installation: Settings
) -> None:
    await pool.execute("INSERT INTO camera (point_id, camera_id, heading_deg) VALUES ('p-1', 'cam-2', 90)")
    await pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ('acuna', 'Acuña', 'America/Matamoros')")
    server = keyfiles.read_signer(installation.keys.server_key).public_key
    line_of_box = box_line(
        box.who, box.certificate, box.key, ca=installation.broker.ca, port=installation.broker.port, server=server
    )
    async with running(installation):
        with line_of_box as line:
            for kind, body in said(datetime.now(UTC)):
                await send(line, box.say(body), kind)
            await send(line, b"not an envelope", Kind.HIT)
            await until(pool, "SELECT count(*) = 1 FROM alert")
            text, found = await scraped_well(installation)
    assert found["atalaya_ingest_stored_total", *WORKER] == 2
    assert found["atalaya_ingest_refused_total", "bad_form", *WORKER] == 1
    assert found["atalaya_ingest_connected", *WORKER] == found["atalaya_database_up",] == 1
    assert found["atalaya_problems",] == 0
    assert found["atalaya_alerts_open", CITY, "new"] == 1
    assert (found["atalaya_cameras", CITY], found["atalaya_cameras_blind", CITY]) == (2, 1)
    assert (found["atalaya_devices_clock_off", CITY], found["atalaya_devices_silent", CITY]) == (1, 0)
    assert (found["atalaya_devices_outbox_messages", CITY], found["atalaya_devices_dead_letters", CITY]) == (17, 2)
    assert found["atalaya_devices_disk_free_lowest_bytes", CITY] == 900e6
    assert found["atalaya_devices_temperature_highest_celsius", CITY] == 71.5
    assert found["atalaya_devices", CITY, "never_seen"] == 1
    assert found["atalaya_devices_silent", "acuna"] == 0
    assert ("atalaya_devices_disk_free_lowest_bytes", "acuna") not in found, "what no box told is not nought"
    assert found["atalaya_validity_end_timestamp_seconds", "issuing"] > datetime.now(UTC).timestamp()
    assert found["atalaya_counts_due",] >= 0
    assert found["process_resident_memory_bytes",] > 0
    unknown = {"".join(name[:1]) for name in found if name[0].startswith("atalaya_")} - {each.name for each in METRICS}
    assert unknown == set()
    for secret in (PLATE, box.who.device, "cam-1", "p-1"):
        assert secret not in text


async def test_a_scrape_counts_what_the_api_answered_and_refused(
    pool: Pool, broker: Broker, installation: Settings
) -> None:
    settings = with_api(installation)
    async with running(settings), aiohttp.ClientSession(f"http://127.0.0.1:{settings.api.port}") as session:
        for path, status in (("openapi.json", 200), ("openapi.json", 200), ("hits", 401)):
            async with session.get(f"/api/v1/{path}") as answer:
                assert answer.status == status
        _, found = await scraped(settings)
    assert found["atalaya_api_answers_total", "/api/v1/openapi.json"] == 2
    assert [value for name, value in found.items() if name[0] == "atalaya_api_problems_total"] == [1]


async def test_a_box_that_says_nothing_counts_as_silent_and_its_cameras_as_blind(
    pool: Pool, broker: Broker, box: Box, installation: Settings
) -> None:
    await pool.execute("INSERT INTO device (device_id, point_id, city_id) VALUES ('box-to-come', 'p-1', $1)", CITY)
    await pool.execute("UPDATE device SET registered_at = now() - interval '6 minutes'")
    async with running(installation):
        _, found = await scraped_well(installation)
    assert (found["atalaya_devices_silent", CITY], found["atalaya_cameras_blind", CITY]) == (1, 1)
    assert found["atalaya_devices", CITY, "never_seen"] == 1


async def test_without_its_database_the_service_says_so_and_leaves_out_what_it_cannot_know(
    pool: Pool, broker: Broker, registry: Pool, installation: Settings, postgres: EmbeddedPostgres
) -> None:
    name = await pool.fetchval("SELECT current_database()")
    administrator = await asyncpg.connect(postgres.dsn("postgres"))
    async with running(installation):
        await administrator.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        async with asyncio.timeout(TIMEOUT_S):
            while (found := (await scraped(installation))[1])["atalaya_database_up",] or of_cities(found):
                await asyncio.sleep(0.1)  # what the database said last is told for some seconds more
        await administrator.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await administrator.close()
    assert of_cities(found) == []
    assert found["atalaya_problems",] >= 1
    assert found["atalaya_ingest_workers",] == 1
