"""The embedded PostgreSQL: adopted after a crash, stopped by the last one out, silent about values."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from aggregator.adapters.database import NAME, Access, opened, unwell
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.errors import BadSettings, DatabaseUnwell
from aggregator.settings import Database

CANARY = "CANARY7"


async def answer(server: EmbeddedPostgres, sql: str) -> object:
    """One value from the maintenance database."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def postmaster(folder: Path) -> int:
    """The server's process id."""
    return int((folder / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])


def is_up(folder: Path) -> bool:
    """Whether the server has a pid file: it removes it when it stops."""
    return (folder / "cluster" / "postmaster.pid").exists()


async def test_a_commit_is_durable_and_nothing_listens_on_the_network(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg") as server:
        for setting, value in (("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")):
            assert await answer(server, f"SHOW {setting}") == value
        mode = (tmp_path / "pg").stat().st_mode & 0o777
        assert mode == 0o700


async def test_the_last_one_out_stops_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    with EmbeddedPostgres(folder):
        with EmbeddedPostgres(folder) as second:
            assert await answer(second, "SELECT 1") == 1
        assert is_up(folder)
    assert not is_up(folder)


async def test_a_server_whose_user_was_killed_is_adopted(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    code = "\n".join(
        [
            "import sys, time, pathlib",
            "from aggregator.adapters.embedded_postgres import EmbeddedPostgres",
            "with EmbeddedPostgres(pathlib.Path(sys.argv[1])): print('up', flush=True); time.sleep(60)",
        ]
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"up\n"
        user.kill()
    pid = postmaster(folder)
    with EmbeddedPostgres(folder) as server:
        assert postmaster(folder) == pid
        assert await answer(server, "SELECT 1") == 1
    assert not is_up(folder)


async def test_a_killed_server_is_revived_with_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    with EmbeddedPostgres(folder) as server:
        await answer(server, "CREATE TABLE kept AS SELECT 7 AS n")
        os.kill(postmaster(folder), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while not await asyncio.to_thread(server.revive):
            assert time.monotonic() < deadline
        assert await answer(server, "SELECT n FROM kept") == 7
        assert server.revive() is False


async def test_data_of_another_major_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pg" / "cluster").mkdir(parents=True)
    (tmp_path / "pg" / "cluster" / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(DatabaseUnwell, match="data of PostgreSQL 17, this release brings 18"),
        EmbeddedPostgres(tmp_path / "pg"),
    ):
        pass


async def test_a_path_too_long_for_a_socket_works_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 20)
    with EmbeddedPostgres(folder) as server:
        assert await answer(server, "SELECT 1") == 1


async def test_neither_the_log_nor_our_errors_hold_a_value(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    async with opened(Database(data_dir=folder)) as database:
        assert await database.pool.fetchval("SELECT current_database()") == NAME
        await database.pool.execute("CREATE TABLE t (plate text PRIMARY KEY, n int)")
        await database.pool.execute("INSERT INTO t VALUES ($1, 1)", CANARY)
        with pytest.raises(asyncpg.UniqueViolationError) as twice:
            await database.pool.execute("INSERT INTO t VALUES ($1, 1)", CANARY)
        with pytest.raises(asyncpg.PostgresError) as malformed:
            await database.pool.execute("INSERT INTO t VALUES ('x', 'CANARY7')")
    for error in (twice.value, malformed.value):
        assert CANARY in str(error), "asyncpg no longer tells values; `unwell` may be needless"
        assert CANARY not in str(unwell(error))
    assert CANARY not in (folder / "server.log").read_text()


async def test_a_moment_in_which_no_server_of_several_takes_writes_counts_as_away(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg") as server:
        access = Access(f"{server.dsn('postgres')}&target_session_attrs=standby")
        with pytest.raises(DatabaseUnwell, match="TargetServerAttributeNotMatched"):
            await access.connect()


async def test_a_region_wants_a_server_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"set database\.dsn"):
        async with opened(Database(data_dir=tmp_path / "pg"), role="region"):
            pass
