"""Measure what analysts wait for: `scripts/bench_queries.py [--rows N] [--days N] [--keep DIR]`.

Fills the embedded PostgreSQL with N rows of minute reports of 1,287 cameras (20 million are eleven days) and a year of
hourly sums, leaves the notes of the running seconds in place, and asks the questions of the dashboards and others
through the views of schema `ask`, with nothing between us and the database that remembers an answer.

    cold    the server has just started, and the kernel has dropped its files: the first time that each is asked
    warm    the same with other cities, points and cameras each time

Every answer is compared with the same question asked of the minutes themselves, and every plan is looked at: one that
reads days of minutes that the question is not about counts as wrong. The last line is JSON: p50 and p95 are the
dashboards', warm.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import asyncpg
import cyclopts
from asked.filling import CAMERAS, CITIES, POINTS, Span, fill
from asked.questions import FORGET_PLAIN, PLAIN_DAY, PLAIN_HOUR, QUESTIONS, Question
from rich.console import Console
from rich.table import Table

from aggregator.adapters.database import NAME, Connection, opened
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.settings import Database

SEED: Final = 20_261_122
TIMES: Final = 20
# Coverage is added up in floating point, in another order.
SAME: Final = 1e-9

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(slots=True)
class Asked:
    """What one question took and what was wrong with it."""

    question: Question
    cold_ms: float
    warm_ms: list[float] = field(default_factory=list)
    rows: int = 0
    wrong: list[str] = field(default_factory=list)
    days_read: int = 0

    @property
    def p95_ms(self) -> float:
        """Of the warm times."""
        return p95(self.warm_ms)


def p95(times_ms: Sequence[float]) -> float:
    """The 95th percentile."""
    return quantiles(times_ms, n=20, method="inclusive")[-1]


@dataclass(slots=True)
class Bench:
    """A filled database, and who asks it."""

    folder: Path
    span: Span
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    async def connect(self, server: EmbeddedPostgres) -> "asyncpg.Connection[asyncpg.Record]":
        """As the service asks for somebody who may see every city."""
        connection = await asyncpg.connect(server.dsn(NAME))
        await connection.execute("SET atalaya.cities = '*'")
        return connection

    def parameters(self, question: Question) -> list[object]:
        """From when, to when, and a place at random."""
        number = self.rng.randrange(CAMERAS)
        places = {
            "city": f"city-{self.rng.randrange(CITIES) + 1}",
            "point": f"p-{number % POINTS + 1}",
            "camera": f"cam-{number // POINTS + 1}",
        }
        return [self.span.to - question.span, self.span.to, *(places[each] for each in question.wants.split())]

    async def cold(self, question: Question) -> float:
        """Milliseconds of the first time after a start, nothing of the files in memory."""
        forget(self.folder)
        with EmbeddedPostgres(self.folder) as server:
            connection = await self.connect(server)
            took_ms = await timed_ms(connection, question, self.parameters(question))
            await connection.close()
        return took_ms

    async def warm(self, asked: Asked, connection: Connection) -> None:
        """Ask many times over, each time of another place; then look at an answer and its plan."""
        question = asked.question
        await connection.fetch(question.sql, *self.parameters(question))
        for _ in range(TIMES):
            asked.warm_ms.append(await timed_ms(connection, question, self.parameters(question)))
        await self.check(asked, connection)

    async def check(self, asked: Asked, connection: Connection) -> None:
        """Hold an answer to the plain one, and its plan to the days that it needs."""
        question, parameters = asked.question, self.parameters(asked.question)
        rows = await connection.fetch(question.sql, *parameters)
        plain = await connection.fetch(question.plain, *parameters)
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {question.sql}", *parameters)
        asked.rows, asked.days_read = len(rows), len(set(days_read(json.loads(plan)[0]["Plan"])))
        if not is_same(rows, plain):
            asked.wrong.append("another answer than the minutes give")
        if asked.days_read > self.days_needed(question):
            asked.wrong.append("reads days of minutes that it does not need")

    def days_needed(self, question: Question) -> int:
        """How many days of minutes a plan may read: those of the question, or of the running hour for its notes."""
        if question.view != "minute":
            return 1
        return sum(to_at > self.span.to - question.span for _, to_at in self.span.days)


async def timed_ms(connection: Connection, question: Question, parameters: list[object]) -> float:
    """Milliseconds from asking until every row is here."""
    started = time.perf_counter()
    await connection.fetch(question.sql, *parameters)
    return (time.perf_counter() - started) * 1000


def is_same(rows: Sequence[asyncpg.Record], plain: Sequence[asyncpg.Record]) -> bool:
    """Whether two answers say the same."""
    return len(rows) == len(plain) and all(
        abs(one - other) <= SAME * max(abs(one), abs(other)) if isinstance(one, float) else one == other
        for row, beside in zip(rows, plain, strict=True)
        for one, other in zip(row, beside, strict=True)
    )


def days_read(node: dict[str, Any]) -> Iterator[str]:
    """The partitions that a plan did read. `Any`: it is PostgreSQL's own tree."""
    relation = node.get("Relation Name", "")
    if relation.startswith("camera_minute_2") and node["Actual Loops"]:
        yield relation
    for child in node.get("Plans", ()):
        yield from days_read(child)


