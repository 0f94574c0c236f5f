"""Enrol a fleet while things break, and count who is half enrolled at the end: nobody may be.

    .venv/bin/python scripts/enroll_drill.py --devices 60 --seed 7

The command centre is the real one: aggregator, mosquitto, PostgreSQL. Boxes lose their power at every step of an
enrolment, are killed with -9, come over a line that is cut, ask several times at once, share a token with a thief, have
their clock in 1970, or wait for a person. Meanwhile the aggregator is killed with -9 at every step between two durable
effects of its own, and started again. After each fault a technician runs the same command again.

The last line is one JSON object. A box that is half enrolled, or not at all, makes the exit code 1. docs/enrolment.md
tells how to read what is printed.
"""

import asyncio
import csv
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import cyclopts
from enrolling.box import Box
from enrolling.faults import FAULTS, GUARDED, Around
from enrolling.verdict import Verdict, judge
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from stack.city import LocalCity

from aggregator.adapters import enrolment_desk, invitation_desk
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.invitation_desk import Wish
from aggregator.settings import Settings, load

AT_ONCE = 6
PROFILE = "n100"
_WATCH_S = 0.1
_BACK_S = 90.0

console = Console(highlight=False, stderr=True)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@dataclass(frozen=True, slots=True)
class Case:
    """A box and what is done to it."""

    fault: str
    box: Box


@app.default
def main(*, devices: int = 60, seed: int = 1, keep: Path | None = None) -> int:
    """Run the drill.

    Parameters
    ----------
    devices
        How many boxes; 25 or more pass every fault.
    seed
        Repeats the choice of faults, their order and their moments.
    keep
        Leave the city's folder here, with every log, instead of a temporary one.
    """
    with tempfile.TemporaryDirectory(prefix="atalaya-enrol-") as scratch:
        city = LocalCity((keep or Path(scratch)) / "stack")
        try:
            with console.status("found the city, start the servers, register the points"):
                _found(city, devices)
            summary = asyncio.run(_drill(city, devices, Random(seed)))
        finally:
            city.stop()
    print(json.dumps(summary), flush=True)
    return 0 if summary["enrolled"] == devices and not summary["half_enrolled"] else 1


def chosen(count: int, rng: Random) -> list[str]:
    """A fault for each box: every fault in turn, in an order of chance."""
    names: list[str] = []
    while len(names) < count:
        names += rng.sample(list(FAULTS), len(FAULTS))
    return names[:count]


def _found(city: LocalCity, devices: int) -> None:
    city.found()
    city.start_servers()
    file = city.folder / "points.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("point_id", "city_id", "name", "latitude", "longitude"))
        writer.writerows((f"p-{n:03}", city.city, f"Esquina {n}", "25.43", "-101.0") for n in range(1, devices + 1))
    city.rows("point", "import", str(file))


async def _drill(city: LocalCity, devices: int, rng: Random) -> dict[str, float]:
    settings = load(city.config)
    async with opened(settings.database) as database:
        cases = [
            Case(fault, await _unpacked(city, settings, database.pool, number, is_guarded=fault == GUARDED))
            for number, fault in enumerate(chosen(devices, rng), 1)
        ]
        begun = time.monotonic()
        async with _killed_now_and_then(city, enrolment_desk.STEPS, rng) as kills:
            await _run_all(cases, Around(rng, settings.http.enrol_port, database.pool))
        seconds = time.monotonic() - begun
        verdicts = [await judge(case.box, database.pool) for case in cases]
    _show(cases, verdicts, kills)
    counted = Counter(verdicts)
    return {
        "devices": devices,
        "enrolled": counted[Verdict.ENROLLED],
        "half_enrolled": counted[Verdict.HALF],
        "seconds": round(seconds, 1),
    }


async def _unpacked(city: LocalCity, settings: Settings, pool: Pool, number: int, *, is_guarded: bool) -> Box:
    """A new box with its invitation."""
    wish = Wish(
        city=city.city,
        point=f"p-{number:03}",
        profile=PROFILE,
        device=f"box-{number:03}",
        settings_toml="",
        needs_approval=is_guarded,
        valid=timedelta(hours=1),
    )
    made = await invitation_desk.invite(pool, settings, wish, actor="os:drill", now=datetime.now(UTC))
    box = Box(made.token.device, city.folder / "boxes" / made.token.device, made.token, f"127.1.0.{number % 250 + 1}")
    box.unpack()
    return box


async def _run_all(cases: Sequence[Case], around: Around) -> None:
    room = asyncio.Semaphore(AT_ONCE)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("enrol", total=len(cases))

        async def one(case: Case) -> None:
            async with room:
                begun = time.monotonic()
                await FAULTS[case.fault](case.box, around)
                case.box.seconds = time.monotonic() - begun
                progress.advance(bar)

        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(one(case), name=case.box.device)


@asynccontextmanager
async def _killed_now_and_then(city: LocalCity, steps: Iterable[str], rng: Random) -> AsyncIterator[Counter[str]]:
    """While the context lasts, the aggregator is killed with -9 at each step once, and started again each time."""
    kills: Counter[str] = Counter()

    async def torment() -> None:
        for step in steps:
            await _restarted(city, {"ATALAYA_CRASH_AT": f"{step}:{rng.randint(1, 3)}"})
            while city.aggregator.pid is not None:  # noqa: ASYNC110  a process has no event
                await asyncio.sleep(_WATCH_S)
            kills[step] += 1
        await _restarted(city, {})

    task = asyncio.create_task(torment(), name="torment")
    try:
        yield kills
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _restarted(city: LocalCity, extra: dict[str, str]) -> None:
    """Kill the aggregator if it runs, start it, and wait until it is well; the loop goes on meanwhile."""
    city.aggregator.kill()
    city.aggregator.start(extra)
    async with asyncio.timeout(_BACK_S):
        while not await asyncio.to_thread(city.is_healthy):  # noqa: ASYNC110  a process has no event
            await asyncio.sleep(_WATCH_S)


def _show(cases: Sequence[Case], verdicts: Sequence[Verdict], kills: Counter[str]) -> None:
    table = Table("fault", "boxes", "enrolled", "attempts", "longest s", "what the technician was told", box=None)
    table.columns[0].no_wrap = True
    for fault in FAULTS:
        mine = [(case.box, verdict) for case, verdict in zip(cases, verdicts, strict=True) if case.fault == fault]
        if mine:
            told = sum((box.told for box, _ in mine), Counter())
            table.add_row(
                fault,
                str(len(mine)),
                str(sum(verdict is Verdict.ENROLLED for _, verdict in mine)),
                str(sum(box.attempts for box, _ in mine)),
                f"{max(box.seconds for box, _ in mine):.1f}",
                ", ".join(f"{count} {word}" for word, count in told.most_common() if count),
            )
    out = Console(highlight=False, width=120)
    out.print(table)
    out.print(f"aggregator killed at: {', '.join(kills) or 'no step'}")
    for case, verdict in zip(cases, verdicts, strict=True):
        if verdict is not Verdict.ENROLLED:
            console.print(
                f"{case.box.device} ({case.fault}): {verdict.value}; {dict(case.box.told)} {case.box.last_words}"
            )


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
