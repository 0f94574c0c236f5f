"""`make demo-state`: a region and three cities with forty points on this machine, before your eyes.

The installations are founded and linked by their own commands; the boxes are light agents over real mTLS. A stolen car
is reported in the first city and seen in the second. Then the second city's link to the region is cut: it goes on by
itself, and what it saw reaches the first city when the link has healed. Every claim is checked against the databases as
it is made; the last line is one JSON object, and the exit code says whether all of it was so.
DEMO_POINTS=N asks for another number of points.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from federating.crossing import ALERTS, NOTICES
from federating.officers import Officers, officers_of
from fleet.crowd import Crowd, Placed, all_arm, crowd_of, talking, until
from fleet.day import Day
from fleet.founding import brought_up
from fleet.layout import Site, lay_out
from fleet.plates import some_plates
from load.mqtt import LoadError
from rich.console import Console
from rich.table import Table
from stack.measure import stored
from stack.process import StackError, first_of
from stack.state import LocalState

from aggregator.adapters.database import Pool, opened
from aggregator.settings import load

CITIES = 3
POINTS = 40
LISTED = 20
REPORT_S = 5.0
SILENCE_S = 4.0
WAIT_S = 60.0
_STORED = "SELECT count(*) FROM delivery WHERE envelope_hash = $1"

console = Console(highlight=False)


@dataclass(slots=True)
class Claims:
    """What was claimed, and what held; figures for the last line."""

    broken: list[str] = field(default_factory=list)
    figures: dict[str, float | int] = field(default_factory=dict)

    def check(self, claim: str, *, holds: bool, figure: str = "") -> None:
        """Show a claim with its figure, and keep it if it does not hold."""
        mark = "[green]✓[/]" if holds else "[red]✗ NOT SO:[/]"
        console.print(f"{mark} {claim} [dim]{figure}[/]")
        if not holds:
            self.broken.append(claim)


def main() -> int:
    """Run it; 0 if every claim held."""
    sites, claims = lay_out(CITIES, _points_asked_for()), Claims()
    car, late, *others = some_plates(2 + CITIES * LISTED, Random(11))
    lists = {name: others[at * LISTED : (at + 1) * LISTED] for at, name in enumerate(sites)}
    with tempfile.TemporaryDirectory(prefix="atalaya-demo-state-") as folder:
        state = LocalState(Path(folder), tuple(sites))
        try:
            placed = brought_up(state, sites, lists, console)
            said = asyncio.run(_Show(state, claims, car, late).play(placed, sites, lists))
            _judge(state, claims, said)
        finally:
            state.stop()
    print(json.dumps(claims.figures | {"claims_broken": len(claims.broken)}), flush=True)
    return 1 if claims.broken else 0


def _points_asked_for() -> int:
    text = os.environ.get("DEMO_POINTS", str(POINTS))
    if not (text.isascii() and text.isdigit()):
        raise StackError(f"DEMO_POINTS={text}: want a number of points, {CITIES} at least")
    return int(text)


@dataclass(slots=True)
class Desks:
    """Where people sit: the two cities of the story, and the region."""

    asking: Officers
    seeing: Officers
    region: Pool


@dataclass(frozen=True, slots=True)
class _Show:
    """The story. `car` is the stolen car, `late` one that is listed while the link is cut."""

    state: LocalState
    claims: Claims
    car: str
    late: str

    async def play(
        self,
        placed: Mapping[str, Sequence[Placed]],
        sites: Mapping[str, Sequence[Site]],
        lists: Mapping[str, list[str]],
    ) -> int:
        """Play it; how many messages the boxes said."""
        asking, seeing, *_ = sites
        region = load(self.state.linked_region.config)
        async with crowd_of(placed, self.state.settings(), Day()) as crowd, AsyncExitStack() as stack:
            desks = Desks(
                await stack.enter_async_context(officers_of(self.state.cities[asking])),
                await stack.enter_async_context(officers_of(self.state.cities[seeing])),
                (await stack.enter_async_context(opened(region.database, role=region.role))).pool,
            )
            await self._connect(crowd, lists)
            async with talking(crowd, report_s=REPORT_S):
                await self._reported(crowd, desks)
                await self._seen(crowd, desks)
                await self._alone(crowd, desks)
            with console.status("the last receipts"):
                await crowd.until_drained()
            await self._all_there(crowd, desks.region)
            return crowd.said

    async def _connect(self, crowd: Crowd, lists: Mapping[str, list[str]]) -> None:
        with console.status("boxes connect and fetch their lists"):
            await crowd.until_online()
            await until(lambda: all(all_arm(crowd.all, those[-1]) for those in lists.values()), "lists on every box")
        table = Table("city", "boxes", "cameras", "entries armed")
        for name, agents in crowd.agents.items():
            cameras = sum(agent.cameras for agent in agents)
            table.add_row(name, str(len(agents)), str(cameras), str(len(agents[0].held.index)))
        console.print(table)
        self.claims.check(f"{len(crowd.all)} boxes are connected", holds=crowd.online == len(crowd.all))

    async def _reported(self, crowd: Crowd, desks: Desks) -> None:
        """A stolen car is listed in one city, under two officers' signatures, for the whole region."""
        console.print(f"[bold]a car is reported stolen in {desks.asking.city}: {self.car}[/]")
        batch = await desks.asking.propose(self.car)
        async with crowd.arming(self.car) as seen:
            started_s = time.time()
            await desks.asking.approve(batch)
        arm_ms = round((max(seen.values()) - started_s) * 1000)
        self.claims.figures["arm_ms"] = arm_ms
        self.claims.check(
            "every box of all three cities looks for it", holds=True, figure=f"{arm_ms} ms after the approval"
        )

    async def _seen(self, crowd: Crowd, desks: Desks) -> None:
        """A box of another city reads it."""
        console.print(f"[bold]it passes a point in {desks.seeing.city}[/]")
        hit, at_s = self._pass(crowd, desks.seeing.city, self.car)
        alert_ms = (await _committed(desks.seeing.pool, ALERTS, hit) - at_s) * 1000
        self.claims.check(f"an alert in {desks.seeing.city}", holds=True, figure=f"{alert_ms:.0f} ms")
        notice_ms = (await _committed(desks.asking.pool, NOTICES, hit) - at_s) * 1000
        self.claims.figures["notice_ms"] = round(notice_ms)
        self.claims.check(f"a notice in {desks.asking.city}, which asked", holds=True, figure=f"{notice_ms:.0f} ms")

    async def _alone(self, crowd: Crowd, desks: Desks) -> None:
        """The link of the city that sees is cut, and heals."""
        link, name = self.state.links[desks.seeing.city], desks.seeing.city
        console.print(f"[bold]the link between {name} and the region is cut[/]")
        link.cut()
        hit, at_s = self._pass(crowd, name, self.car)
        alert_ms = (await _committed(desks.seeing.pool, ALERTS, hit) - at_s) * 1000
        self.claims.check(
            f"{name} goes on alone: the car is seen again, an alert", holds=True, figure=f"{alert_ms:.0f} ms"
        )
        batch = await desks.seeing.propose(self.late)
        await desks.seeing.approve(batch)
        own = crowd.agents[name]
        await until(lambda: all_arm(own, self.late), "the new entry in its own city")
        self.claims.check(f"its officers list another: {len(own)} boxes of its own look for it", holds=True)
        with console.status("nobody else hears of it"):
            await asyncio.sleep(SILENCE_S)
        is_silent = not await desks.region.fetchval(_STORED, hit) and not await desks.asking.pool.fetch(NOTICES, [hit])
        is_unarmed = not any(all_arm([agent], self.late) for agent in crowd.all if agent not in own)
        self.claims.check(f"region and {desks.asking.city} know nothing of either", holds=is_silent and is_unarmed)
        console.print("[bold]the link heals[/]")
        healed_s = time.time()
        link.heal()
        caught_up_s = await _committed(desks.asking.pool, NOTICES, hit) - healed_s
        self.claims.figures["caught_up_s"] = round(caught_up_s, 1)
        self.claims.check(f"the notice reaches {desks.asking.city}", holds=True, figure=f"{caught_up_s:.1f} s after")
        await until(lambda: all_arm(crowd.all, self.late), "the late entry on every box")
        self.claims.check(
            "the new entry is armed everywhere", holds=True, figure=f"{time.time() - healed_s:.1f} s after"
        )

    async def _all_there(self, crowd: Crowd, region: Pool) -> None:
        """Everything that any box said is at the region, too."""
        outboxes = [agent.outbox.id for agent in crowd.all]
        query = "SELECT count(DISTINCT envelope_hash) FROM delivery WHERE outbox = ANY ($1)"
        found, ends_s = 0, time.monotonic() + WAIT_S
        while found < crowd.said and time.monotonic() < ends_s:
            found = int(await region.fetchval(query, outboxes))
            await asyncio.sleep(0.2)
        self.claims.figures |= {"messages": crowd.said, "at_region": found}
        self.claims.check(f"all {crowd.said} messages of the boxes are at the region, too", holds=found == crowd.said)

    def _pass(self, crowd: Crowd, city: str, plate: str) -> tuple[bytes, float]:
        at_s, hit = time.time(), crowd.agents[city][0].see(plate)
        if hit is None:
            raise StackError(f"a box of {city} does not look for what it was told to")
        return hit, at_s


async def _committed(pool: Pool, query: str, hit: bytes) -> float:
    """When what is asked for was committed, in seconds since 1970; raises `StackError` if it never is."""
    ends_s = time.monotonic() + WAIT_S
    while not (rows := await pool.fetch(query, [hit])):
        if time.monotonic() > ends_s:
            raise StackError(f"waited {WAIT_S:.0f} s in vain for what a hit leads to")
        await asyncio.sleep(0.02)
    return float(rows[0]["at_s"])


def _judge(state: LocalState, claims: Claims, said: int) -> None:
    """Nothing lost and nothing doubled in the cities, whose databases nobody else has written to."""
    found = [stored(city) for city in state.cities.values()]
    lost = said - sum(each.distinct for each in found)
    doubled = sum(each.messages - each.distinct for each in found)
    claims.figures |= {"lost": lost, "duplicates": doubled}
    claims.check(f"of {said} messages {lost} are lost and {doubled} doubled", holds=not lost and not doubled)


if __name__ == "__main__":
    code = 1
    try:
        code = main()
    except* (StackError, LoadError) as errors:
        print(f"demo state: {first_of(errors)}", file=sys.stderr)
    except* KeyboardInterrupt:
        code = 130
    sys.exit(code)
