"""Write aggregator/sql/schema.sql: what the migrations make of an empty database, for readers.

.venv/bin/python scripts/dump_schema.py [--check]
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from aggregator.adapters.database import NAME, opened
from aggregator.adapters.embedded_postgres import programs
from aggregator.settings import Database

SCHEMA = Path(__file__).resolve().parent.parent / "aggregator" / "sql" / "schema.sql"
HEAD = "-- What the migrations make, for readers; nothing runs this. Written by scripts/dump_schema.py.\n"


def dumped(dsn: str) -> str:
    """The schema of a database, without what differs from run to run."""
    argv = [str(programs() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", f"--dbname={dsn}"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    noise = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")
    lines = [line for line in text.splitlines() if line and not line.startswith(noise)]
    return HEAD + "".join(f"\n{line}\n" if line.startswith("CREATE") else f"{line}\n" for line in lines)


async def of_migrations() -> str:
    """The schema that the migrations make of an empty database."""
    with tempfile.TemporaryDirectory(prefix="atalaya-schema-") as folder:
        async with opened(Database(data_dir=Path(folder, "postgres"))) as database:
            return await asyncio.to_thread(dumped, database.access.dsn)


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is up to date."""
    schema = asyncio.run(of_migrations())
    if "--check" in arguments:
        if schema != SCHEMA.read_text(encoding="utf-8"):
            sys.stderr.write(f"{SCHEMA} is not what the migrations make: run scripts/dump_schema.py\n")
            return 1
        return 0
    SCHEMA.write_text(schema, encoding="utf-8")
    print(f"{SCHEMA.name}: {len(schema.splitlines())} lines of database {NAME}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
