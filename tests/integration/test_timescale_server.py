"""The TimescaleDB that tests run on: the real extension, and each connection begins clean."""

import asyncpg
import pytest

from aggregator.adapters.database import Access


async def test_it_is_the_real_extension_in_its_community_edition(timescale: Access) -> None:
    connection = await timescale.connect()
    await connection.execute("CREATE TABLE sample (at timestamptz NOT NULL, value bigint)")
    await connection.execute("SELECT create_hypertable('sample', by_range('at', interval '1 day'))")
    await connection.execute(
        "INSERT INTO sample SELECT now() - n * interval '1 hour', n FROM generate_series(1, 72) AS n"
    )
    await connection.execute("ALTER TABLE sample SET (timescaledb.compress)")
    packed = await connection.fetch("SELECT compress_chunk(chunk) FROM show_chunks('sample') AS chunk")
    license_of_it = await connection.fetchval("SHOW timescaledb.license")
    await connection.close()
    assert (license_of_it, len(packed) >= 3) == ("timescale", True)


async def test_what_a_connection_leaves_behind_is_gone_before_the_next(timescale: Access) -> None:
    connection = await timescale.connect()
    await connection.execute("CREATE ROLE somebody")
    await connection.execute("SELECT pg_advisory_lock(7)")
    await connection.fetchval("SELECT $1::int", 1)  # a prepared statement, named as the next connection names its first
    await connection.execute("BEGIN; CREATE TABLE never (a int); SET ROLE somebody")
    await connection.close()
    connection = await timescale.connect()
    left = await connection.fetchrow(
        "SELECT current_user AS who, to_regclass('never') AS unfinished,"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,"
        " (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1) AS prepared",
        "SELECT $1::int%",
    )
    await connection.close()
    assert left is not None
    assert tuple(left) == ("postgres", None, 0, 0)


async def test_an_error_ends_its_statement_and_not_the_connection(timescale: Access) -> None:
    connection = await timescale.connect()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.fetchval("SELECT 1 / $1::int", 0)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="neither COPY nor LISTEN"):
        await connection.copy_records_to_table("city", records=[("c",)], columns=["city_id"])
    async with connection.transaction():
        rows = [row["n"] async for row in connection.cursor("SELECT n FROM generate_series(1, 5) AS n", prefetch=2)]
    await connection.close()
    assert rows == [1, 2, 3, 4, 5]
