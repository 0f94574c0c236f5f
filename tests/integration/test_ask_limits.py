"""City limits of the asking surface, on a real PostgreSQL: each view, each asker, each way around that comes to mind.

The tests walk every view of the schema, so that one that is added later is held to the same.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from aggregator.adapters.database import Access, Connection, Pool, pooled
from aggregator.adapters.embedded_postgres import ANALYSTS
from tests.simulators.asked_city import CITIES

VIEWS = "SELECT relname FROM pg_class WHERE relnamespace = 'ask'::regnamespace AND relkind IN ('v', 'm') ORDER BY 1"
PLATES = "hit_plate"
BROWSE = "SELECT DISTINCT city FROM ask.{} ORDER BY 1"


@pytest.fixture
async def asked(asked_database: Access) -> AsyncIterator[Pool]:
    """A database with the story of two cities."""
    async with pooled(asked_database, 2) as connections:
        yield connections


@pytest.fixture
async def analyst(asked: Pool, asked_database: Access) -> AsyncIterator[Connection]:
    """A connection of a role of its own, who may read Saltillo."""
    role = f"analyst-{secrets.token_hex(4)}"
    async with asked.acquire() as connection:
        await connection.execute(
            f"DO $$ BEGIN CREATE ROLE {ANALYSTS} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            f'CREATE ROLE "{role}" LOGIN IN ROLE {ANALYSTS}; GRANT USAGE ON SCHEMA ask TO "{role}"'
        )
        await connection.execute("INSERT INTO city_reader VALUES ($1, 'saltillo')", role)
    login = await asyncpg.connect(asked_database.dsn, user=role)
    try:
        yield login
    finally:
        await login.close()
        await asked.execute("DELETE FROM city_reader WHERE role_name = $1", role)
        await asked.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


async def views(asked: Pool) -> list[str]:
    """Every view of the asking surface."""
    return [row[0] for row in await asked.fetch(VIEWS)]


async def seen(connection: Connection, names: list[str]) -> dict[str, list[str]]:
    """The cities that a connection sees through each view."""
    return {name: [row[0] for row in await connection.fetch(BROWSE.format(name))] for name in names}


async def test_a_service_that_says_nothing_sees_nothing(asked: Pool) -> None:
    names = await views(asked)
    assert {"event", "hit", "alert", PLATES} <= set(names)
    async with asked.acquire() as connection:
        assert await seen(connection, names) == {name: [] for name in names}


@pytest.mark.parametrize("said", ["", " ", "nowhere", "saltillo%", "*,", "saltillo acuna", "SALTILLO"])
async def test_what_names_no_city_shows_none(asked: Pool, said: str) -> None:
    async with asked.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('atalaya.cities', $1, true)", said)
        assert await connection.fetchval("SELECT ask.visible_cities()") == []


@pytest.mark.parametrize(
    ("said", "cities"), [("*", list(CITIES)), ("saltillo", ["saltillo"]), ("acuna,saltillo", list(CITIES))]
)
async def test_a_service_sees_what_it_says_through_every_view(asked: Pool, said: str, cities: list[str]) -> None:
    names = await views(asked)
    async with asked.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('atalaya.cities', $1, true)", said)
        assert await seen(connection, names) == dict.fromkeys(names, cities)


async def test_what_one_transaction_said_is_forgotten_by_the_next(asked: Pool) -> None:
    async with asked.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SET LOCAL atalaya.cities = '*'")
            assert await connection.fetchval("SELECT ask.visible_cities()") == list(CITIES)
        assert await connection.fetchval("SELECT ask.visible_cities()") == []


@pytest.mark.parametrize("said", [None, "acuna", "*", "saltillo,acuna", "{acuna}"])
async def test_an_analyst_sees_his_city_and_no_more_whatever_he_sets(
    asked: Pool, analyst: Connection, said: str | None
) -> None:
    if said is not None:
        await analyst.execute("SELECT set_config('atalaya.cities', $1, false)", said)
    names = [name for name in await views(asked) if name != PLATES]
    assert await seen(analyst, names) == {name: ["saltillo"] for name in names}


async def test_an_analyst_of_no_city_sees_nothing_at_once(asked: Pool, analyst: Connection) -> None:
    names = [name for name in await views(asked) if name != PLATES]
    await asked.execute("DELETE FROM city_reader")
    assert await seen(analyst, names) == {name: [] for name in names}


async def test_an_analyst_reads_no_plate_no_table_and_writes_nothing(asked: Pool, analyst: Connection) -> None:
    tables = await asked.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    attempts = [
        f"TABLE ask.{PLATES}",
        "DELETE FROM ask.city",
        "UPDATE ask.city SET name = 'mine'",
        "INSERT INTO public.city_reader VALUES (current_user, 'acuna')",
        "SET ROLE postgres",
        "CREATE TABLE public.mine (a int)",
        "CREATE VIEW ask.mine AS SELECT 1 AS one",
        *(f"SELECT FROM public.{row['relname']}" for row in tables),
    ]
    for attempt in attempts:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await analyst.execute(attempt)


async def test_no_other_view_has_a_plate_in_it(asked: Pool) -> None:
    named = """
        SELECT relname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'ask'::regnamespace AND attname IN ('plate', 'observed')
    """
    assert {row["relname"] for row in await asked.fetch(named)} == {PLATES}
    async with asked.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL atalaya.cities = '*'")
        for name in await views(asked):
            rows = await connection.fetch(f"SELECT DISTINCT each::text FROM ask.{name} AS each")  # noqa: S608
            told = [row[0] for row in rows if any(word in row[0] for word in ("ABC123D", "XYZ987A", "QRS456B"))]
            assert bool(told) == (name == PLATES), name


async def test_a_function_of_the_askers_own_sees_no_row_of_another_city(asked: Pool, analyst: Connection) -> None:
    """A predicate that tells what it is given: the views hold it off until the city is decided (security_barrier)."""
    heard: list[str] = []
    analyst.add_log_listener(lambda _, message: heard.append(str(message.message)))
    await analyst.execute(
        "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    for name in await views(asked):
        if name != PLATES:
            await analyst.fetch(f"SELECT FROM ask.{name} WHERE pg_temp.tell(city::text)")
    await asyncio.sleep(0)
    assert set(heard) == {"saltillo"}


async def test_every_view_and_column_says_what_it_is(asked: Pool) -> None:
    dumb = """
        SELECT relname, attname FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
        WHERE relnamespace = 'ask'::regnamespace AND relkind IN ('v', 'm')
          AND (obj_description(pg_class.oid) IS NULL OR col_description(pg_class.oid, attnum) IS NULL)
    """
    assert await asked.fetch(dumb) == []
