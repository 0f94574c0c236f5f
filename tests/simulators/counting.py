"""Minutes of cameras in two time zones, stored as ingest stores them, and what they add up to, counted without SQL.

python -m tests.simulators.counting SETTINGS STEP    makes sums, and dies (-9) at a step
"""

import asyncio
import hashlib
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from aggregator.adapters.database import Pool, opened
from aggregator.adapters.rollup_maker import RollupMaker
from aggregator.adapters.store import copied
from aggregator.core.rows import Row, Table
from aggregator.settings import load
from protocol.steps import stop_at

ZONES: Final = {"saltillo": "America/Monterrey", "acuna": "America/Matamoros"}
CAMERAS: Final = (("saltillo", "p-1", "cam-1"), ("saltillo", "p-1", "cam-2"), ("acuna", "a-1", "cam-1"))
_PLACES: Final = """
INSERT INTO city (city_id, name, time_zone) VALUES
    ('saltillo', 'Saltillo', 'America/Monterrey'), ('acuna', 'Acuña', 'America/Matamoros');
INSERT INTO point (point_id, city_id, name, latitude, longitude) VALUES
    ('p-1', 'saltillo', 'Plaza', 25.4, -101), ('a-1', 'acuna', 'Bridge', 29.3, -100.9);
"""
# at, city, point, camera, device: how many reports, vehicles, covered seconds.
Bucket = tuple[datetime, str, str, str]
Sums = dict[Bucket, tuple[int, int, float]]


@dataclass(frozen=True, slots=True)
class Minute:
    """One camera's row of a report."""

    at: datetime
    place: tuple[str, str, str]
    vehicles: int
    live_ms: int

    @property
    def row(self) -> Row:
        """The row as ingest writes it."""
        city, point, camera = self.place
        report = hashlib.sha256(repr(self).encode()).digest()
        return (
            *(self.at, point, camera, report, city, f"box-{point}", 1, 60_000, 900, 600, 300, 0, 0, 0),
            *(self.vehicles, 2, 1, 0, 3, 30, 20_000, 5_000, self.live_ms, 0),
        )


@dataclass
class Counting:
    """A database with two cities, and every minute that was stored in it."""

    pool: Pool
    minutes: list[Minute] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=lambda: dict(ZONES))

    async def found(self) -> None:
        """Register the cities and points."""
        await self.pool.execute(_PLACES)

    async def store(self, minutes: Iterable[Minute]) -> None:
        """Store minutes as one batch of ingest."""
        new = list(minutes)
        async with self.pool.acquire() as connection, connection.transaction():
            await copied(connection, Table.CAMERA_MINUTE, [each.row for each in new])
        self.minutes += new

    async def make(self, *, batch: int = 1_000) -> int:
        """Make the sums that are due."""
        return await RollupMaker(self.pool).make(batch=batch)

    async def answers(self, view: str) -> Sums:
        """What a view of schema `ask` says, of every city."""
        columns = "at, city, '', ''" if view == "city_hour" else "at, city, point, camera"
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL atalaya.cities = '*'")
            rows = await connection.fetch(f"SELECT {columns}, minutes, vehicles, coverage_s FROM ask.{view}")  # noqa: S608
        answers = {tuple(row)[:4]: tuple(row)[4:] for row in rows}
        assert len(answers) == len(rows), "a bucket is told once"
        return answers

    def expected(self, view: str) -> Sums:
        """What it should say."""
        match view:
            case "minute":
                return self._summed(lambda at, zone: (at, timedelta(minutes=1)))
            case "hour":
                return self._summed(lambda at, zone: (_hour(at), timedelta(hours=1)))
            case "day":
                return self._summed(_day)
            case _:
                return self._of_cities()

    def _of_cities(self) -> Sums:
        cities: Sums = {}
        for (at, city, _, _), sums in self.expected("hour").items():
            before = cities.get((at, city, "", ""), (0, 0, 0.0))
            cities[at, city, "", ""] = (before[0] + sums[0], before[1] + sums[1], before[2] + sums[2])
        return cities

    def _summed(self, bucket: Callable[[datetime, ZoneInfo], tuple[datetime, timedelta]]) -> Sums:
        found: dict[Bucket, list[Minute]] = defaultdict(list)
        lengths: dict[Bucket, float] = {}
        for each in self.minutes:
            at, length = bucket(each.at, ZoneInfo(self.zones[each.place[0]]))
            lengths[at, *each.place] = length.total_seconds()
            found[at, *each.place].append(each)
        return {
            key: (
                len(each),
                sum(one.vehicles for one in each),
                min(sum(one.live_ms for one in each) / 1000, lengths[key]),
            )
            for key, each in found.items()
        }


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _day(at: datetime, zone: ZoneInfo) -> tuple[datetime, timedelta]:
    """The local day's first moment, and its length."""
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (midnight + timedelta(days=1)).replace(fold=0)
    from_at, to_at = midnight.astimezone(UTC), following.astimezone(UTC)
    return from_at, to_at - from_at


async def die_at(settings_file: Path, step: str) -> None:
    """Make what is due, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        await RollupMaker(database.pool, crash).make()


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
