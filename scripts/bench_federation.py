"""Measure the federation: `scripts/bench_federation.py --cities 3 --points 60`, three figures in one run.

A region and its cities are founded and linked by their own commands on this machine, and their boxes connected: light
agents, real envelopes over real mTLS (`scripts/fleet`). Then:

1. entries, one after the other, from the second officer's approval in one city to the last box of all cities;
2. hits on boxes of one city, to the notice in the database of the city that asked;
3. a backlog of the first city, made while its link is cut, drained against live hits of the whole state.

Beside it, on the same bytes in the same run, stands the bare way: broker to broker by mosquitto's own bridge, and bare
inserts. Approvals and hits are timed from before they happen to the commit that PostgreSQL itself dates. The last line
is JSON; the exit code is 1 if anything was lost or doubled.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import cyclopts
from federating import bare
from federating.arming import Armed, arm
from federating.crossing import Crossed, cross
from federating.draining import Drained, drain, make_backlog, store_backlog
from federating.officers import officers_of
from fleet.crowd import Placed, all_arm, crowd_of, until
from fleet.day import Day
from fleet.expense import Expense, programs_of
from fleet.founding import bar, brought_up, steps
from fleet.layout import lay_out
from fleet.plates import some_plates
from load.mqtt import LoadError
from load.spent import Spent
from rich.console import Console
from rich.table import Table
from stack.city import LocalCity
from stack.measure import percentile
from stack.process import StackError, first_of
from stack.state import LocalState

from aggregator.adapters.database import opened
from aggregator.settings import load

LIVE_PER_S: Final = 20.0

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(frozen=True, slots=True)
class Plates:
    """What is listed before the clock, and what is armed one after the other."""

    listed: dict[str, list[str]]
    armed: list[str]

    @classmethod
    def drawn(cls, cities: Sequence[str], listed: int, entries: int) -> "Plates":
        """No plate twice."""
        plates = some_plates(listed * len(cities) + entries, Random(7))
        lists = {name: plates[at * listed : (at + 1) * listed] for at, name in enumerate(cities)}
        return cls(lists, plates[len(cities) * listed :])


@app.default
def main(
    *,
    cities: int = 3,
    points: int = 60,
    entries: int = 30,
    listed: int = 500,
    hits: int = 100,
    backlog: int = 48_000,
    keep: Path | None = None,
) -> int:
    """Run the benchmark.

    Parameters
    ----------
    cities
        How many cities, 2 to 11.
    points
        How many points, a box each.
    entries
        How many entries are armed one after the other, the cities by turns.
    listed
        How many vehicles each city has listed before.
    hits
        How many hits cross from one city to another.
    backlog
        How many messages the first city has to catch up with.
    keep
        Leave the state's folder here, with every log, instead of a temporary one.
    """
    if cities < 2 or min(entries, listed, hits, backlog) < 1:
        raise StackError("want two cities at least, so that something crosses, and one of everything else")
    sites = lay_out(cities, points)
    plates = Plates.drawn(tuple(sites), listed, entries)
    with tempfile.TemporaryDirectory(prefix="atalaya-state-") as scratch:
        folder = keep or Path(scratch)
        state = LocalState(folder, tuple(sites))
        try:
            placed = brought_up(state, sites, plates.listed, console)
            armed, crossed = asyncio.run(_lists_and_hits(state, placed, plates, hits))
            drained, spent, reference = _caught_up(state, placed, backlog, folder)
        finally:
            state.stop()
    _show(armed, crossed, drained, reference, boxes=points)
    _show_spent(spent, drained)
    figures = _figures(armed, crossed, drained)
    print(json.dumps(figures), flush=True)
    return 1 if drained.lost or drained.duplicates else 0


async def _lists_and_hits(
    state: LocalState, placed: Mapping[str, Sequence[Placed]], plates: Plates, hits: int
) -> tuple[Armed, Crossed]:
    rng = Random(1)
    async with crowd_of(placed, state.settings(), Day()) as crowd, AsyncExitStack() as stack:
        await crowd.until_online()
        with console.status("every box of every city arms the lists of all"):
            last = [those[-1] for those in plates.listed.values() if those]
            await until(lambda: all(all_arm(crowd.all, plate) for plate in last), "all cities' lists on every box")
        officers = {name: await stack.enter_async_context(officers_of(city)) for name, city in state.cities.items()}
        with steps(console, "entries approved, armed on every box", len(plates.armed)) as told:
            armed = await arm(crowd, list(officers.values()), plates.armed, told)
        names = list(officers)
        asked = [(plate, names[number % len(names)]) for number, plate in enumerate(plates.armed)]
        with steps(console, "hits in one city, asked for by another", hits) as told:
            crossed = await cross(crowd, officers, [asked[number % len(asked)] for number in range(hits)], rng, told)
    return armed, crossed


def _caught_up(
    state: LocalState, placed: Mapping[str, Sequence[Placed]], messages: int, folder: Path
) -> tuple[Drained, Spent, bare.Bare]:
    """The backlog made with the link cut, drained, what that cost, and the same bytes the bare way."""
    name, city = next(iter(state.cities.items()))
    boxes = [each.box for each in placed[name]]
    outboxes, said = make_backlog(boxes, messages)
    state.links[name].cut()
    with bar(console, "the link is cut; the city stores its backlog", messages) as completed:
        store_backlog(load(city.config), boxes, said, completed)
    drained, spent = asyncio.run(_drained(state, placed, name, outboxes, sum(map(len, said))))
    with console.status("the same bytes the bare way: a bridge between two brokers, inserts"):
        reference = bare.measure(state.linked_region, city, boxes, said, folder)
    return drained, spent, reference


async def _drained(
    state: LocalState, placed: Mapping[str, Sequence[Placed]], name: str, outboxes: Sequence[bytes], messages: int
) -> tuple[Drained, Spent]:
    settings, pids = load(state.linked_region.config), _by_side(state, name)
    async with (
        crowd_of(placed, state.settings(), Day()) as crowd,
        opened(settings.database, role=settings.role) as region,
    ):
        await crowd.until_online()
        await until(lambda: all(agent.held.plates for agent in crowd.all), "lists on every box")
        with bar(console, "the link is healed; the region catches up", messages) as completed:
            expense = Expense(pids)
            drained = await drain(
                crowd, region.pool, outboxes, messages, live_per_s=LIVE_PER_S, heal=state.links[name].heal,
                told=completed, rng=Random(2),
            )  # fmt: skip
            return drained, expense.spent(drained.drain_s)


def _by_side(state: LocalState, name: str) -> dict[str, int]:
    """The programs of the region, of the city that catches up, and of the others."""
    others: list[LocalCity] = [city for other, city in state.cities.items() if other != name]
    sides: dict[str, list[LocalCity]] = {
        "region's": [state.linked_region],
        "city's": [state.cities[name]],
        "other cities'": others,
    }
    return {f"{side} {what}": pid for side, those in sides.items() for what, pid in programs_of(those).items()}


def _show_spent(spent: Spent, drained: Drained) -> None:
    """What the drain cost, program by program, all cities' together."""
    table = Table("", "CPU µs a message", title="while the backlog drained")
    table.columns[1].justify = "right"
    for name, part_s in spent.parts.items():
        table.add_row(name, f"{part_s / drained.messages * 1e6:,.0f}")
    table.add_row("together", f"{spent.total_s / drained.messages * 1e6:,.0f}")
    console.print(table)
    idle = spent.idle_s / (spent.total_s + spent.idle_s)
    console.print(f"{spent.available_cores:.2f} cores were ours, of which {idle:.0%} stood idle")


