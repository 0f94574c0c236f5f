"""Measure hotlist matching: `scripts/bench_match.py [--entries 200000] [--reads 20000] [--seed 1]`.

Plates are drawn from the masks of `protocol.plates`; of the reads a tenth are on the list, a tenth are one mistaken
or lost character away, the rest are not on it. The reference is a bare `dict` look-up of the same reads in the same
run: what no matcher written in Python can be faster than. The last line is one JSON object.
"""

import argparse
import gc
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles

from rich.console import Console
from rich.table import Table

from edge_agent.core.matching import HotlistIndex
from protocol.hotlist import Entry
from protocol.plates import CONFUSIONS, DIGITS, FORMATS, LETTERS

NOW_MS = 1_800_000_000_000
FAR_MS = NOW_MS + 86_400_000
CITY = "saltillo"


def draw_plate(rng: random.Random) -> str:
    """A plate of a random Mexican form."""
    symbols = {"L": LETTERS, "D": DIGITS}
    mask = rng.choice(FORMATS).mask.replace("-", "")
    return "".join(rng.choice(symbols.get(symbol, symbol)) for symbol in mask)


def make_entries(count: int, rng: random.Random) -> Iterator[Entry]:
    """That many entries for one city of a region."""
    for number in range(count):
        yield Entry(
            entry=f"e-{number:08x}",
            plate=draw_plate(rng),
            reason=rng.choice(["stolen-vehicle", "missing-person", "warrant"]),
            expires_ms=FAR_MS,
            case_commitment=rng.randbytes(32),
            scope=(CITY,),
        )


def spoil(plate: str, rng: random.Random) -> str:
    """The plate with one mistaken character, or without its last."""
    places = [at for at, character in enumerate(plate) if CONFUSIONS[character]]
    if not places or rng.random() < 0.5:
        return plate[:-1]
    at = rng.choice(places)
    return plate[:at] + rng.choice(sorted(CONFUSIONS[plate[at]])) + plate[at + 1 :]


def make_reads(count: int, entries: Sequence[Entry], rng: random.Random) -> list[str]:
    """Reads of a street: mostly of cars that nobody looks for."""
    listed = [rng.choice(entries).plate for _ in range(count // 10)]
    nearly = [spoil(rng.choice(entries).plate, rng) for _ in range(count // 10)]
    others = [draw_plate(rng) for _ in range(count - len(listed) - len(nearly))]
    reads = listed + nearly + others
    rng.shuffle(reads)
    return reads


def time_each_us(call: Callable[[str], object], reads: Sequence[str]) -> list[float]:
    """Microseconds of each call."""
    taken = []
    for read in reads:
        started = time.perf_counter_ns()
        call(read)
        taken.append((time.perf_counter_ns() - started) / 1000)
    return taken


def index_mb(count: int, rng: random.Random) -> float:
    """Memory of an index whose entries nobody else holds, texts and ids included."""
    tracemalloc.start()
    index = HotlistIndex(make_entries(count, rng))
    gc.collect()
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held_bytes / 2**20 if len(index) else 0.0


def spread(taken_us: Sequence[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and worst."""
    cuts = quantiles(taken_us, n=100)
    return round(cuts[49], 2), round(cuts[98], 2), round(max(taken_us), 2)


def measure(entries: Sequence[Entry], reads: Sequence[str]) -> dict[str, float]:
    """Build, match, and the reference beside it."""
    started = time.perf_counter()
    index = HotlistIndex(entries)
    build_s = time.perf_counter() - started
    plates = {entry.plate: entry for entry in entries}
    matched = sum(bool(index.match(read, NOW_MS, CITY)) for read in reads)  # also warms the caches
    reference = spread(time_each_us(plates.get, reads))
    own = spread(time_each_us(lambda read: index.match(read, NOW_MS, CITY), reads))
    return {
        "entries": len(index), "reads": len(reads), "matched": matched,
        "p50_us": own[0], "p99_us": own[1], "max_us": own[2],
        "build_s": round(build_s, 3),
        "reference_p50_us": reference[0], "reference_p99_us": reference[1],
        "ratio_p50": round(own[0] / max(reference[0], 0.01), 1),
    }  # fmt: skip


def show(figures: dict[str, float]) -> None:
    """The table for people."""
    table = Table(title=f"{figures['entries']:,.0f} entries, {figures['reads']:,.0f} reads")
    for heading in ("", "p50 µs", "p99 µs", "worst µs"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("exact and possible", *(f"{figures[key]:.2f}" for key in ("p50_us", "p99_us", "max_us")))
    table.add_row("bare dict look-up", f"{figures['reference_p50_us']:.2f}", f"{figures['reference_p99_us']:.2f}", "")
    console = Console()
    console.print(table)
    console.print(f"built in {figures['build_s']} s, {figures['memory_mb']} MB; {figures['matched']:.0f} reads matched")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    entries = list(make_entries(args.entries, rng))
    figures = measure(entries, make_reads(args.reads, entries, rng))
    figures["memory_mb"] = round(index_mb(args.entries, rng), 1)
    show(figures)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
