"""Days of counts: a partition each, made ahead, dropped whole when they are due, summed and not held."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import asyncpg
import pytest

from aggregator.adapters import legal_holds
from aggregator.adapters.audit_log import verify
from aggregator.adapters.count_days import AHEAD_DAYS, WORTH_ROWS, CountDays
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.migrations import all_migrations, migrate
from aggregator.adapters.retention_store import RetentionStore
from aggregator.core.retention import Keeping, Receipt, Rule, Scope, ids_hash
from tests.simulators.counting import CAMERAS, Counting, Minute

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
COUNTS = Rule(Keeping.COUNTS, 30)
DUE, LATER = date(2026, 10, 22), date(2026, 10, 23)  # 30 days before NOW is in the midst of the second


HOLDS = (
    Scope(device="box-p-1"),
    Scope(point="p-1", camera="cam-1", from_at=datetime(2026, 10, 1, tzinfo=UTC), to_at=NOW),
)


@pytest.fixture
async def counting(pool: Pool) -> Counting:
    """Two cities, with the same hours of two days, each in its partition and summed."""
    counting = Counting(pool)
    await counting.found()
    for day in (DUE, LATER):
        await pool.execute("SELECT add_camera_minute_day($1)", day)
        await counting.store(of_day(day))
    await counting.make()
    return counting


def of_day(day: date, *, vehicles: int = 2) -> list[Minute]:
    """Each camera's first minutes of three hours of a day."""
    noon = datetime.combine(day, time(12), UTC)
    return [
        Minute(noon + timedelta(hours=hour, minutes=minute), place, vehicles, 60_000)
        for hour in range(3)
        for minute in range(5)
        for place in CAMERAS
    ]


async def purged(pool: Pool, tmp_path: Path, rule: Rule = COUNTS, now: datetime = NOW) -> list[Receipt]:
    """The receipts of a purge."""
    store = RetentionStore(pool, EvidenceFiles(tmp_path))
    return [receipt async for receipt in store.purge(rule, now, actor="os:ana")]


async def days(pool: Pool) -> list[date]:
    """The days with a partition."""
    return [each.day for each in await CountDays(pool).all()]


async def assert_sums(counting: Counting) -> None:
    """The sums say what was ever stored, whatever is left of it."""
    for view in ("hour", "day", "city_hour"):
        assert await counting.answers(view) == counting.expected(view), view


async def test_days_are_made_ahead_once_and_take_in_what_lay_outside(counting: Counting) -> None:
    pool = counting.pool
    await counting.store(of_day(NOW.date()))
    many = datetime(2026, 9, 1, tzinfo=UTC)
    await counting.store(Minute(many + timedelta(minutes=n), CAMERAS[n % 3], 1, 60_000) for n in range(WORTH_ROWS))
    await counting.store([Minute(datetime(2026, 8, 1, tzinfo=UTC), CAMERAS[0], 1, 60_000)])
    ahead = [NOW.date() + timedelta(days=n) for n in range(AHEAD_DAYS + 1)]
    assert await CountDays(pool).make(NOW) == [many.date(), *ahead]
    assert await CountDays(pool).make(NOW) == []
    assert await pool.fetchval("SELECT count(*) FROM camera_minute_default") == 1, "a day with one row needs none"
    await assert_sums(counting)
    assert await counting.answers("minute") == counting.expected("minute")


async def test_a_day_goes_whole_with_one_receipt_and_its_sums_stay(counting: Counting, tmp_path: Path) -> None:
    rows = await counting.pool.fetch("SELECT report_hash FROM camera_minute WHERE counted_at < $1", midnight(LATER))
    (receipt,) = await purged(counting.pool, tmp_path)
    assert await days(counting.pool) == [LATER], "the day that is due in part is not"
    assert (receipt.tables, receipt.rule) == ({"camera_minute": len(rows)}, "30 days")
    assert receipt.ids_sha256 == ids_hash(row["report_hash"] for row in rows).hex()
    assert (receipt.first_at, receipt.last_at) == (
        midnight(DUE).replace(hour=12),
        midnight(DUE).replace(hour=14, minute=4),
    )
    assert await purged(counting.pool, tmp_path) == []
    async with counting.pool.acquire() as connection:
        assert await verify(connection) == (1, [])
    await assert_sums(counting)


def midnight(day: date) -> datetime:
    """A day's first moment."""
    return datetime.combine(day, time(), UTC)


async def test_a_minute_later_than_its_purge_is_added_to_its_hour_and_goes_too(
    counting: Counting, tmp_path: Path
) -> None:
    await purged(counting.pool, tmp_path)
    await counting.store(of_day(DUE, vehicles=7)[:4])
    await assert_sums(counting)
    assert await purged(counting.pool, tmp_path) == [], "it is not summed yet"
    await counting.make()
    await assert_sums(counting)
    assert [receipt.count for receipt in await purged(counting.pool, tmp_path)] == [4]
    await assert_sums(counting)
    await counting.store(of_day(DUE, vehicles=9)[:2])
    await counting.make()
    await assert_sums(counting)


async def test_no_minute_goes_before_the_sums_of_its_hour_have_it_in(counting: Counting, tmp_path: Path) -> None:
    await counting.store(of_day(DUE, vehicles=7)[:1])
    assert await purged(counting.pool, tmp_path) == []
    assert await days(counting.pool) == [DUE, LATER]
    await counting.make()
    assert len(await purged(counting.pool, tmp_path)) == 1
    await assert_sums(counting)


