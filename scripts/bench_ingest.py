"""Measure the ingest: `scripts/bench_ingest.py [--events N] [--boxes N]`, or the drain of a day with `--backlog`.

Hits and minute reports, one signature each and signed beforehand, go through the real broker (mTLS, the generated
configuration) and the real aggregator into the embedded PostgreSQL, and signed receipts come back; every receipt is
verified after the clock has stopped. Beside it in the same run stand the bare parts on the same bytes: a signature
check, a broker with a subscriber that only acknowledges, the insert of ready-made rows.

    ceiling = cores that were ours / CPU seconds that an event costs in the three bare parts together

The load generator is in both. "Cores that were ours" is what we used and what stood idle in the measured run: all cores
on a quiet machine, less where others work. So the ratio falls for every microsecond spent beyond the bare parts and for
every moment in which a core had nothing to do, and not because somebody else's program ran. The last line is JSON.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final, Literal

import asyncpg
import cyclopts
from load.fleet import LoadBox, Said, backlog, enrol_fleet, mixed, now_ms, said_by
from load.mqtt import LoadError
from load.publisher import Answer, Plan, Published, Publisher, in_order_of_sending
from load.reference import BareSubscriber, insert_cpu_s, verify_cpu_s
from load.spent import Meter, Spent
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from stack.city import LocalCity
from stack.process import StackError

from aggregator.adapters import keyfiles
from aggregator.adapters.database import NAME
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.settings import Settings, load
from protocol.envelope import Context, envelope_hash, parse
from protocol.receipts import Status, decode_receipt

DAY_MINUTES: Final = 24 * 60
DAY_BOXES: Final = 370
WINDOW: Final = 64  # the agent's for hits; a backlog has its window for reports
ORDINARY_WINDOW: Final = 16
CORES: Final = os.cpu_count() or 1
SUMS: Final = "camera_hour, city_hour, camera_day, count_due"
TABLES: Final = f"delivery, hit, hit_match, report, camera_minute, {SUMS}, chain, gap"

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(slots=True)
class Bench:
    """A running city with its fleet, and what to read meters of."""

    city: LocalCity
    settings: Settings
    postgres: EmbeddedPostgres
    boxes: list[LoadBox]
    outboxes: int = 0

    def sign(self, count: int, *, is_backlog: bool = False) -> list[list[Said]]:
        """So many messages of each box, in a new outbox."""
        self.outboxes += 1
        outbox, bodies = self.outboxes.to_bytes(16, "big"), list((backlog if is_backlog else mixed)(count, now_ms()))
        with _progress("sign", len(self.boxes)) as bar:
            return [said_by(box, outbox, bodies) for box in bar.track(self.boxes, task_id=bar.task_ids[0])]

    def meter(self, *programs: str) -> Meter:
        """A meter of aggregator, broker, database."""
        postmaster = self.settings.database.data_dir / "cluster" / "postmaster.pid"
        pids = {
            "aggregator": self.city.aggregator.pid,
            "broker": self.city.broker.pid,
            "database": int(postmaster.read_text().split("\n", 1)[0]),
        }
        return Meter({name: pid for name in programs if (pid := pids[name]) is not None})

    def run(self, said: list[list[Said]], plan: Plan) -> tuple[Published, Spent]:
        """Publish through the aggregator until all is receipted; what was spent meanwhile."""
        with Publisher(self.settings, self.boxes, said, plan) as publisher:
            meter = self.meter("aggregator", "broker", "database")
            publisher.begin()
            published = _watched(publisher, sum(map(len, said)), "publish, store, receipt")
            spent = meter.stop(elapsed_s=published.last_s - published.first_s, publisher=published.cpu_s)
        self._check(said, published)
        return published, spent

    def empty(self) -> None:
        """Leave no rows of an earlier run, and no dirty pages either."""
        asyncio.run(_execute(self.postgres.dsn(NAME), f"TRUNCATE {TABLES}", "CHECKPOINT"))

    def _check(self, said: list[list[Said]], published: Published) -> None:
        """Hold what came back to what was sent: each envelope stored, by a receipt with our server's signature."""
        server = keyfiles.read_signer(self.settings.keys.server_key).public_key
        stored = set()
        for _, raw in published.receipts:
            envelope = parse(raw)
            if envelope.check(server, Context.RECEIPT) is not None:
                raise LoadError("a receipt does not verify")
            stored |= {item.hash for item in decode_receipt(envelope).items if item.status is Status.STORED}
        if missing := {envelope_hash(each.raw) for one in said for each in one} - stored:
            raise LoadError(f"{len(missing)} messages were not stored; see {self.city.aggregator.log}")


