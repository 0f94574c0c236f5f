"""Sums of counts on the real database: exact at every moment, whatever comes late, twice over, or dies in between."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from aggregator.adapters.count_days import ONE_DAY
from aggregator.adapters.database import Pool
from aggregator.adapters.rollup_maker import STEPS
from aggregator.adapters.statements import statements
from aggregator.adapters.store import Store
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.messages import CameraMinute, CameraState, Health, Report, body_of, decode_message
from tests.simulators.broker import Broker
from tests.simulators.counting import CAMERAS, Counting, Minute
from tests.simulators.enrolment import Box
from tests.simulators.running import running, until
from tests.simulators.settings_file import write_settings

VIEWS = ("minute", "hour", "day", "city_hour")
# In Acuña, as across the bridge, the clocks go back on this day and forward on that one; in Saltillo never.
LONG_DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHORT_DAY = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.fixture
async def counting(pool: Pool) -> Counting:
    """Two cities, and nothing counted yet."""
    counting = Counting(pool)
    await counting.found()
    return counting


def around(moment: datetime, count: int, *, hours: int = 40, seed: int = 7) -> Iterator[Minute]:
    """So many minutes of all cameras at random within some hours around a moment, some of them not live throughout."""
    rng, start = random.Random(seed), moment - timedelta(hours=hours / 2)
    for minute in rng.sample(range(hours * 60), count):
        yield Minute(
            start + timedelta(minutes=minute),
            rng.choice(CAMERAS),
            rng.randrange(9),
            rng.choice((60_000, 61_500, 7_250)),
        )


async def assert_exact(counting: Counting) -> None:
    """Every view says what was stored."""
    for view in VIEWS:
        assert await counting.answers(view) == counting.expected(view), view


@pytest.mark.parametrize("moment", [LONG_DAY, SHORT_DAY])
async def test_answers_are_exact_before_and_after_their_sums_are_made(counting: Counting, moment: datetime) -> None:
    await counting.store(around(moment, 400))
    await assert_exact(counting)
    await counting.make(batch=20)
    assert await counting.pool.fetchval("SELECT count(*) FROM count_due") == 0
    await assert_exact(counting)
    lengths = {row["until"] - row["at"] for row in await counting.pool.fetch("SELECT at, until FROM camera_day")}
    assert timedelta(hours=25 if moment is LONG_DAY else 23) in lengths


async def test_minutes_that_come_late_refresh_their_buckets(counting: Counting) -> None:
    minutes = list(around(LONG_DAY, 300))
    await counting.store(minutes[:200])
    await counting.make()
    for late in (minutes[200:250], minutes[250:]):
        await counting.store(late)
        await assert_exact(counting)
        await counting.make()
        await assert_exact(counting)


async def test_a_view_that_is_asked_about_an_hour_reads_no_other(counting: Counting) -> None:
    await counting.store(around(LONG_DAY, 300))
    await counting.make()
    first, *_ = sorted(counting.expected("hour"))
    async with counting.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL atalaya.cities = 'saltillo'")
        ask = "SELECT at, city, point, camera FROM ask.hour WHERE at = $1 AND city = $2"
        assert {tuple(row) for row in await connection.fetch(ask, first[0], first[1])} == {
            key for key in counting.expected("hour") if key[:2] == first[:2] and key[1] == "saltillo"
        }
        assert await connection.fetchval("SELECT count(*) FROM ask.day WHERE city = 'acuna'") == 0


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_a_step_no_count_is_lost_or_doubled(
    counting: Counting, installation: Settings, tmp_path: Path, step: str
) -> None:
    await counting.store(around(LONG_DAY, 200))
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")
    argv = [sys.executable, "-m", "tests.simulators.counting", str(settings_file), step]
    done = await asyncio.to_thread(subprocess.run, argv, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    await assert_exact(counting)
    await counting.make()
    await assert_exact(counting)


async def test_ingest_waits_for_nobody_who_makes_sums(counting: Counting) -> None:
    minutes = list(around(LONG_DAY, 100))
    await counting.store(minutes[:50])
    async with counting.pool.acquire() as maker, maker.transaction():
        notes = await maker.fetch(statements("counts")["due"], 1_000)
        hours, points, cities, numbers = zip(*(note.values() for note in notes), strict=True)
        await maker.execute(statements("counts")["sum_hours"], hours, points)
        async with asyncio.timeout(30):
            await counting.store(minutes[50:])
        await maker.execute(statements("counts")["sum_cities"], hours, cities)
        await maker.execute(statements("counts")["sum_days"], hours, points)
        await maker.execute(statements("counts")["done"], hours, points, numbers)
    assert await counting.pool.fetchval("SELECT count(*) FROM count_due") > 0
    await assert_exact(counting)
    await counting.make()
    await assert_exact(counting)


async def test_a_city_that_changes_its_zone_has_other_days(counting: Counting) -> None:
    await counting.store(around(LONG_DAY, 200))
    await counting.make()
    await counting.pool.execute("UPDATE city SET time_zone = 'America/Ciudad_Juarez' WHERE city_id = 'acuna'")
    counting.zones["acuna"] = "America/Ciudad_Juarez"
    await assert_exact(counting)
    await counting.make()
    await assert_exact(counting)


async def test_a_zone_that_is_not_whole_hours_off_is_refused(counting: Counting) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="Asia/Kolkata is not whole hours off UTC"):
        await counting.pool.execute("UPDATE city SET time_zone = 'Asia/Kolkata'")
    with pytest.raises(asyncpg.CheckViolationError):
        await counting.pool.execute("UPDATE point SET time_zone = 'Australia/Lord_Howe' WHERE point_id = 'p-1'")
    await counting.pool.execute("UPDATE point SET time_zone = 'America/Tijuana' WHERE point_id = 'p-1'")


def report(at: datetime, *cameras: CameraMinute) -> Report:
    """A minute's report of some cameras."""
    at_ms = to_ms(at)
    return Report(from_ms=at_ms - 60_000, to_ms=at_ms, cameras=cameras, health=Health())


