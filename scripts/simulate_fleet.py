"""A state's boxes on one machine: `scripts/simulate_fleet.py --cities 11 --points 370 --cameras 1287`.

Cities are founded with their own commands, each with its broker, database, officers and hotlist, and linked to a region
unless `--alone` says otherwise. Their boxes are light agents, all in this process, each with its own key, certificate,
order and mTLS connection to the real mosquitto of its city. They say what the hour of the day makes them say, live
through outages and storms, and at the end every message that was given a place in an order is looked for in the
cities' databases. What it cost stands in the table. The last line is JSON; the exit code is 1 if anything was lost,
doubled or refused.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import cyclopts
from fleet.expense import FLEET
from fleet.founding import brought_up
from fleet.layout import Site, lay_out
from fleet.plates import some_plates
from fleet.stretch import Outcome, Stretch, judge, live
from load.mqtt import LoadError
from rich.console import Console
from rich.table import Table
from stack.measure import percentile
from stack.process import StackError, first_of
from stack.state import LocalState

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@app.default
def main(
    *,
    cities: int = 11,
    points: int = 370,
    cameras: int | None = None,
    seconds: float = 120.0,
    report_s: float = 60.0,
    hour: float = 8.0,
    speed: float = 1.0,
    entries: int = 200,
    wanted_per_million: float = 500.0,
    outages: int = 3,
    storms: int = 1,
    seed: int = 1,
    shared: bool = False,
    alone: bool = False,
    keep: Path | None = None,
) -> int:
    """Simulate a stretch of a day.

    Parameters
    ----------
    cities
        How many cities, 1 to 11; the larger ones have more points.
    points
        How many points, a box each.
    cameras
        How many cameras; three or four to a point by turns unless it is said.
    seconds
        For how long the boxes talk.
    report_s
        How often a box reports; the agent does once a minute.
    hour
        The hour of the day at which it begins.
    speed
        How fast the day goes by: 60 makes an hour of a minute. What an hour brings in a minute stays as it is.
    entries
        How many vehicles are wanted in each city.
    wanted_per_million
        Of a million reads, how many are of wanted vehicles.
    outages
        How many times a tenth of the boxes loses its network for a while.
    storms
        How many times every line is cut at once.
    seed
        Repeats a run.
    shared
        Have each city's root grant the officers of all others, and list for the whole region: a command for each two.
    alone
        Without a region: each city by itself.
    keep
        Leave the state's folder here, with every log, instead of a temporary one.
    """
    sites = lay_out(cities, points, cameras, seed=seed)
    stretch = Stretch(
        seconds=seconds, report_s=report_s, hour=hour, speed=speed, wanted_per_million=wanted_per_million,
        outages=outages, storms=storms, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="atalaya-state-") as scratch:
        state = LocalState(keep or Path(scratch), tuple(sites), is_linked=not alone)
        try:
            placed = brought_up(state, sites, _lists(sites, entries, Random(seed)), console, is_shared=shared)
            with console.status("") as status:
                outcome = asyncio.run(live(state, placed, stretch, status.update))
            judge(state, outcome)
        finally:
            state.stop()
    _show(outcome, sites, stretch)
    print(json.dumps(_figures(outcome, sites, stretch)), flush=True)
    return 0 if outcome.is_whole else 1


def _lists(sites: Mapping[str, Sequence[Site]], entries: int, rng: Random) -> dict[str, list[str]]:
    """What each city wants; no plate twice."""
    plates = some_plates(entries * len(sites), rng)
    return {name: plates[number * entries : (number + 1) * entries] for number, name in enumerate(sites)}


def _figures(outcome: Outcome, sites: Mapping[str, Sequence[Site]], stretch: Stretch) -> dict[str, object]:
    every = [site for those in sites.values() for site in those]
    return {
        "cities": len(sites),
        "boxes": len(every),
        "cameras": sum(len(site.cameras) for site in every),
        "seconds": stretch.seconds,
        "messages": outcome.said,
        "hits": outcome.hits,
        "events_per_s": round(outcome.said / outcome.spent.elapsed_s, 1),
        "cpu_us_per_event": {
            name: round(part_s / max(outcome.said, 1) * 1e6) for name, part_s in outcome.spent.parts.items()
        },
        "memory_mb": {name: round(mb) for name, mb in outcome.memory_mb.items()},
        "receipt_ms_p50": percentile(outcome.waited_ms, 50),
        "receipt_ms_p99": percentile(outcome.waited_ms, 99),
        "storm_s": [round(each, 1) for each in outcome.storms_s],
        "lost": outcome.lost,
        "duplicates": outcome.duplicates,
        "refused": outcome.refused,
        "not_at_region": outcome.not_at_region,
    }


def _show(outcome: Outcome, sites: Mapping[str, Sequence[Site]], stretch: Stretch) -> None:
    """The tables for people."""
    where = Table("city", "boxes", "cameras")
    for name, those in sites.items():
        where.add_row(name, str(len(those)), str(sum(len(site.cameras) for site in those)))
    console.print(where)
    spent = outcome.spent
    cost = Table("", "CPU µs an event", "% of a core", "MB", title=f"{outcome.said:,} messages, {outcome.hits:,} hits")
    for name, part_s in spent.parts.items():
        memory = outcome.memory_mb.get(name)
        cost.add_row(
            name if name != FLEET else "all boxes", f"{part_s / max(outcome.said, 1) * 1e6:,.0f}",
            f"{part_s / spent.elapsed_s:.1%}", f"{memory:,.0f}" if memory else "",
        )  # fmt: skip
    console.print(cost)
    storms = ", ".join(f"{each:.1f} s" for each in outcome.storms_s) or "-"
    console.print(
        f"{stretch.seconds:g} s from {stretch.hour:g} o'clock: connected in {outcome.connected_s:.1f} s, "
        f"lists armed {outcome.armed_s:.1f} s after, storms over in {storms}"
    )
    console.print(
        f"message to receipt: p50 {percentile(outcome.waited_ms, 50)} ms, p99 {percentile(outcome.waited_ms, 99)} ms; "
        f"the last receipts came {outcome.drained_s:.1f} s after the stretch"
    )
    verdict = "[green]nothing" if outcome.is_whole else "[red]not whole: something"
    console.print(
        f"{verdict} lost or doubled[/]: {outcome.lost} lost, {outcome.duplicates} doubled, {outcome.refused} refused, "
        f"{outcome.not_at_region} not at the region"
    )


if __name__ == "__main__":
    code = 1
    try:
        code = app()
    except* (StackError, LoadError) as errors:
        console.print(f"[red]simulate fleet:[/] {first_of(errors)}")
    sys.exit(code)