def _figures(armed: Armed, crossed: Crossed, drained: Drained) -> dict[str, float | None]:
    return {
        "arm_ms_p99": percentile(armed.all_ms, 99),
        "cross_city_alert_ms_p99": percentile(crossed.notice_ms, 99),
        "backlog_messages": drained.messages,
        "drain_s": round(drained.drain_s, 1),
        "live_ms_p99_during_drain": percentile(drained.live_ms, 99),
        "lost": drained.lost,
        "duplicates": drained.duplicates,
    }


def _show(armed: Armed, crossed: Crossed, drained: Drained, reference: bare.Bare, *, boxes: int) -> None:
    """The table for people."""
    table = Table("", "times", "p50 ms", "p99 ms", "slowest ms", title=f"{boxes} boxes")
    for name, values in (
        ("entry approved, to the last box of its own city", armed.own_ms),
        ("entry approved, to the last box of all cities", armed.all_ms),
        ("hit, to the alert in its own city", crossed.alert_ms),
        ("hit, to the notice in the city that asked", crossed.notice_ms),
        ("live hit, to the region, while a backlog drains", drained.live_ms),
        ("bare: one hop over mosquitto's bridge", reference.hop_ms),
    ):
        shown = (percentile(values, 50), percentile(values, 99), percentile(values, 100))
        table.add_row(name, str(len(values)), *(f"{each:,.0f}" for each in shown if each is not None))
    console.print(table)
    console.print(f"{armed.share_by_delta:.0%} of {armed.by_delta + armed.whole:,} lists came to their boxes by delta")
    bare_s, rate = reference.bridge_s + reference.insert_s, drained.messages / drained.drain_s
    console.print(
        f"backlog of {drained.messages:,} drained in {drained.drain_s:.1f} s (the first after "
        f"{drained.began_s:.1f} s), {rate:,.0f}/s; "
        f"the bare way {bare_s:.1f} s (bridge {reference.bridge_s:.1f} s, inserts {reference.insert_s:.1f} s)"
    )
    console.print(f"lost {drained.lost}, doubled {drained.duplicates}, of {drained.messages + len(drained.live_ms):,}")


if __name__ == "__main__":
    code = 1
    try:
        code = app()
    except* (StackError, LoadError) as errors:
        print(f"bench federation: {first_of(errors)}", file=sys.stderr)
    sys.exit(code)
