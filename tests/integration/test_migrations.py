"""Migrations: forward, once, never changed; and schema.sql shows what they make."""

import asyncio
from dataclasses import replace
from importlib.resources import files

import pytest
from dump_schema import dumped

from aggregator.adapters.database import Access
from aggregator.adapters.migrations import Migration, all_migrations, migrate
from aggregator.errors import DatabaseUnwell

ONE = Migration(1, "one", "CREATE TABLE one (a int)")
TWO = Migration(2, "two", "CREATE TABLE two (a int); INSERT INTO one VALUES (2)")


async def applied(access: Access, *steps: Migration) -> tuple[Migration, ...]:
    """Migrate on a connection of its own."""
    connection = await access.connect()
    try:
        return await migrate(connection, steps)
    finally:
        await connection.close()


async def test_steps_are_applied_in_order_and_once(empty_database: Access) -> None:
    assert await applied(empty_database, ONE) == (ONE,)
    assert await applied(empty_database, ONE, TWO) == (TWO,)
    assert await applied(empty_database, ONE, TWO) == ()


async def test_a_changed_step_is_refused(empty_database: Access) -> None:
    await applied(empty_database, ONE)
    with pytest.raises(DatabaseUnwell, match="0001_one is not what this database was made with"):
        await applied(empty_database, replace(ONE, sql="CREATE TABLE one (b int)"), TWO)


async def test_a_failed_step_leaves_nothing_behind(empty_database: Access) -> None:
    wrong = Migration(2, "wrong", "CREATE TABLE two (a int); SELECT nonsense")
    with pytest.raises(DatabaseUnwell, match="0002_wrong failed"):
        await applied(empty_database, ONE, wrong)
    assert await applied(empty_database, ONE, TWO) == (TWO,)


async def test_a_database_ahead_of_the_code_is_left_alone(empty_database: Access) -> None:
    await applied(empty_database, ONE, TWO)
    assert await applied(empty_database, ONE) == ()


async def test_processes_that_start_together_migrate_once(empty_database: Access) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(applied(empty_database, *all_migrations())) for _ in range(4)]
    assert sorted(len(task.result()) for task in tasks) == [0, 0, 0, len(all_migrations())]


def test_schema_sql_is_what_the_migrations_make(database: Access) -> None:
    snapshot = files("aggregator").joinpath("sql", "schema.sql").read_text(encoding="utf-8")
    assert dumped(database.dsn) == snapshot, "run scripts/dump_schema.py"