async def test_of_a_day_with_a_hold_what_is_held_stays_until_it_is_released(counting: Counting, tmp_path: Path) -> None:
    pool = counting.pool
    await pool.execute("INSERT INTO camera (point_id, camera_id, heading_deg) VALUES ('a-1', 'cam-1', 90)")
    scope = Scope(point="a-1", camera="cam-1", from_at=midnight(DUE), to_at=midnight(LATER))
    number = await legal_holds.place(pool, scope, actor="os:ana", reason="case 7")
    assert [receipt.tables for receipt in await purged(pool, tmp_path)] == [{"camera_minute": 30}]
    assert await days(pool) == [DUE, LATER]
    kept = await pool.fetchval("SELECT count(*) FROM camera_minute WHERE counted_at < $1", midnight(LATER))
    assert kept == 15
    await assert_sums(counting)
    await legal_holds.release(pool, number, actor="os:ana", reason="case 7 closed")
    assert [receipt.count for receipt in await purged(pool, tmp_path)] == [15]
    assert await days(pool) == [LATER]
    await assert_sums(counting)


async def test_a_day_that_somebody_reads_is_dropped_another_time_and_holds_nobody_up(
    counting: Counting, tmp_path: Path
) -> None:
    async with counting.pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT FROM camera_minute")
        assert await purged(counting.pool, tmp_path) == []
    assert len(await purged(counting.pool, tmp_path)) == 1


@pytest.mark.parametrize("scope", HOLDS)
async def test_sums_go_by_rules_of_their_own_unless_held(counting: Counting, tmp_path: Path, scope: Scope) -> None:
    pool = counting.pool
    await pool.execute("INSERT INTO device (device_id, point_id, city_id) VALUES ('box-p-1', 'p-1', 'saltillo')")
    await pool.execute("INSERT INTO camera (point_id, camera_id, heading_deg) VALUES ('p-1', 'cam-1', 90)")
    number = await legal_holds.place(pool, scope, actor="os:ana", reason="case 7")
    await purged(pool, tmp_path, Rule(Keeping.COUNTS, 1))
    hourly, daily = Rule(Keeping.HOURLY, 1), Rule(Keeping.DAILY, 1)
    assert [receipt.tables for receipt in await purged(pool, tmp_path, hourly)] == [{"camera_hour": 6, "city_hour": 6}]
    assert [receipt.tables for receipt in await purged(pool, tmp_path, daily)] == [{"camera_day": 2}]
    await legal_holds.release(pool, number, actor="os:ana", reason="case 7 closed")
    await purged(pool, tmp_path, Rule(Keeping.COUNTS, 1))
    assert [receipt.tables for receipt in await purged(pool, tmp_path, hourly)] == [{"camera_hour": 12, "city_hour": 6}]
    assert [receipt.tables for receipt in await purged(pool, tmp_path, daily)] == [{"camera_day": 4}]
    assert await pool.fetchval("SELECT count(*) FROM camera_hour_purged") == 0
    await counting.store(of_day(DUE, vehicles=7))
    await counting.make()
    assert await pool.fetchval("SELECT count(*) FROM camera_hour") == 0, "nothing older than the hours is summed"


async def test_an_installation_with_minutes_keeps_them_and_has_its_days(empty_database: Access) -> None:
    connection = await empty_database.connect()
    try:
        await migrate(connection, tuple(step for step in all_migrations() if step.number < 18))
        await connection.execute(
            "INSERT INTO camera_minute (counted_at, point_id, camera_id, report_hash, city_id, device_id, interval_ms,"
            " state, frames_in, frames_processed, sampled_out, dropped, reconnects, decode_errors, vehicles, reads,"
            " unreadable, hits, faces, frames_face_counted, detect_us, read_us, live_ms, stalls)"
            " SELECT at, 'p-1', 'cam-1', sha256(at::text::bytea), 'saltillo', 'box-1', 60000, 1, 9, 9, 0, 0, 0, 0,"
            " 5000000000, 1, 0, 0, 0, 0, 0, 0, 60000, 0"
            " FROM generate_series('2026-10-20T00:00:13Z'::timestamptz, '2026-10-21T00:05:00Z', '1 minute') AS at"
        )
        await migrate(connection)
        rows = await connection.fetch(
            "SELECT tableoid::regclass::text, count(*) FROM camera_minute GROUP BY 1 ORDER BY 1"
        )
        assert [tuple(row) for row in rows] == [("camera_minute_20261020", 1440), ("camera_minute_default", 5)]
        cut = await connection.fetchrow("SELECT min(counted_at) AS first, max(vehicles) AS most FROM camera_minute")
        assert cut is not None
        assert tuple(cut) == (datetime(2026, 10, 20, tzinfo=UTC), 2**31 - 1)
        assert await connection.fetchval("SELECT count(*) FROM count_due") == 25
    finally:
        await connection.close()


async def test_an_installation_with_an_odd_zone_is_told_so_and_left_alone(empty_database: Access) -> None:
    connection = await empty_database.connect()
    try:
        await migrate(connection, tuple(step for step in all_migrations() if step.number < 18))
        await connection.execute("INSERT INTO city (city_id, name, time_zone) VALUES ('pune', 'Pune', 'Asia/Kolkata')")
        step = next(step for step in all_migrations() if step.number == 18)
        with pytest.raises(asyncpg.RaiseError, match="Asia/Kolkata"):
            await connection.execute(step.sql)
    finally:
        await connection.close()
