"""The two ways of an export, PostgreSQL's COPY and rows as Python's values, on the real database: the same file."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg
import pytest
from pyarrow import parquet

from aggregator.adapters.database import Access
from aggregator.adapters.export_copy import copy_out
from aggregator.adapters.export_landing import landed
from aggregator.adapters.export_writers import Form, Format, form_of, writer_for
from aggregator.errors import NotWritten
from tests.simulators.full_disk import files_end_at, left_in

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True)
class Told:
    """A column."""

    name: str
    kind: str


COLUMNS: Final = [
    Told("at", "time"), Told("day", "date"), Told("name", "text"), Told("n", "integer"), Told("share", "number"),
    Told("is_on", "boolean"), Told("reasons", "texts"),
]  # fmt: skip
# Names that a careless or a wicked operator may give, and values at the edges of their types.
SQL: Final = r"""
SELECT n, at, day, share, is_on, name, reasons FROM (VALUES
    (1::bigint, '2026-11-22 14:05:00+00'::timestamptz, '2026-11-22'::date, 0.1::float8, true, 'p-1', ARRAY['a', 'b']),
    (-2, '2026-11-22 08:05:00.25-06', '1999-12-31', -1e21, false, '=HYPERLINK("x")', ARRAY['=1', NULL, 'c']),
    (9223372036854775807, '2026-11-22 14:05:00.000001+00', NULL, 'NaN', NULL, E'two\nlines, and a comma', '{}'),
    (NULL, NULL, NULL, 'Infinity', NULL, '', NULL),
    (0, '2026-03-08 09:30:00+00', '2026-03-08', 60, true, NULL, ARRAY['']),
    (0, '2026-03-08 09:30:00+00', '2026-03-08', 1.5, true, '''quoted', ARRAY['; ']),
    (0, '2026-03-08 09:30:00+00', '2026-03-08', 1.5, true, E'\t\uff1d1 ñ "said"', ARRAY['-1']),
    (0, '2026-03-08 09:30:00+00', '2026-03-08', 1.5, true, E'\uff1d1', ARRAY['x y']),
    (0, '2026-03-08 09:30:00+00', '2026-03-08', 1.5, true, '\.', ARRAY['x y'])
) AS told (n, at, day, share, is_on, name, reasons) WHERE at IS NULL OR at < $1
"""
# In the select list, so that the server begins to answer before it has made them all.
ENDLESS: Final = "SELECT generate_series(1, 100000000) AS n"
LATER: Final = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
async def connection(empty_database: Access) -> AsyncIterator[Connection]:
    """A connection in a transaction, in a session with habits of its own."""
    opened = await empty_database.connect()
    await opened.execute("SET timezone = 'America/Monterrey'; SET datestyle = 'SQL, DMY'")
    async with opened.transaction(readonly=True):
        yield opened
    await opened.close()


async def copied(connection: Connection, path: Path, sql: str = SQL, columns: Sequence[Told] = COLUMNS) -> int:
    """Export by COPY; how many rows."""
    with landed(path) as landing:
        writer = writer_for(form_of(path.name), landing, columns, facts={})
        parameters = (LATER,) if "$1" in sql else ()
        rows = await copy_out(connection, sql, parameters, columns, writer, timeout_s=90, told=lambda _: None)
        writer.finish()
    return rows


async def by_values(connection: Connection, path: Path) -> None:
    """Export by rows as Python's values."""
    found = await connection.fetch(SQL, LATER)
    with landed(path) as landing:
        writer = writer_for(form_of(path.name), landing, COLUMNS, facts={})
        writer.rows([[row[column.name] for column in COLUMNS] for row in found])
        writer.finish()


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
async def test_both_ways_write_the_same_bytes(connection: Connection, tmp_path: Path, ending: str) -> None:
    assert await copied(connection, tmp_path / f"copied.{ending}") == 9
    await by_values(connection, tmp_path / f"values.{ending}")
    assert (tmp_path / f"copied.{ending}").read_bytes() == (tmp_path / f"values.{ending}").read_bytes()


async def test_both_ways_write_the_same_objects(connection: Connection, tmp_path: Path) -> None:
    assert await copied(connection, tmp_path / "copied.jsonl") == 9
    await by_values(connection, tmp_path / "values.jsonl")
    one, other = (
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("copied", "values")
    )
    assert one == other
    assert [list(each) for each in one] == [[column.name for column in COLUMNS]] * 9


async def test_both_ways_write_the_same_columns(connection: Connection, tmp_path: Path) -> None:
    assert await copied(connection, tmp_path / "copied.parquet") == 9
    await by_values(connection, tmp_path / "values.parquet")
    one, other = (parquet.read_table(tmp_path / f"{name}.parquet") for name in ("copied", "values"))
    assert one.schema == other.schema
    assert str(one.to_pylist()) == str(other.to_pylist())  # by their text: NaN is not itself


async def test_many_rows_come_whole_in_blocks_and_row_groups(connection: Connection, tmp_path: Path) -> None:
    columns = [Told("n", "integer"), Told("name", "text")]
    sql = "SELECT n, 'camera ' || n AS name FROM generate_series(1, 300000) AS n"
    told = list[int]()
    with landed(tmp_path / "a.parquet") as landing:
        writer = writer_for(Form(Format.PARQUET), landing, columns, facts={})
        assert await copy_out(connection, sql, (), columns, writer, timeout_s=90, told=told.append) == 300_000
        writer.finish()
    read = parquet.ParquetFile(tmp_path / "a.parquet")
    assert (read.metadata.num_rows, read.metadata.num_row_groups > 1) == (300_000, True)
    assert sum(read.read(["n"]).column(0).to_pylist()) == 300_000 * 300_001 // 2
    assert told == sorted(told)
    assert (told[-1], len(told) > 1) == (300_000, True)


async def test_a_full_disk_ends_the_query_and_the_connection_goes_on(connection: Connection, tmp_path: Path) -> None:
    async def export() -> None:
        async with connection.transaction():
            await copied(connection, tmp_path / "a.csv", ENDLESS, [Told("n", "integer")])

    with files_end_at(10_000_000), pytest.raises(NotWritten, match="no room"):
        await export()
    assert left_in(tmp_path) == []
    assert await connection.fetchval("SELECT 1") == 1


async def test_one_who_gives_up_leaves_nothing(connection: Connection, tmp_path: Path) -> None:
    columns = [Told("n", "integer")]
    begun = asyncio.Event()

    async def export() -> None:
        with landed(tmp_path / "a.jsonl") as landing:
            writer = writer_for(Form(Format.JSONL), landing, columns, facts={})
            async with connection.transaction():
                await copy_out(connection, ENDLESS, (), columns, writer, timeout_s=60, told=lambda _: begun.set())

    task = asyncio.create_task(export(), name="export")
    await asyncio.wait_for(begun.wait(), 30)
    assert len(left_in(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_in(tmp_path) == []
    assert await connection.fetchval("SELECT 1") == 1
