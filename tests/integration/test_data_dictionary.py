"""The data dictionary: everything in the database says what it is, and the document says the same."""

import pytest
from data_dictionary import PAGE, Relation, page, relations, silent

from aggregator.adapters.database import Pool


@pytest.fixture
async def found(pool: Pool) -> tuple[Relation, ...]:
    """Every table and view of this release."""
    async with pool.acquire() as connection:
        return await relations(connection)


async def test_every_table_and_column_says_what_it_is(found: tuple[Relation, ...]) -> None:
    assert silent(found) == [], "say it in the migration that makes it: COMMENT ON ..."
    assert {"ask.hit", "public.hit"} <= {f"{each.schema}.{each.name}" for each in found}


async def test_what_says_nothing_is_found(pool: Pool) -> None:
    await pool.execute("CREATE TABLE later (one text, two text)")
    await pool.execute("COMMENT ON COLUMN later.two IS 'The second'")
    async with pool.acquire() as connection:
        assert silent(await relations(connection)) == ["public.later", "public.later.one"]


async def test_the_document_says_what_the_database_says(found: tuple[Relation, ...]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found), "run scripts/data_dictionary.py"


async def test_no_comment_is_longer_than_a_line_or_breaks_the_table(found: tuple[Relation, ...]) -> None:
    told = [column.about for each in found for column in each.columns] + [each.about for each in found]
    assert [about for about in told if about and ("|" in about or "\n" in about or len(about) > 200)] == []