@dataclass(frozen=True, slots=True)
class Bare:
    """CPU seconds an event of the bare parts."""

    verify_s: float
    broker_s: float
    insert_s: float

    @property
    def total_s(self) -> float:
        """All three together."""
        return self.verify_s + self.broker_s + self.insert_s


def measure_bare(bench: Bench, said: list[list[Said]]) -> Bare:
    """The three bare parts, one after the other; the aggregator does not run."""
    count = sum(map(len, said))
    with console.status("bare verify, bare insert"):
        verify_s = verify_cpu_s(bench.boxes, said)
        bench.empty()
        meter = bench.meter("database")
        client_s = insert_cpu_s(bench.postgres.dsn(NAME), in_order_of_sending(said))
        insert_s = meter.stop(elapsed_s=1, client=client_s).total_s
        bench.empty()
    with (
        BareSubscriber(bench.settings, count) as subscriber,
        Publisher(bench.settings, bench.boxes, said, Plan(Answer.BROKER, WINDOW)) as publisher,
    ):
        meter = bench.meter("broker")
        publisher.begin()
        published = _watched(publisher, count, "bare broker")
        subscriber_s = subscriber.cpu_s(60)
        broker = meter.stop(elapsed_s=1, publisher=published.cpu_s, subscriber=subscriber_s)
    return Bare(verify_s / count, broker.total_s / count, insert_s / count)


