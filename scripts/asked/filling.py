"""A state's counts, made in the database itself: minutes of 1,287 cameras up to now, and hours of a year.

Each day of minutes is written into a table of its own that then becomes its partition, so that its indices are built
once and, with `wal_level = minimal`, nothing is written twice. Two cameras in a hundred are blind for any one hour.
Sums are made of the minutes by one plain statement for each table; what is older has no minutes, as after retention.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aggregator.adapters.database import Connection

CITIES: Final = 11
POINTS: Final = 370
CAMERAS: Final = 1_287
# A box reports once a minute and sums are made every five seconds: so many points have a note at any time.
NOTED_POINTS: Final = POINTS * 5 // 60
_HOURS_A_DAY: Final = 24

_MEASURES: Final = (
    "vehicles, reads, unreadable, hits, faces, frames_in, frames_processed, sampled_out, dropped, reconnects, stalls,"
    " decode_errors, frames_face_counted"
)
_SUMS: Final = ", ".join(f"sum({each.strip()})" for each in _MEASURES.split(","))

_PLACES: Final = f"""
INSERT INTO city (city_id, name, time_zone)
SELECT 'city-' || n, 'City ' || n, CASE WHEN n < 9 THEN 'America/Monterrey' ELSE 'America/Matamoros' END
FROM generate_series(1, {CITIES}) AS n;
INSERT INTO point (point_id, city_id, name, latitude, longitude)
SELECT 'p-' || n, 'city-' || n % {CITIES} + 1, 'Point ' || n, 25 + n / 100.0, -101
FROM generate_series(1, {POINTS}) AS n;
INSERT INTO device (device_id, point_id, city_id) SELECT replace(point_id, 'p-', 'box-'), point_id, city_id FROM point;
INSERT INTO camera (point_id, camera_id, heading_deg, registered_at)
SELECT 'p-' || n % {POINTS} + 1, 'cam-' || n / {POINTS} + 1, 90, now() - interval '2 years'
FROM generate_series(0, {CAMERAS} - 1) AS n;
CREATE TABLE bench_camera AS
SELECT row_number() OVER (ORDER BY point_id, camera_id) AS number, point_id::text, camera_id::text, city_id::text,
       replace(point_id, 'p-', 'box-') AS device_id
FROM camera JOIN point USING (point_id) ORDER BY point_id, camera_id;
"""  # noqa: S608  our own names
# How much passes at an hour of the day, and how much chance there is in it, the same at every run.
_TRAFFIC: Final = """
CROSS JOIN LATERAL (
    SELECT hashint8(extract(epoch FROM {at})::bigint * 2048 + number)::bigint AS chance,
           (hashint8(extract(epoch FROM date_trunc('hour', {at}))::bigint * 2048 + number)::bigint % 50 <> 0)::integer
               AS live,
           10 - abs(extract(hour FROM {at})::integer - 18) / 2 AS busy) AS traffic
CROSS JOIN LATERAL (SELECT live * (abs(chance) % 16 * busy / 8)::integer AS vehicles) AS passed
"""
_MINUTES: Final = f"""
INSERT INTO {{table}}
SELECT at, point_id, camera_id, city_id, device_id, sha256((device_id || extract(epoch FROM at))::bytea),
       CASE live WHEN 1 THEN 1 ELSE 3 END, 60000, live * 900, live * 600, live * 300, 0, 1 - live, 0, vehicles,
       vehicles * 8 / 10, vehicles / 10, (abs(chance) % 3000 = 7)::integer, vehicles / 4, live * 30, live * 250000,
       live * 40000, live * 60000, 1 - live
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', '1 minute') AS at
CROSS JOIN bench_camera {_TRAFFIC.format(at="at")}
"""  # noqa: S608  our own names
_OLD_HOURS: Final = f"""
INSERT INTO camera_hour (hour, point_id, camera_id, city_id, minutes, {_MEASURES}, live_ms, reported_ms)
SELECT at, point_id, camera_id, city_id, 60, vehicles * 60, vehicles * 48, vehicles * 6,
       (abs(chance) % 50 = 7)::integer, vehicles * 15, live * 54000, live * 36000, live * 18000, 0, 60 - live * 60,
       60 - live * 60, 0, live * 1800,
       live * 3600000, 3600000
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 hour', '1 hour') AS at
CROSS JOIN bench_camera {_TRAFFIC.format(at="at")}
"""  # noqa: S608  our own names
_HOURS: Final = f"""
INSERT INTO camera_hour (hour, point_id, camera_id, city_id, minutes, {_MEASURES}, live_ms, reported_ms)
SELECT date_bin('1 hour', counted_at, '2000-01-01Z') AS hour, point_id, camera_id, city_id, count(*), {_SUMS},
       sum(live_ms), sum(interval_ms)
