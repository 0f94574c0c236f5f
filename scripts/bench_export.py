"""Measure exports: `scripts/bench_export.py [--rows N] [--rounds N]`, beside PostgreSQL's bare COPY of the same run.

Fills the embedded PostgreSQL with N rows of minute counts of 1,287 cameras, and exports them all by the question that
an analyst would ask (`counts --bucket minute`, by camera), as CSV, JSON lines and Parquet, each in a process of its
own, into a file that is flushed to the disk. The references, in the same rounds:

    bare    COPY of the very statement that the exports run, thrown away as it comes: what the database alone takes
    view    COPY of the view's rows as they lie, without the statement's sums and order: what COPY itself can do

A ratio is the bare time over the export's time, best of the rounds. Memory is how much a process grew beyond what it
had when it began to ask. Every file is read back: rows and vehicles must be those of the database. The last line is
JSON.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cyclopts
import msgspec
from asked.filling import Span, fill
from pyarrow import compute, csv, parquet
from pyarrow import json as arrow_json
from rich.console import Console
from rich.table import Table

from aggregator.adapters.asker import Asker, Look, statement_of
from aggregator.adapters.database import NAME, Access, Pool, opened, pooled
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.export_landing import landed
from aggregator.adapters.export_writers import form_of
from aggregator.adapters.exporter import TIMEOUT_S, Exporter, Order
from aggregator.core.asking.question import Question
from aggregator.settings import Database

BARE: Final = "bare"
VIEW: Final = "view"
FORMATS: Final = ("csv", "jsonl", "parquet")
_MB: Final = 1024 * 1024

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(frozen=True, slots=True)
class Run:
    """One export or reference: how long, how many rows, and how far the process grew."""

    what: str
    s: float
    rows: int
    bytes: int
    grew_mb: float


@app.default
def bench(*, rows: int = 200_000, rounds: int = 2) -> None:
    """Fill, export, read back, tell."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-export-") as folder,
        EmbeddedPostgres(Path(folder) / "data") as server,
    ):
        span = Span.of(rows, 1, datetime.now(UTC))
        vehicles, filled = asyncio.run(_fill(Database(data_dir=Path(folder) / "data"), span))
        whats = (BARE, VIEW, *FORMATS)
        _child(server, Path(folder), span, BARE)  # so that no round begins cold
        best: dict[str, Run] = {}
        for _ in range(rounds):
            for what in whats:
                run = _child(server, Path(folder), span, what)
                if run.rows != filled:
                    raise SystemExit(f"{what}: {run.rows} rows of {filled}")
                best[what] = min(best.get(what, run), run, key=lambda each: each.s)
        for what in FORMATS:
            _check(Path(folder) / f"out.{what}", filled, vehicles)
    _show(best)


async def _fill(settings: Database, span: Span) -> tuple[int, int]:
    """Fill; how many vehicles and rows there are."""
    async with opened(settings) as database:
        with console.status("filling") as status:
            async with database.pool.acquire() as connection:
                await fill(connection, span, lambda at: status.update(f"filling: {at}"))
        found = await database.pool.fetchrow("SELECT sum(vehicles)::bigint, count(*) FROM camera_minute")
        assert found is not None  # noqa: S101  an aggregate has a row
        return int(found[0]), int(found[1])


def _child(server: EmbeddedPostgres, folder: Path, span: Span, what: str) -> Run:
    """Run one in a process of its own."""
    argv = [sys.executable, __file__, "one", what, server.dsn(NAME), str(folder)]
    times = [span.minutes_from.isoformat(), span.to.isoformat()]
    with console.status(what):
        done = subprocess.run([*argv, *times], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} failed: {done.stderr}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Run)


@app.command(show=False)
def one(what: str, dsn: str, folder: Path, from_at: datetime, to_at: datetime) -> None:
    """One export or reference; a line of JSON."""
    question = Question(
        resource="counts",
        from_at=from_at,
        to_at=to_at,
        bucket="minute",
        group_by=("city", "point", "camera"),
        limit=None,
    )
    print(json.dumps(asdict(asyncio.run(_one(what, Access(dsn), folder, question)))))


async def _one(what: str, access: Access, folder: Path, question: Question) -> Run:
    async with pooled(access, 2) as pool:
        before_kb, began = _from_here(), time.perf_counter()
        if what in FORMATS:
            rows, size = await _export(pool, folder / f"out.{what}", question)
        else:
            rows, size = await _bare(pool, what, question)
        took_s = time.perf_counter() - began
    return Run(what, took_s, rows, size, (_memory_kb("VmHWM") - before_kb) / 1024)


async def _export(pool: Pool, path: Path, question: Question) -> tuple[int, int]:
    order = Order(question=question, look=Look("os:bench", "a benchmark"), form=form_of(path.name), release="bench")
    with landed(path, replaces=True) as landing:
        exported = await Exporter(Asker(pool)).export(order, landing, lambda _: None)
    return exported.rows, landing.bytes


async def _bare(pool: Pool, what: str, question: Question) -> tuple[int, int]:
    size = 0

    async def swallow(data: bytes) -> None:
        nonlocal size
        size += len(data)

    async with Asker(pool).asking(None, timeout_s=TIMEOUT_S) as connection:
        statement = await statement_of(connection, question, None)
        sql, parameters = statement.sql, statement.parameters
        if what == VIEW:
            sql, parameters = "SELECT * FROM ask.minute WHERE at >= $1 AND at < $2", parameters[:2]
        tag = await connection.copy_from_query(sql, *parameters, output=swallow, timeout=TIMEOUT_S)
    return int(tag.split()[-1]), size


def _from_here() -> int:
    """What the process has; its peak begins anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _memory_kb("VmRSS")


def _memory_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _check(path: Path, rows: int, vehicles: int) -> None:
    """Read a file back by somebody else's reader."""
    read: dict[str, Callable[[Path], object]] = {
        ".csv": csv.read_csv, ".jsonl": arrow_json.read_json, ".parquet": parquet.read_table,
    }  # fmt: skip
    table = read[path.suffix](path)
    found = (table.num_rows, compute.sum(table.column("vehicles")).as_py())  # type: ignore[attr-defined]  # pyarrow has no types
    if found != (rows, vehicles):
        raise SystemExit(f"{path.name} holds {found}, the database {(rows, vehicles)}")


def _show(best: dict[str, Run]) -> None:
    bare = best[BARE]
    table = Table("what", "s", "rows/s", "of bare", "MB", "grew by MB", box=None)
    for run in best.values():
        figures = (f"{run.s:.2f}", f"{run.rows / run.s:,.0f}", f"{bare.s / run.s:.2f}", f"{run.bytes / _MB:.1f}")
        table.add_row(run.what, *figures, f"{run.grew_mb:.0f}")
    console.print(table)
    told = {
        what: {
            "s": round(run.s, 2), "rows_per_s": round(run.rows / run.s), "ratio": round(bare.s / run.s, 3),
            "mb": round(run.bytes / _MB, 1), "grew_mb": round(run.grew_mb),
        }
        for what, run in best.items()
    }  # fmt: skip
    print(json.dumps({"rows": bare.rows, **told}))


if __name__ == "__main__":
    app()
