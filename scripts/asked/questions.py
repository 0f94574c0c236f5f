"""What is asked: the questions of the dashboards and those that somebody comes up with, each beside its plain form.

The plain form reads no sum that the aggregator keeps of what there are minutes of: `plain_hour` is made of the minutes
by one statement, and before them of the hours that are all that is left. Questions on minutes are held to
camera_minute. Parameters: $1 and $2 from when to when, then the places that a question wants, in its order.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

PLAIN_HOUR: Final = """
CREATE TABLE plain_minutes AS
SELECT date_bin('1 hour', counted_at, '2000-01-01Z') AS at, city_id AS city, point_id AS point, camera_id AS camera,
       sum(vehicles) AS vehicles, sum(reads) AS reads, sum(unreadable) AS unreadable,
       least(sum(live_ms), 3600000) / 1000.0::double precision AS coverage_s, sum(live_ms) AS live_ms
FROM camera_minute GROUP BY 1, 2, 3, 4;
CREATE VIEW plain_hour AS
SELECT * FROM plain_minutes
UNION ALL
SELECT hour, city_id, point_id, camera_id, vehicles, reads, unreadable,
       least(live_ms, 3600000) / 1000.0::double precision, live_ms
FROM camera_hour WHERE hour < (SELECT min(at) FROM plain_minutes)
"""
FORGET_PLAIN: Final = "DROP TABLE IF EXISTS plain_day, plain_minutes CASCADE"
# A plain day is a day of the point's zone.
PLAIN_DAY: Final = """
CREATE TABLE plain_day AS
SELECT date_trunc('day', at, time_zone) AS at,
       (date_trunc('day', at, time_zone) AT TIME ZONE time_zone)::date AS local_date, city, point, camera,
       sum(vehicles) AS vehicles, sum(reads) AS reads, sum(unreadable) AS unreadable,
       sum(live_ms) / 1000.0::double precision AS coverage_s
