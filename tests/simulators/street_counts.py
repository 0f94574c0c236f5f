"""Minutes of cameras as ingest stores them, and what they add up to, reckoned without a database.

Two cities: one keeps its own time the year round, the other has a point on the border with US daylight saving.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements

CITIES: Final = {"inland": "America/Monterrey", "north": "America/Chihuahua"}
POINTS: Final = {"i-1": ("inland", None), "n-1": ("north", None), "n-2": ("north", "America/Ojinaga")}
MEASURES: Final = (
    "frames_in", "frames_processed", "sampled_out", "dropped", "reconnects", "decode_errors", "vehicles", "reads",
    "unreadable", "hits", "faces", "frames_face_counted",
)  # fmt: skip
# The order of the view's columns is not that of the rows.
ASKED: Final = ("vehicles", "reads", "frames_in", "stalls", "minutes", "live_s", "reported_s", "coverage_s")
MINUTE: Final = timedelta(minutes=1)

Key: TypeAlias = tuple[object, ...]
Answer: TypeAlias = dict[Key, tuple[float, ...]]


@dataclass(frozen=True)
class Minute:
    """A camera's line of one report."""

    at: datetime
    point: str
    camera: str
    vehicles: int
    live_ms: int = 60_000
    interval_ms: int = 60_000
    report: str = "first"

    @property
    def row(self) -> tuple[object, ...]:
        """The row as `sql/ingest.sql` takes it; what is not told apart is `vehicles` more or less."""
        digest = hashlib.sha256(f"{self.at}/{self.point}/{self.report}".encode()).digest()
        measures = tuple(self.vehicles + place for place in range(len(MEASURES)))
        whose = (self.at, self.point, self.camera, digest, POINTS[self.point][0], f"box-{self.point}")
        return (*whose, 2, self.interval_ms, *measures, 9, 9, self.live_ms, 1)

    @property
    def sums(self) -> tuple[int, ...]:
        """What it adds to a bucket, in the order of `ASKED` up to the seconds."""
        figures = dict(zip(MEASURES, range(self.vehicles, self.vehicles + len(MEASURES)), strict=True))
        return (figures["vehicles"], figures["reads"], figures["frames_in"], 1, 1, self.live_ms, self.interval_ms)


def zone_of(point: str) -> ZoneInfo:
    """The zone whose days a point has."""
    city, zone = POINTS[point]
    return ZoneInfo(zone or CITIES[city])


async def found_streets(connection: Connection) -> None:
    """The registry."""
    for city, zone in CITIES.items():
        await connection.execute("INSERT INTO city (city_id, name, time_zone) VALUES ($1, 'a city', $2)", city, zone)
    for point, (city, own_zone) in POINTS.items():
        await connection.execute(
            "INSERT INTO point (point_id, city_id, name, latitude, longitude, time_zone)"
            " VALUES ($1, $2, 'a point', 0, 0, $3)",
            *(point, city, own_zone),
        )


async def store(connection: Connection, minutes: Sequence[Minute]) -> None:
    """Store them as ingest does where no COPY is to be had."""
    await connection.execute(statements("ingest")["camera_minute"], *zip(*(each.row for each in minutes), strict=True))


def hours_of(minutes: Iterable[Minute]) -> Answer:
    """What `ask.hour` answers."""
    return _added_up(minutes, lambda m: (m.at.replace(minute=0), m.point, m.camera), lambda _: 3600)


def minutes_of(minutes: Iterable[Minute]) -> Answer:
    """What `ask.minute` answers."""
    return _added_up(minutes, lambda m: (m.at, m.point, m.camera), lambda _: 60)


def days_of(minutes: Iterable[Minute]) -> Answer:
    """What `ask.day` answers."""
    return _added_up(minutes, lambda m: (*_day(m), m.point, m.camera), lambda key: _seconds(key[0], str(key[2])))


def city_hours_of(minutes: Iterable[Minute]) -> Answer:
    """What `ask.city_hour` answers, `cameras` first."""
    found: dict[Key, list[tuple[float, ...]]] = defaultdict(list)
    for (at, point, _), sums in hours_of(minutes).items():
        found[(at, POINTS[str(point)][0])].append(sums)
    return {key: (len(sums), *map(sum, zip(*sums, strict=True))) for key, sums in found.items()}


def _day(minute: Minute) -> tuple[datetime, date]:
    zone = zone_of(minute.point)
    local = minute.at.astimezone(zone).date()
    return datetime(local.year, local.month, local.day, tzinfo=zone).astimezone(UTC), local


def _seconds(at: object, point: str) -> float:
    """How long the local day is that begins then."""
    assert isinstance(at, datetime)
    local = at.astimezone(zone_of(point)).date() + timedelta(days=1)
    return (datetime(local.year, local.month, local.day, tzinfo=zone_of(point)).astimezone(UTC) - at).total_seconds()


def _added_up(minutes: Iterable[Minute], key_of: Callable[[Minute], Key], bucket_s: Callable[[Key], float]) -> Answer:
    sums: dict[Key, tuple[int, ...]] = {}
    for minute in minutes:
        key = key_of(minute)
        sums[key] = tuple(map(sum, zip(sums.get(key, (0,) * 7), minute.sums, strict=True)))
    return {
        key: (*told, live_ms / 1000, reported_ms / 1000, min(live_ms / 1000, bucket_s(key)))
        for key, (*told, live_ms, reported_ms) in sums.items()
    }


async def asked(connection: Connection, view: str) -> Answer:
    """What a view of counts answers now, to whoever this connection is."""
    keys = {"day": "at, local_date, point, camera", "city_hour": "at, city"}.get(view, "at, point, camera")
    figures = ("cameras", *ASKED) if view == "city_hour" else ASKED
    rows = await connection.fetch(f"SELECT {keys}, {', '.join(figures)} FROM ask.{view}")  # noqa: S608  our own words
    width = keys.count(",") + 1
    return {tuple(row)[:width]: tuple(map(float, tuple(row)[width:])) for row in rows}