async def test_a_report_that_comes_again_is_counted_once_and_none_is_too_large(pool: Pool, box: Box) -> None:
    at, store = datetime(2026, 11, 20, 10, 59, 59, tzinfo=UTC), Store(pool, TimeRules())
    huge = CameraMinute(camera="cam-1", state=CameraState.LIVE, vehicles=2**40, reads=3, live_ms=60_000)
    raw = box.say(report(at, huge), at=at)
    message = decode_message(parse(raw).payload)
    taken = Taken(message, body_of(message), raw, envelope_hash(raw), at + timedelta(days=1))
    for write in (store.write, store.write, store.write_each):
        await write([taken], [])
    await Counting(pool).make()
    row = await pool.fetchrow("SELECT hour, minutes, vehicles, reads, live_ms, reported_ms FROM camera_hour")
    assert row is not None
    assert tuple(row) == (at.replace(minute=0, second=0), 1, 2**31 - 1, 3, 60_000, 60_000)


async def test_the_service_makes_sums_and_days_by_itself(
    pool: Pool, box: Box, installation: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.service.rollups._DAYS_EVERY_S", 0.0)  # a day whose lock was not to be had is next
    now = datetime.now(UTC)
    raw = box.say(report(now, CameraMinute(camera="cam-1", state=CameraState.LIVE, vehicles=5)), at=now)
    message = decode_message(parse(raw).payload)
    await Store(pool, TimeRules()).write([Taken(message, body_of(message), raw, envelope_hash(raw), now)], [])
    async with running(installation):
        await until(pool, "SELECT EXISTS (SELECT FROM camera_day WHERE vehicles = 5)")
        # It was moved out of the default partition.
        await until(pool, "SELECT tableoid::regclass::text = $1 FROM camera_minute", f"camera_minute_{now:%Y%m%d}")


async def test_every_statement_is_one_that_the_schema_takes(pool: Pool) -> None:
    async with pool.acquire() as connection:
        for statement in statements("counts").values():
            await connection.prepare(statement.replace(ONE_DAY, "camera_minute"))
