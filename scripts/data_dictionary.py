"""Write docs/data-dictionary.md: every table and view of the database, from its own comments.

.venv/bin/python scripts/data_dictionary.py [--check]

Comments are made by the migrations (`COMMENT ON`). Whoever adds a table or a column says there in one line what it is,
with its unit; a test finds what has none.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import asyncpg

from aggregator.adapters.database import Connection, opened
from aggregator.settings import Database

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"
HEAD = """# Data dictionary

Written by `scripts/data_dictionary.py` from the comments in the database; in `psql`, `\\d+ ask.alert` shows the same.

Analysts ask the views of schema `ask`, which show each asker the cities that he may read ([analysts](analyst.md)). The
tables behind them (schema `public`) are the service's; [storage](storage.md) says how they hang together. Times are
`timestamptz`, kept in UTC. With TimescaleDB `camera_hour`, `city_hour` and `camera_day` are views over its aggregates,
with the same columns.
"""
SCHEMAS = {"ask": "Schema ask: what may be asked", "public": "Schema public: the tables"}
QUERY = """
SELECT nspname, relname, relkind::text, obj_description(pg_class.oid, 'pg_class') AS about, attname,
       format_type(atttypid, NULL) AS type, attnotnull, col_description(pg_class.oid, attnum) AS column_about,
       EXISTS (SELECT FROM pg_constraint
               WHERE conrelid = pg_class.oid AND contype = 'p' AND attnum = ANY (conkey)) AS is_key,
       ARRAY(SELECT DISTINCT confrelid::regclass::text FROM pg_constraint
             WHERE conrelid = pg_class.oid AND contype = 'f' AND attnum = ANY (conkey)) AS points_to
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition AND attnum > 0 AND NOT attisdropped
  AND nspname = ANY ($1)
ORDER BY array_position($1, nspname::text), relname, attnum
"""


@dataclass(frozen=True)
class Column:
    """A column: its type, whether it is of the key, which tables it points to, what it is."""

    name: str
    type: str
    is_key: bool
    points_to: tuple[str, ...]
    about: str | None


@dataclass(frozen=True)
class Relation:
    """A table or view, and what it is."""

    schema: str
    name: str
    about: str | None
    columns: tuple[Column, ...]


async def relations(connection: Connection) -> tuple[Relation, ...]:
    """Every table and view, `ask` first."""
    found = await connection.fetch(QUERY, list(SCHEMAS))
    made = []
    for (schema, name, about), rows in groupby(found, key=lambda row: (row["nspname"], row["relname"], row["about"])):
        columns = tuple(
            Column(row["attname"], _type(row), row["is_key"], tuple(row["points_to"]), row["column_about"])
            for row in rows
        )
        made.append(Relation(schema, name, about, columns))
    return tuple(made)


def silent(found: Iterable[Relation]) -> list[str]:
    """What has no comment."""
    tables = [f"{each.schema}.{each.name}" for each in found if not each.about]
    columns = [
        f"{each.schema}.{each.name}.{column.name}" for each in found for column in each.columns if not column.about
    ]
    return tables + columns


def page(found: Sequence[Relation]) -> str:
    """The document."""
    lines = [HEAD]
    for schema, title in SCHEMAS.items():
        lines += [f"## {title}", ""]
        for each in found:
            if each.schema == schema:
                lines += _section(each)
    return "\n".join(lines).rstrip() + "\n"


def _section(relation: Relation) -> list[str]:
    heading = f"### {relation.schema}.{relation.name}" if relation.schema != "public" else f"### {relation.name}"
    has_keys = any(column.is_key or column.points_to for column in relation.columns)
    names = ("column", "type", "key", "what") if has_keys else ("column", "type", "what")
    lines = [heading, "", relation.about or "", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for column in relation.columns:
        cells = [f"`{column.name}`", column.type, *([_key(column)] if has_keys else []), column.about or ""]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _key(column: Column) -> str:
    own = ["key"] if column.is_key else []
    return ", ".join([*own, *(f"of `{table}`" for table in column.points_to)])


def _type(row: asyncpg.Record) -> str:
    text = str(row["type"]).replace("timestamp with time zone", "timestamptz")
    return f"{text}, may be none" if row["relkind"] in ("r", "p") and not row["attnotnull"] else text


async def of_migrations() -> tuple[Relation, ...]:
    """What the migrations make of an empty database."""
    with tempfile.TemporaryDirectory(prefix="atalaya-dictionary-") as folder:
        async with (
            opened(Database(data_dir=Path(folder, "postgres"))) as database,
            database.pool.acquire() as connection,
        ):
            return await relations(connection)


def main(arguments: list[str]) -> int:
    """Write the document, or with --check say whether it is up to date."""
    found = asyncio.run(of_migrations())
    if missing := silent(found):
        sys.stderr.write(f"no comment on: {', '.join(missing)}\n")
        return 1
    if "--check" in arguments:
        if PAGE.read_text(encoding="utf-8") != page(found):
            sys.stderr.write(f"{PAGE} is not what the database says: run scripts/data_dictionary.py\n")
            return 1
        return 0
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"{PAGE.name}: {len(found)} tables and views, {sum(len(each.columns) for each in found)} columns")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
