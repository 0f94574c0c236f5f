"""A state brought up for a fleet: installations founded, boxes enrolled, servers started, cities linked, lists signed.

Each step shows how far it is. Boxes are enrolled before their aggregator starts, which would otherwise read its
registry again for each of them.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from stack.city import LocalCity
from stack.state import LocalState

from aggregator.adapters.database import NAME
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.settings import load
from fleet.crowd import Placed, enrol
from fleet.layout import Site

_LISTED_AT_ONCE: Final = 25_000  # by one import: on a busy machine a command with many more would take too long


def brought_up(
    state: LocalState,
    sites: Mapping[str, Sequence[Site]],
    plates: Mapping[str, Sequence[str]],
    console: Console,
    *,
    is_shared: bool = True,
) -> dict[str, list[Placed]]:
    """All of it; the boxes of each city. `plates` are what each city's officers list.

    With `is_shared` they list them for the whole region, once every city's root has granted the officers of all others.
    """
    is_shared = is_shared and state.region is not None
    with steps(console, "found installations", len(state.all)) as told:
        state.found(told)
    with steps(console, "enrol boxes", sum(map(len, sites.values()))) as told:
        placed = {name: _enrolled(city, sites[name], told) for name, city in state.cities.items()}
    with steps(console, "start brokers, databases, aggregators; link each city to its region", len(state.all)) as told:
        state.start(told)
    if is_shared:
        with steps(console, "each city's root grants the others' officers", len(state.cities)) as told:
            state.adopt(told)
    with steps(console, "two officers of each city sign its list", len(state.cities)) as told:
        _list_everywhere(state, plates, told, scope="*" if is_shared else "")
    return placed


def _list_everywhere(
    state: LocalState, plates: Mapping[str, Sequence[str]], told: Callable[[], None], *, scope: str
) -> None:
    """Have each city list its plates, as many cities at once as there are cores; `told` of each."""

    def listed(name: str) -> None:
        for at in range(0, len(plates[name]), _LISTED_AT_ONCE):
            state.cities[name].want(plates[name][at : at + _LISTED_AT_ONCE], scope=scope)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(listed, state.cities):
            told()


@contextmanager
def bar(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar; each call says how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def steps(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar that moves by one at each call."""
    done = count(1)
    with bar(console, what, total) as completed:
        yield lambda: completed(next(done))


def _enrolled(city: LocalCity, sites: Sequence[Site], told: Callable[[], None]) -> list[Placed]:
    settings = load(city.config)
    with EmbeddedPostgres(settings.database.data_dir) as postgres:
        return asyncio.run(enrol(postgres.dsn(NAME), settings, city.folder / "boxes", sites, told))