def forget(folder: Path) -> None:
    """Have the kernel drop the files of a server that does not run."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


@contextmanager
def quick_to_fill(folder: Path) -> Iterator[None]:
    """Without a log of what is written: a fill that dies is begun again."""
    asyncio.run(_alter(folder, "ALTER SYSTEM SET wal_level = minimal", "ALTER SYSTEM SET max_wal_senders = 0"))
    try:
        yield
    finally:
        asyncio.run(_alter(folder, "ALTER SYSTEM RESET ALL"))


async def _alter(folder: Path, *commands: str) -> None:
    with EmbeddedPostgres(folder) as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        for command in commands:
            await connection.execute(command)
        await connection.close()


async def filled(bench: Bench) -> None:
    """Migrate and fill, and make what answers are held to."""
    async with opened(Database(data_dir=bench.folder)) as database:
        connection = await database.access.connect()
        with console.status("fill") as status:
            started = time.perf_counter()

            def tell(what: str) -> None:
                status.update(f"fill: {what} ({time.perf_counter() - started:.0f} s)")

            await fill(connection, bench.span, tell)
            console.print(f"filled in {time.perf_counter() - started:.0f} s")
        await connection.close()


async def measured(bench: Bench) -> tuple[list[Asked], int, float]:
    """Every question, cold and warm; how many rows of minutes there are, and bytes each."""
    with console.status("cold") as status:
        asked = []
        for question in QUESTIONS:
            status.update(f"cold: {question.words}")
            asked.append(Asked(question, await bench.cold(question)))
    with EmbeddedPostgres(bench.folder) as server, console.status("warm") as status:
        connection = await bench.connect(server)
        status.update("the plain sums of the minutes")
        for command in (FORGET_PLAIN, PLAIN_HOUR, PLAIN_DAY, "ANALYZE plain_minutes, plain_day"):
            await connection.execute(command)
        for each in asked:
            status.update(f"warm: {each.question.words}")
            await bench.warm(each, connection)
        rows = await connection.fetchval("SELECT count(*) FROM camera_minute")
        size = await connection.fetchval(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'camera_minute'::regclass"
        )
        await connection.execute(FORGET_PLAIN)
        await connection.close()
    return asked, rows, float(size) / rows


@app.default
def main(*, rows: int = 2_000_000, days: int = 365, keep: Path | None = None) -> int:
    """Run the benchmark.

    Parameters
    ----------
    rows
        How many rows of minute reports; 20,000,000 are eleven days, about 5.5 GB.
    days
        How many days of hourly sums; a year is about 2.5 GB.
    keep
        Leave the filled database in this folder, and measure the one that is there without filling it again.
    """
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as scratch:
        folder = keep or Path(scratch)
        said, is_new = folder / "span.json", True
        if keep and said.exists():
            bench, is_new = Bench(folder, Span(*map(datetime.fromisoformat, json.loads(said.read_text())))), False
        else:
            bench = Bench(folder, Span.of(rows, days, datetime.now(UTC)))
        if is_new:
            with quick_to_fill(folder):
                asyncio.run(filled(bench))
            span = (bench.span.hours_from, bench.span.minutes_from, bench.span.to)
            said.write_text(json.dumps([each.isoformat() for each in span]))
        asked, count, row_bytes = asyncio.run(measured(bench))
    figures = _figures(asked, count, row_bytes)
    _show(asked, count, row_bytes)
    print(json.dumps(figures), flush=True)
    return 1 if figures["wrong"] else 0


def _figures(asked: Sequence[Asked], rows: int, row_bytes: float) -> dict[str, float]:
    dashboards = [each for one in asked if one.question.is_dashboard for each in one.warm_ms]
    others = [each for one in asked if not one.question.is_dashboard for each in one.warm_ms]
    return {
        "rows": rows,
        "p50_ms": round(quantiles(dashboards, n=2)[0], 1),
        "p95_ms": round(p95(dashboards), 1),
        "adhoc_p95_ms": round(p95(others), 1),
        "bytes_per_row": round(row_bytes, 1),
        "wrong": sum(len(each.wrong) for each in asked),
    }


def _show(asked: Sequence[Asked], rows: int, row_bytes: float) -> None:
    """The table for people."""
    table = Table("", "rows", "cold ms", "warm p50", "warm p95", "days read", "wrong")
    for column in table.columns[1:]:
        column.justify = "right"
    for is_dashboard in (True, False):
        for each in asked:
            if each.question.is_dashboard is is_dashboard:
                times = (each.cold_ms, quantiles(each.warm_ms, n=2)[0], each.p95_ms)
                figures = (f"{each.rows:,}", *(f"{time_ms:.1f}" for time_ms in times), str(each.days_read))
                table.add_row(each.question.words, *figures, "; ".join(each.wrong))
        table.add_section()
    console.print(table)
    for name, is_dashboard in (("dashboards", True), ("ad hoc", False)):
        cold = [each.cold_ms for each in asked if each.question.is_dashboard is is_dashboard]
        console.print(f"{name}, cold: {min(cold):.0f} to {max(cold):.0f} ms")
    console.print(f"{rows:,} rows of minutes, {row_bytes:.1f} bytes each with their indices")


if __name__ == "__main__":
    sys.exit(app())