FROM camera_minute WHERE counted_at >= $1 AND counted_at < $2
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3
"""  # noqa: S608  our own names
_CITY_HOURS: Final = f"""
INSERT INTO city_hour (hour, city_id, cameras, minutes, {_MEASURES}, live_ms, reported_ms, coverage_ms)
SELECT hour, city_id, count(*), sum(minutes), {_SUMS}, sum(live_ms), sum(reported_ms), sum(least(live_ms, 3600000))
FROM camera_hour GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608  our own names
_DAYS: Final = f"""
INSERT INTO camera_day (at, until, local_date, point_id, camera_id, city_id, minutes, {_MEASURES}, live_ms, reported_ms)
SELECT at, (at AT TIME ZONE zone + interval '1 day') AT TIME ZONE zone, (at AT TIME ZONE zone)::date, point_id,
       camera_id, city_id, minutes, {_MEASURES}, live_ms, reported_ms
FROM (SELECT date_trunc('day', hour, time_zone) AS at, min(time_zone) AS zone, point_id, camera_id, city_id,
             sum(minutes) AS minutes, {", ".join(f"sum({m.strip()}) AS {m.strip()}" for m in _MEASURES.split(","))},
             sum(live_ms) AS live_ms, sum(reported_ms) AS reported_ms
      FROM camera_hour JOIN point_zone USING (point_id)
      GROUP BY 1, point_id, camera_id, city_id) AS day
ORDER BY 1, 4, 5
"""  # noqa: S608  our own names
_SUM_TABLES: Final = {
    "camera_hour": ("(point_id, hour, camera_id, city_id)", "camera_hour_by_time", "(hour)"),
    "city_hour": ("(city_id, hour)", "city_hour_by_time", "(hour)"),
    "camera_day": ("(point_id, at, camera_id, city_id)", "camera_day_by_time", "(at)"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """From when there are hours, from when minutes, and until when both."""

    hours_from: datetime
    minutes_from: datetime
    to: datetime

    @classmethod
    def of(cls, rows: int, days: int, now: datetime) -> "Span":
        """So many minutes of all cameras up to now, and so many days of hours."""
        to = now.replace(second=0, microsecond=0)
        minutes_from = to - timedelta(minutes=max(rows // CAMERAS, 1))
        return cls(_hour(to) - timedelta(days=days), minutes_from, to)

    @property
    def days(self) -> list[tuple[datetime, datetime]]:
        """The days of minutes, each from when to when."""
        at, days = self.minutes_from, []
        while at < self.to:
            end = min(at.astimezone(UTC).replace(hour=0, minute=0) + timedelta(days=1), self.to)
            days.append((at, end))
            at = end
        return days


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0)


async def fill(connection: Connection, span: Span, tell: Callable[[str], None]) -> None:
    """Fill an empty, migrated database; says what it is at."""
    await connection.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'; SET timezone = 'UTC'")
    await connection.execute(_PLACES)
    await connection.execute("ANALYZE bench_camera")
    for from_at, to_at in span.days:
        tell(f"minutes of {from_at:%Y-%m-%d}")
        await _fill_day(connection, from_at, to_at)
    await _fill_sums(connection, span, tell)
    await connection.execute(
        "INSERT INTO count_due (hour, point_id, city_id)"
        " SELECT $1, point_id, city_id FROM point ORDER BY hashtext(point_id) LIMIT $2",
        *(_hour(span.to - timedelta(minutes=1)), NOTED_POINTS),
    )
    tell("vacuum, analyze")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


async def _fill_day(connection: Connection, from_at: datetime, to_at: datetime) -> None:
    table, day = f"camera_minute_{from_at:%Y%m%d}", from_at.replace(hour=0, minute=0)
    bounds = (f"{day:%Y-%m-%dT%H:%MZ}", f"{day + timedelta(days=1):%Y-%m-%dT%H:%MZ}")
    async with connection.transaction():
        check = "CHECK (counted_at >= '{}' AND counted_at < '{}')".format(*bounds)
        await connection.execute(f"CREATE TABLE {table} (LIKE camera_minute, CONSTRAINT bounds {check})")
        await connection.execute(_MINUTES.format(table=table), from_at, to_at)
        values = "FOR VALUES FROM ('{}') TO ('{}')".format(*bounds)
        await connection.execute(f"ALTER TABLE camera_minute ATTACH PARTITION {table} {values}")
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT bounds")


async def _fill_sums(connection: Connection, span: Span, tell: Callable[[str], None]) -> None:
    """Every sum, into tables without indices, which are made when all is in."""
    first = _hour(span.minutes_from)
    async with connection.transaction():
        for table, (_, index, _) in _SUM_TABLES.items():
            await connection.execute(f"TRUNCATE {table}; DROP INDEX {index};")
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        tell("hours of a year")
        await connection.execute(_OLD_HOURS, span.hours_from, first)
        tell("hours of the minutes")
        at = first
        while at < span.to:
            await connection.execute(_HOURS, at, at + timedelta(hours=_HOURS_A_DAY))
            at += timedelta(hours=_HOURS_A_DAY)
        await connection.execute("ANALYZE camera_hour")
        tell("hours of cities, days")
        await connection.execute(_CITY_HOURS)
        await connection.execute(_DAYS)
        tell("indices of the sums")
        for table, (key, index, columns) in _SUM_TABLES.items():
            await connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY {key}")
            await connection.execute(f"CREATE INDEX {index} ON {table} {columns}")
