"""The city's database, for drills: looked into, refused to everybody, or failed over to a second server."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
from stack.city import LocalCity
from stack.process import StackError

from aggregator.adapters.database import NAME
from aggregator.adapters.embedded_postgres import MAINTENANCE_DATABASE, SUPERUSER, EmbeddedPostgres, programs
from aggregator.settings import load
from drills.scene import until

_CUT_ALL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_REFUSED_WITHIN_S = 10.0


def ask(dsn: str, query: str, *values: object) -> Any:  # a value of whatever type the query says
    """One value of a database."""

    async def asking() -> Any:
        connection = await asyncpg.connect(dsn, timeout=15)
        try:
            return await connection.fetchval(query, *values)
        finally:
            await connection.close()

    return asyncio.run(asking())


def dsn_of(city: LocalCity) -> str:
    """Where the city's database is."""
    database = load(city.config).database
    return database.dsn or EmbeddedPostgres(database.data_dir).dsn(NAME)


@contextmanager
def refused(city: LocalCity) -> Iterator[None]:
    """The embedded server lets nobody in, and cuts those who are."""
    cluster = city.home / "postgres" / "cluster"
    dsn, rules = dsn_of(city), cluster / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all all reject\n")
    asyncio.run(_shut_out_all(dsn))
    try:
        yield
    finally:
        rules.write_text(before)
        os.kill(_server_pid(cluster), signal.SIGHUP)


async def _shut_out_all(dsn: str) -> None:
    """Have the new rules read; once they hold, cut those who came in under the old ones."""
    last = await asyncpg.connect(dsn, timeout=15)
    try:
        await last.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(_REFUSED_WITHIN_S):
            while await _is_let_in(dsn):
                pass  # each try is a round trip
        await last.execute(_CUT_ALL)
    finally:
        await last.close()


async def _is_let_in(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=15)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    await connection.close()
    return True


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers: the second has every commit of the first before the first says so."""

    first: EmbeddedPostgres
    second: EmbeddedPostgres
    first_cluster: Path

    @property
    def dsn(self) -> str:
        """Either, whichever takes writes."""
        hosts = ",".join(quote(_socket(server)) for server in (self.first, self.second))
        return f"postgresql://{SUPERUSER}@/{NAME}?host={hosts}&target_session_attrs=read-write"

    def fail_over(self) -> None:
        """kill -9 of the first; the second takes over."""
        os.kill(_server_pid(self.first_cluster), signal.SIGKILL)
        if not ask(self.second.dsn(MAINTENANCE_DATABASE), "SELECT pg_promote(wait_seconds => 30)"):
            raise StackError("the second server did not take over")


@contextmanager
def pair_of(cluster: Path, folder: Path) -> Iterator[Pair]:
    """Two servers under a folder, the first with a stopped server's data, the second following it synchronously."""
    with ExitStack() as stack:
        for name in ("first", "second"):
            (folder / name).mkdir(mode=0o700, parents=True)
        subprocess.run(["cp", "-a", str(cluster), str(folder / "first" / "cluster")], check=True)
        first = stack.enter_context(EmbeddedPostgres(folder / "first"))
        _let_replicas_in(folder / "first" / "cluster")
        ask(first.dsn(MAINTENANCE_DATABASE), "SELECT pg_reload_conf()")
        _copy(first, folder / "second" / "cluster")
        second = stack.enter_context(EmbeddedPostgres(folder / "second"))
        _wait_for_every_commit(first)
        yield Pair(first, second, folder / "first" / "cluster")


def _let_replicas_in(cluster: Path) -> None:
    owner = cluster.stat().st_uid
    with (cluster / "pg_hba.conf").open("a") as rules, (cluster / "pg_ident.conf").open("a") as names:
        rules.write("local replication all peer map=owner\n")
        names.write(f"owner {_name_of(owner)} {SUPERUSER}\n")


def _copy(first: EmbeddedPostgres, cluster: Path) -> None:
    argv = [programs() / "pg_basebackup", "-D", cluster, "-d", first.dsn(MAINTENANCE_DATABASE), "-R", "-X", "stream"]
    done = subprocess.run([*map(str, argv), "-c", "fast"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"pg_basebackup failed: {done.stderr.strip()}")
    if os.geteuid() == 0:
        for path in (cluster, *cluster.rglob("*")):
            shutil.chown(path, "nobody")


def _wait_for_every_commit(first: EmbeddedPostgres) -> None:
    dsn = first.dsn(MAINTENANCE_DATABASE)
    until(lambda: ask(dsn, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1, "the replica")
    ask(dsn, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    ask(dsn, "SELECT pg_reload_conf()")
    until(lambda: ask(dsn, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1, "a sync replica")


def _server_pid(cluster: Path) -> int:
    return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])


def _socket(server: EmbeddedPostgres) -> str:
    return parse_qs(urlsplit(server.dsn(NAME)).query)["host"][0]


def _name_of(user: int) -> str:
    return pwd.getpwuid(user).pw_name