def measure_latency_ms(bench: Bench, rate: float, seconds: float) -> list[float]:
    """Milliseconds from publish to receipt of each message, at a rate that leaves air; sorted."""
    said = bench.sign(max(int(rate * seconds) // len(bench.boxes), 1))
    published, _ = bench.run(said, Plan(Answer.RECEIPT, WINDOW, rate))
    received: dict[bytes, float] = {}
    for at_s, raw in published.receipts:
        for item in decode_receipt(parse(raw)).items:
            received.setdefault(item.hash, at_s)
    sent = zip(published.sent_s, in_order_of_sending(said), strict=True)
    return sorted((received[envelope_hash(each.raw)] - sent_s) * 1000 for sent_s, each in sent)


@app.default
def main(
    *,
    events: int = 20_000,
    boxes: int | None = None,
    paced_s: float = 10.0,
    backlog: Literal["sample", "full"] | None = None,
    workers: int = 0,
    verify_processes: int = 0,
    keep: Path | None = None,
) -> int:
    """Run the benchmark.

    Parameters
    ----------
    events
        How many messages; with --backlog, how many of the day's 532,800 are drained.
    boxes
        How many boxes send them: 50, or 370 with --backlog.
    paced_s
        For how long messages are sent at a quarter of the rate found, to measure from publish to receipt.
    backlog
        `sample` drains as many messages as --events says and scales up, `full` the whole day.
    workers
        What `ingest.workers` is set to; 0, the default, is one for each core.
    verify_processes
        What `ingest.verify_processes` is set to: processes that check signatures for each worker.
    keep
        Leave the city's folder here, with every log, instead of a temporary one.
    """
    count = boxes or (DAY_BOXES if backlog else 50)
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as scratch:
        city = LocalCity(keep or Path(scratch))
        try:
            with console.status(f"found the city, enrol {count} boxes"):
                city.found(workers=max(workers, CORES))
                with city.config.open("a") as config:
                    config.write(f"\n[ingest]\nworkers = {workers}\nverify_processes = {verify_processes}\n")
                settings = load(city.config)
            with EmbeddedPostgres(settings.database.data_dir) as postgres:
                fleet = asyncio.run(_enrolled(postgres.dsn(NAME), settings, city.folder / "boxes", count))
                city.start_broker()
                bench = Bench(city, settings, postgres, fleet)
                figures = _drain(bench, backlog, events) if backlog else _measure(bench, events, paced_s)
        finally:
            city.stop()
    print(json.dumps(figures), flush=True)
    return 0


def _measure(bench: Bench, events: int, paced_s: float) -> dict[str, float]:
    said = bench.sign(max(events // len(bench.boxes), 2))
    count = sum(map(len, said))
    bare = measure_bare(bench, said)
    bench.city.start_aggregator()
    published, spent = bench.run(said, Plan(Answer.RECEIPT, WINDOW))
    rate = count / spent.elapsed_s
    ceiling = spent.available_cores / bare.total_s
    latency_ms = measure_latency_ms(bench, rate / 4, paced_s)
    _show(bare, spent, count, latency_ms, rate / 4)
    console.print(f"{rate:,.0f} events/s, {rate / ceiling:.2f} of the ceiling of {ceiling:,.0f}")
    console.print(f"{len(published.receipts):,} receipts for {count:,} events")
    return {
        "events_per_s": round(rate),
        "ceiling_per_s": round(ceiling),
        "ratio": round(rate / ceiling, 3),
        "cpu_us_per_event": round(spent.parts["aggregator"] / count * 1e6, 1),
    }


def _drain(bench: Bench, extent: str, events: int) -> dict[str, float | bool]:
    """A day's reports of every box, or a part of it, as fast as the agent's window lets them go."""
    day = DAY_MINUTES * len(bench.boxes)
    said = bench.sign(DAY_MINUTES if extent == "full" else max(events // len(bench.boxes), 1), is_backlog=True)
    count = sum(map(len, said))
    bench.city.start_aggregator()
    _, spent = bench.run(said, Plan(Answer.RECEIPT, ORDINARY_WINDOW))
    rate = count / spent.elapsed_s
    minutes, quiet = day / rate / 60, day * spent.total_s / count / CORES / 60
    how = "measured" if count == day else f"scaled up from {count:,}"
    console.print(f"{count:,} reports of {len(bench.boxes)} boxes drained in {spent.elapsed_s:.1f} s, {rate:,.0f}/s")
    console.print(f"the day's {day:,}: {minutes:.1f} minutes ({how}), with {spent.available_cores:.2f} cores for us")
    console.print(f"the same CPU time on all {CORES} cores, none idle: {quiet:.1f} minutes (computed)")
    return {
        "drained": count,
        "drained_per_s": round(rate),
        "day_messages": day,
        "day_minutes": round(minutes, 2),
        "day_minutes_all_cores": round(quiet, 2),
        "is_scaled_up": count != day,
        "cores": round(spent.available_cores, 2),
    }


def _show(bare: Bare, spent: Spent, count: int, latency_ms: Sequence[float], paced: float) -> None:
    """The table for people."""
    table = Table("", "CPU µs an event", title=f"{count:,} events, half hits, half reports of four cameras")
    table.columns[1].justify = "right"
    for name, part_s in spent.parts.items():
        table.add_row(name, f"{part_s / count * 1e6:.1f}")
    table.add_row("together", f"{spent.total_s / count * 1e6:.1f}", end_section=True)
    for name, part_s in (("verify", bare.verify_s), ("broker", bare.broker_s), ("insert", bare.insert_s)):
        table.add_row(f"bare {name}", f"{part_s * 1e6:.1f}")
    table.add_row("bare, together", f"{bare.total_s * 1e6:.1f}")
    console.print(table)
    idle = spent.idle_s / (spent.total_s + spent.idle_s)
    console.print(f"{spent.available_cores:.2f} cores were ours, of which {idle:.0%} stood idle")
    cuts = quantiles(latency_ms, n=100)
    console.print(f"publish to receipt at {paced:,.0f} events/s: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")


def _watched(publisher: Publisher, total: int, what: str) -> Published:
    """Show progress until all is answered."""
    with _progress(what, total) as bar:
        while isinstance(news := publisher.progress(), int):
            bar.update(bar.task_ids[0], completed=news)
        bar.update(bar.task_ids[0], completed=total)
    return news


def _progress(what: str, total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console)
    progress.add_task(what, total=total)
    return progress


async def _enrolled(dsn: str, settings: Settings, folder: Path, count: int) -> list[LoadBox]:
    connection = await asyncpg.connect(dsn)
    try:
        return await enrol_fleet(connection, settings, folder, count)
    finally:
        await connection.close()


async def _execute(dsn: str, *commands: str) -> None:
    connection = await asyncpg.connect(dsn)
    for command in commands:
        await connection.execute(command)
    await connection.close()


if __name__ == "__main__":
    try:
        sys.exit(app())
    except (StackError, LoadError) as error:
        console.print(f"[red]bench ingest:[/] {error}")
        sys.exit(1)
