"""The same minutes and the same questions on plain PostgreSQL and on TimescaleDB: the same answers, at every moment.

`TIMESCALE_DSN` names a real TimescaleDB server, with a database whose user may create others; the questions then go
there as well.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import pytest

from aggregator.adapters import timescale
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.migrations import migrate
from aggregator.adapters.rollup_maker import RollupMaker
from aggregator.adapters.timescale import Kind
from aggregator.adapters.timescale_sums import TimescaleSums
from tests.simulators import street_counts
from tests.simulators.street_counts import Minute, asked, found_streets, store

ENGINES: Final = ("plain", "timescale", *(["server"] if "TIMESCALE_DSN" in os.environ else []))
VIEWS: Final = ("minute", "hour", "day", "city_hour")
# The night in which the border's clocks go back: 25 hours in Ojinaga, 24 in Chihuahua and Monterrey.
NIGHT: Final = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """A database with its engine turned on, and what makes its sums."""

    pool: Pool
    maker: RollupMaker | TimescaleSums

    async def check(self, minutes: list[Minute]) -> None:
        """Every view answers what the minutes add up to."""
        wanted = {
            "minute": street_counts.minutes_of(minutes),
            "hour": street_counts.hours_of(minutes),
            "day": street_counts.days_of(minutes),
            "city_hour": street_counts.city_hours_of(minutes),
        }
        for view in VIEWS:
            assert await self.asked(view) == wanted[view], view

    async def asked(self, view: str) -> street_counts.Answer:
        """What a view answers the service."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL atalaya.cities = '*'")
            return await asked(connection, view)

    async def store(self, minutes: list[Minute]) -> None:
        """Store minutes, as ingest would."""
        async with self.pool.acquire() as connection:
            await store(connection, minutes)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine, its server started."""
    return started(request)


@pytest.fixture(scope="session", params=ENGINES[1:])
def timescale_engine(request: pytest.FixtureRequest) -> str:
    """TimescaleDB alone, its server started."""
    return started(request)


def started(request: pytest.FixtureRequest) -> str:
    """Start the server of an engine, before any test counts the processes that it leaves behind."""
    servers = {"plain": "postgres", "timescale": "timescale_server"}
    if request.param in servers:
        request.getfixturevalue(servers[request.param])
    return str(request.param)


@pytest.fixture
def offered(request: pytest.FixtureRequest, engine: str) -> Access | None:
    """The engine's migrated database; of a real server none yet."""
    return taken(request, engine)


@pytest.fixture
def offered_timescale(request: pytest.FixtureRequest, timescale_engine: str) -> Access | None:
    """The same of TimescaleDB alone."""
    return taken(request, timescale_engine)


def taken(request: pytest.FixtureRequest, engine: str) -> Access | None:
    """The fixture that has an engine's database."""
    names = {"plain": "database", "timescale": "timescale"}
    return request.getfixturevalue(names[engine]) if engine in names else None


@pytest.fixture
async def place(offered: Access | None) -> AsyncIterator[Place]:
    """Each engine with the streets' registry."""
    async with made(offered) as access, opened(access) as found:
        yield found


@pytest.fixture
async def turned(offered_timescale: Access | None) -> AsyncIterator[Place]:
    """TimescaleDB alone, with the streets' registry."""
    async with made(offered_timescale) as access, opened(access) as found:
        yield found


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Place]:
    """Turn the engine on and found the registry."""
    connection = await access.connect()
    chosen = await timescale.turned_on(connection)
    await found_streets(connection)
    await connection.close()
    async with pooled(access, 1) as pool:
        is_plain = chosen.kind is Kind.PLAIN
        yield Place(pool, RollupMaker(pool) if is_plain else TimescaleSums(pool, pause_s=0))


@asynccontextmanager
async def made(access: Access | None) -> AsyncIterator[Access]:
    """A database, on the real server if there is none yet: migrated, the test's own."""
    if access is not None:
        yield access
        return
    name, dsn = f"test_{secrets.token_hex(6)}", os.environ["TIMESCALE_DSN"]
    server = await asyncpg.connect(dsn)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        connection = await asyncpg.connect(dsn, database=name)
        await connection.execute("CREATE EXTENSION timescaledb")
        await migrate(connection)
        await connection.close()
        yield Access(f"{dsn.rpartition('/')[0]}/{name}")
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


def a_night(*, report: str = "first", at: datetime = NIGHT, hours: int = 28) -> list[Minute]:
    """A minute every half hour at each camera, a blind camera, and one that was told of twice in a minute."""
    times = [at + timedelta(minutes=30 * n) for n in range(2 * hours)]
    cameras = [(point, camera) for point in street_counts.POINTS for camera in ("cam-1", "cam-2")]
    minutes = [
        Minute(each, point, camera, n, live_ms=0 if camera == "cam-2" else 60_000, report=report)
        for n, each in enumerate(times)
        for point, camera in cameras
    ]
    return [*minutes, Minute(at, "n-2", "cam-1", 7, live_ms=90_000, interval_ms=61_000, report=f"{report} again")]


async def test_the_same_minutes_give_the_same_answers_before_and_after_they_are_summed(place: Place) -> None:
    minutes = a_night()
    await place.store(minutes)
    await place.check(minutes)
    assert await place.maker.make() > 0
    assert await place.maker.left() == 0
    await place.check(minutes)


async def test_minutes_that_come_late_are_in_the_answers_at_once_and_stay(place: Place) -> None:
    minutes = a_night()
    await place.store(minutes)
    await place.maker.make()
    late = a_night(report="late", at=NIGHT + timedelta(hours=3), hours=2)
    await place.store(late)
    await place.check([*minutes, *late])
    await place.maker.make()
    await place.check([*minutes, *late])
    await place.store(late)  # byte for byte again, as if the ledger had let it through
    await place.check([*minutes, *late])
