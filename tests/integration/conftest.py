"""Real things for integration tests: PostgreSQL, mosquitto with mTLS, an installation with its keys.

The server is started once per session; its template database is migrated once and cloned for each test. Each test that
asks for a broker gets one of its own, on a free port, with the configuration and keys that `aggregator init` writes.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import pytest

from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.founding import Passphrases, found
from aggregator.adapters.migrations import migrate
from aggregator.core.founding import Plan
from aggregator.settings import Settings
from tests.simulators.asked_city import seed
from tests.simulators.broker import Broker, free_port
from tests.simulators.disk_in_memory import in_memory
from tests.simulators.enrolment import CITY, Box, enrol, found_registry
from tests.simulators.timescale_server import TimescaleServer, lacking

TEMPLATE = "template_atalaya"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The embedded PostgreSQL, with a migrated template database. Its files are in memory where there is room."""
    with in_memory() as folder, EmbeddedPostgres(folder or tmp_path_factory.mktemp("postgres")) as server:
        asyncio.run(_make_template(server))
        yield server


async def _make_template(server: EmbeddedPostgres) -> None:
    # An ANALYZE that begins by itself is a transaction like others: the auditor and the folding of lines wait for it.
    await _administer(server, "ALTER SYSTEM SET autovacuum = off")
    await _administer(server, "SELECT pg_reload_conf()")
    await _administer(server, f"CREATE DATABASE {TEMPLATE}")
    await _migrate(server.dsn(TEMPLATE))


async def _migrate(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.close()


async def _administer(server: EmbeddedPostgres, sql: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(sql)
    await connection.close()


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[TimescaleServer]:
    """A server with the real TimescaleDB; each database of it begins as the migrations left the first."""
    if (reason := lacking()) is not None:
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    with TimescaleServer() as server:
        asyncio.run(_migrate(server.dsn))
        server.keep("migrated")
        yield server


@pytest.fixture
def timescale(timescale_server: TimescaleServer) -> Access:
    """A migrated database of the test's own on TimescaleDB. It takes one connection at a time."""
    timescale_server.fresh("migrated")
    return Access(timescale_server.dsn)


@pytest.fixture(scope="session")
def asked_database(postgres: EmbeddedPostgres) -> Access:
    """A migrated database with the story of two cities in it, for tests that leave it as it is."""
    return asyncio.run(_tell_story(postgres))


async def _tell_story(server: EmbeddedPostgres) -> Access:
    name = f"story_{secrets.token_hex(6)}"
    await _administer(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    connection = await asyncpg.connect(server.dsn(name))
    await seed(connection)
    await connection.close()
    return Access(server.dsn(name))


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[Access]:
    """A database with nothing in it."""
    name = f"test_{secrets.token_hex(6)}"
    await _administer(postgres, f"CREATE DATABASE {name}")
    yield Access(postgres.dsn(name))
    await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Access]:
    """A migrated database of the test's own."""
    name = f"test_{secrets.token_hex(6)}"
    await _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield Access(postgres.dsn(name))
    await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(database: Access) -> AsyncIterator[Pool]:
    """A pool onto the test's database."""
    async with pooled(database, 8) as connections:
        yield connections


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation's keys and files. Tests take `installation`, which has ports and a database."""
    plan = Plan(city=CITY, name="Saltillo", workers=2)
    secret = Passphrases(root=b"a root passphrase", evidence=b"an evidence passphrase")
    return found(tmp_path_factory.mktemp("founded") / "installation", plan, secret, now=datetime.now(UTC))


@pytest.fixture
def installation(founded: Settings, database: Access, tmp_path: Path) -> Settings:
    """Settings with the test's database, free ports and folders of the test's own."""
    replace = msgspec.structs.replace
    return replace(
        founded,
        evidence_dir=tmp_path / "evidence",
        database=replace(founded.database, dsn=database.dsn),
        broker=replace(founded.broker, port=free_port()),
        mosquitto=replace(founded.mosquitto, directory=tmp_path / "broker"),
        ingest=replace(founded.ingest, workers=1),  # tests look at the one in their own process
        alerts=replace(founded.alerts, webhooks_dir=tmp_path / "webhooks"),
        http=replace(founded.http, port=free_port(), enrol_port=free_port(), health_port=free_port()),
    )


@pytest.fixture
def broker(installation: Settings) -> Iterator[Broker]:
    """A mosquitto of the test's own, running."""
    with Broker(installation) as running:
        yield running


@pytest.fixture
async def registry(pool: Pool) -> Pool:
    """A registry with the test city and one point, `p-1`, and its camera."""
    await found_registry(pool)
    return pool


@pytest.fixture
async def box(registry: Pool, installation: Settings, tmp_path: Path) -> Box:
    """One enrolled device, `box-1`, at `p-1`."""
    return await enrol(registry, installation, "box-1", tmp_path)