FROM plain_hour JOIN point_zone ON point_zone.point_id = point
GROUP BY date_trunc('day', at, time_zone), time_zone, city, point, camera
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A question over a stretch of time up to now, in words and as SQL over a view of schema `ask`."""

    words: str
    span: timedelta
    view: str  # minute, hour, day, city_hour
    sql: str
    wants: str = ""  # of city, point, camera
    is_dashboard: bool = True

    @property
    def plain(self) -> str:
        """The same of the plain tables."""
        match self.view:
            case "city_hour":
                of = "(SELECT *, 1 AS cameras FROM plain_hour)"
            case "minute":
                of = (
                    "(SELECT *, counted_at AS at, city_id AS city, point_id AS point, camera_id AS camera,"
                    " least(live_ms, 60000) / 1000.0::double precision AS coverage_s FROM camera_minute)"
                )
            case _:
                of = f"plain_{self.view}"
        return self.sql.replace(f"ask.{self.view}", f"{of} AS plain")


_HOURS, _DAYS = timedelta(hours=1), timedelta(days=1)

QUESTIONS: Final = (
    Question(
        "the state by hour, a day", _DAYS, "city_hour",
        "SELECT at, sum(vehicles), sum(reads), sum(coverage_s), sum(cameras) FROM ask.city_hour"
        " WHERE at >= $1 AND at < $2 GROUP BY at ORDER BY at",
    ),
    Question(
        "each city by hour, a week", 7 * _DAYS, "city_hour",
        "SELECT at, city, sum(vehicles), sum(coverage_s) FROM ask.city_hour"
        " WHERE at >= $1 AND at < $2 GROUP BY at, city ORDER BY at, city",
    ),
    Question(
        "a city by minute, an hour", _HOURS, "minute",
        "SELECT at, sum(vehicles), sum(reads), sum(coverage_s) FROM ask.minute"
        " WHERE at >= $1 AND at < $2 AND city = $3 GROUP BY at ORDER BY at",
        "city",
    ),
    Question(
        "a point's cameras by minute, three hours", 3 * _HOURS, "minute",
        "SELECT at, camera, sum(vehicles), sum(coverage_s) FROM ask.minute"
        " WHERE at >= $1 AND at < $2 AND point = $3 GROUP BY at, camera ORDER BY at, camera",
        "point",
    ),
    Question(
        "one camera by hour, a month", 30 * _DAYS, "hour",
        "SELECT at, sum(vehicles), sum(coverage_s) FROM ask.hour"
        " WHERE at >= $1 AND at < $2 AND point = $3 AND camera = $4 GROUP BY at ORDER BY at",
        "point camera",
    ),
    Question(
        "a city's cameras and how blind they were, a day", _DAYS, "hour",
        "SELECT point, camera, sum(vehicles), sum(coverage_s) FROM ask.hour"
        " WHERE at >= $1 AND at < $2 AND city = $3 GROUP BY point, camera ORDER BY point, camera",
        "city",
    ),
    Question(
        "the state's twenty busiest cameras, a day", _DAYS, "hour",
        "SELECT point, camera, sum(vehicles) AS vehicles, sum(coverage_s) FROM ask.hour"
        " WHERE at >= $1 AND at < $2 GROUP BY point, camera ORDER BY vehicles DESC, point, camera LIMIT 20",
    ),
    Question(
        "a city by day, a month", 30 * _DAYS, "day",
        "SELECT local_date, sum(vehicles), sum(unreadable), sum(coverage_s) FROM ask.day"
        " WHERE at >= $1 AND at < $2 AND city = $3 GROUP BY local_date ORDER BY local_date",
        "city",
    ),
    Question(
        "the state by month, a year", 365 * _DAYS, "day",
        "SELECT date_trunc('month', local_date)::date, sum(vehicles), sum(coverage_s) FROM ask.day"
        " WHERE at >= $1 AND at < $2 GROUP BY 1 ORDER BY 1",
        is_dashboard=False,
    ),
    Question(
        "a city by day of the week and hour, a year", 365 * _DAYS, "city_hour",
        "SELECT extract(isodow FROM at), extract(hour FROM at), sum(vehicles), sum(coverage_s) FROM ask.city_hour"
        " WHERE at >= $1 AND at < $2 AND city = $3 GROUP BY 1, 2 ORDER BY 1, 2",
        "city", is_dashboard=False,
    ),
    Question(
        "one camera's hours, a year", 365 * _DAYS, "hour",
        "SELECT at, sum(vehicles), sum(coverage_s) FROM ask.hour"
        " WHERE at >= $1 AND at < $2 AND point = $3 AND camera = $4 GROUP BY at ORDER BY at",
        "point camera", is_dashboard=False,
    ),
    Question(
        "one camera by minute, three days", 3 * _DAYS, "minute",
        "SELECT at, sum(vehicles), sum(coverage_s) FROM ask.minute"
        " WHERE at >= $1 AND at < $2 AND point = $3 AND camera = $4 GROUP BY at ORDER BY at",
        "point camera", is_dashboard=False,
    ),
    Question(
        "a city by quarter of an hour, six hours", 6 * _HOURS, "minute",
        "SELECT date_bin('15 minutes', at, '2000-01-01Z'), sum(vehicles), sum(coverage_s) FROM ask.minute"
        " WHERE at >= $1 AND at < $2 AND city = $3 GROUP BY 1 ORDER BY 1",
        "city", is_dashboard=False,
    ),
    Question(
        "cameras that were blind for an hour in a hundred, ten days", 10 * _DAYS, "hour",
        "SELECT city, point, camera, sum(coverage_s) FROM ask.hour WHERE at >= $1 AND at < $2"
        " GROUP BY 1, 2, 3 HAVING sum(coverage_s) < 0.99 * 3600 * count(*) ORDER BY 1, 2, 3",
        is_dashboard=False,
    ),
    Question(
        "how many plates could not be read, by camera, a month", 30 * _DAYS, "day",
        "SELECT city, point, camera, sum(unreadable), sum(reads) FROM ask.day"
        " WHERE at >= $1 AND at < $2 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        is_dashboard=False,
    ),
)  # fmt: skip
