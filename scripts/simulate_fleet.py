"""A state's boxes on one machine: `scripts/simulate_fleet.py --cities 11 --points 370 --cameras 1287`.

Cities are founded with their own commands, each with its broker, database, officers and hotlist, and linked to a region
unless `--alone` says otherwise. Their boxes are light agents, all in this process, each with its own key, certificate,
order and mTLS connection to the real mosquitto of its city. They say what the hour of the day makes them say, live
through outages and storms, and at the end every message that was given a place in an order is looked for in the
cities' databases. With `--hotlist 200000` each city lists so many vehicles, the last of them in the very moment of a
storm: all boxes come back at once and have to arm it. What it cost stands in the tables. The last line is JSON; the
exit code is 1 if anything was lost, doubled or refused, or if a box did not arm what it should.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

import cyclopts
from fleet.expense import FLEET
from fleet.founding import brought_up
from fleet.layout import Site, lay_out
from fleet.plates import some_plates
from fleet.spreading import Spread
from fleet.stretch import Outcome, Stretch, judge, live
from load.mqtt import LoadError
from rich.console import Console
from rich.table import Table
from stack.measure import percentile
from stack.process import StackError, first_of
from stack.state import LocalState

from protocol.hotlist import MAX_ENTRIES

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")

_SPREAD_ROWS: Final = {
    "approved_s": "the last city had approved, s after the cut",
    "back_s": "the last box was connected again",
    "armed_s_p50": "half of the boxes had armed it",
    "armed_s_last": "the last box had armed it",
    "by_delta": "boxes that took it by delta",
    "whole": "boxes that took the whole list",
    "without_network": "boxes without a network, armed later",
}


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
    hotlist: int | None = None,
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
    hotlist
        How many instead, the same in each city; the last of them, one for each storm, are approved in the moment of it.
        Boxes begin with the list of before.
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
    if hotlist is not None and (shared or not 0 < storms < hotlist <= MAX_ENTRIES):
        raise StackError(f"a hotlist wants a storm, more entries than storms, {MAX_ENTRIES} at most, and is not shared")
    if min(seconds, report_s, speed) <= 0 or entries < 1:
        raise StackError("--seconds, --report-s and --speed want more than 0, and --entries a vehicle at least")
    sites = lay_out(cities, points, cameras, seed=seed)
    plates, news = _wanted(sites, entries, hotlist, storms, Random(seed))
    stretch = Stretch(
        seconds=seconds, report_s=report_s, hour=hour, speed=speed, wanted_per_million=wanted_per_million,
        outages=outages, storms=storms, news=news, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="atalaya-state-") as scratch:
        state = LocalState(keep or Path(scratch), tuple(sites), is_linked=not alone)
        try:
            placed = brought_up(state, sites, plates, console, is_shared=shared)
            with console.status("") as status:
                outcome = asyncio.run(live(state, placed, stretch, status.update))
            judge(state, outcome)
        finally:
            state.stop()
    _show(outcome, sites, stretch)
    print(json.dumps(_figures(outcome, sites, stretch)), flush=True)
    return 0 if outcome.is_whole else 1


def _wanted(
    sites: Mapping[str, Sequence[Site]], entries: int, hotlist: int | None, storms: int, rng: Random
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """What each city lists before, and what all approve in each storm. Without a hotlist no plate is listed twice."""
    if hotlist is None:
        return _lists(sites, entries, rng), ()
    plates = some_plates(hotlist, rng)
    return dict.fromkeys(sites, plates[: hotlist - storms]), tuple(plates[hotlist - storms :])


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
        "spreads": [each.told() for each in outcome.spreads],
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
    if outcome.spreads:
        console.print(_spreads(outcome.spreads))
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


def _spreads(spreads: Sequence[Spread]) -> Table:
    """How the entry of each storm spread."""
    storms = (f"storm {number}" for number, _ in enumerate(spreads, 1))
    table = Table("an entry approved in every city at the cut", *storms)
    told = [each.told() for each in spreads]
    for key, what in _SPREAD_ROWS.items():
        table.add_row(what, *(str(each[key]) for each in told))
    for name in spreads[0].spent.parts:
        table.add_row(
            f"CPU s: {name if name != FLEET else 'all boxes'}", *(f"{each.spent.parts[name]:.2f}" for each in spreads)
        )
    return table


if __name__ == "__main__":
    code = 1
    try:
        code = app()
    except* (StackError, LoadError) as errors:
        print(f"simulate fleet: {first_of(errors)}", file=sys.stderr)
    sys.exit(code)
