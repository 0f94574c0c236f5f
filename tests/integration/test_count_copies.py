"""What is copied of counts that TimescaleDB keeps is what plain PostgreSQL keeps: names, columns, types, days."""

from collections.abc import AsyncIterator

import pytest

from aggregator.adapters.database import Access, Connection
from aggregator.adapters.database_tables import fingerprint, partitions, sequences, settle, sources
from aggregator.adapters.timescale import Kind, turned_on

STORED = """
INSERT INTO camera_minute
SELECT '2026-11-21 10:00Z'::timestamptz + make_interval(hours => n), 'p-1', 'cam-1', 'saltillo', 'box-1',
       sha256(n::text::bytea), 1, 60000, 1500, 600, 900, 0, 0, 0, n, n, 0, 0, 0, 0, 9000, 3000, 60000, 0
FROM generate_series(0, 30) AS n
"""


async def found(connection: Connection) -> tuple[dict[str, list[str]], list[str]]:
    """Each table that is copied with the types of its columns, and the sequences."""
    tables = {}
    for each in await sources(connection):
        attributes = (await connection.prepare(each.sql)).get_attributes()
        tables[each.name] = [f"{one.name} {one.type.name}" for one in attributes]
    return tables, [each.name for each in await sequences(connection)]


@pytest.fixture
async def plain(database: Access) -> AsyncIterator[Connection]:
    connection = await database.connect()
    yield connection
    await connection.close()


@pytest.fixture
async def turned(timescale: Access) -> AsyncIterator[Connection]:
    """TimescaleDB turned on, with 31 hours of a camera in it."""
    connection = await timescale.connect()
    assert (await turned_on(connection)).kind is Kind.TIMESCALE
    await connection.execute("INSERT INTO city VALUES ('saltillo', 'Saltillo', 'America/Monterrey')")
    await connection.execute(
        "INSERT INTO point (point_id, city_id, name, latitude, longitude) VALUES ('p-1', 'saltillo', 'Uno', 25.4, -101)"
    )
    await connection.execute(STORED)
    yield connection
    await connection.close()


async def test_a_copy_has_the_same_tables_columns_and_types_on_both_engines(
    plain: Connection, turned: Connection
) -> None:
    assert await found(turned) == await found(plain)


async def test_chunks_come_as_the_days_that_they_are_elsewhere(plain: Connection, turned: Connection) -> None:
    for day in ("2026-11-21", "2026-11-22"):
        await plain.execute("SELECT add_camera_minute_day($1::text::date)", day)
    async with plain.transaction(), turned.transaction():
        for connection in (plain, turned):
            await settle(connection)
        days = [each for each in await partitions(plain) if each.bounds != "DEFAULT"]
        assert await partitions(turned) == tuple(days)


async def test_rows_have_the_same_fingerprint_on_both_engines(plain: Connection, turned: Connection) -> None:
    await plain.execute(STORED)
    prints = []
    for connection in (plain, turned):
        async with connection.transaction():
            await settle(connection)
            (minutes,) = [each for each in await sources(connection) if each.name == "public.camera_minute"]
            prints.append(await fingerprint(connection, minutes))
    assert prints[0] == prints[1]
    assert prints[0][0] == 31
