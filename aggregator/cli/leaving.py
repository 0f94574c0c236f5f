"""`aggregator federation shared|leave`: the end of a link, and what of a city would stay armed in others after it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from aggregator.adapters import federation_desk, federation_link, membership, shared_entries
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.federation_link import Link
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.errors import AggregatorError, BadInput, NotThere
from aggregator.settings import Settings
from protocol.names import check_id

T = TypeVar("T")
_COLUMNS: Final = ("entry", "batch", "scope", "expires_at", "is_withdrawn")


def shared(*, as_json: AsJson = False, config: Config = None) -> None:
    """In a city: its entries that other cities' boxes look for, by what expires first; no plates.

    One that is withdrawn is here until the region has the withdrawal.
    """
    settings, now = settings_of(config), datetime.now(UTC)
    link = _link(settings)
    rows = _with(settings, lambda pool: shared_entries.shared_entries(pool, link, now=now))
    show_rows(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows], as_json=as_json)


def leave(
    city: Annotated[str | None, Parameter(help="At the region: which city is to leave.")] = None,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept.")],
    leave_armed: Annotated[
        bool, Parameter(negative="", help="In a city: although boxes of other cities look for vehicles of its list.")
    ] = False,
    config: Config = None,
) -> None:
    """Leave the region; at the region, end a city's link. Everything that was brought stays where it is.

    A city whose entries others look for is told how many, and leaves once they are withdrawn, or with --leave-armed.
    """
    settings, who, why = settings_of(config), actor(), checked_reason(reason)
    if settings.role == "region":
        if city is None:
            raise BadInput("say which city is to leave: aggregator federation leave CITY --reason ...")
        _end(settings, check_id(city, "CITY"), who, why)
        return
    if city not in (None, settings.city):
        raise BadInput(f"this is {settings.city}; only the region ends another city's link")
    link, now = _link(settings), datetime.now(UTC)
    armed = len(_with(settings, lambda pool: shared_entries.shared_entries(pool, link, now=now)))
    if armed and not leave_armed:
        raise BadInput(
            f"boxes of other cities look for {armed} entries of {settings.city}, and would until they expire. First:"
            " aggregator federation shared, then aggregator hotlist withdraw ENTRY... --reason ...;"
            " or leave all the same: --leave-armed"
        )
    left = _with(settings, lambda pool: membership.leave(pool, settings, actor=who, reason=why, now=now))
    say(f"{settings.city} has left {left.region}")
    _say_armed(armed)
    if left.trouble is not None:
        raise AggregatorError(
            f"but the region was not told: {left.trouble}. Have it run: aggregator federation leave {settings.city}"
        )


def _end(settings: Settings, city: str, who: str, why: str) -> None:
    """At the region: the city is out."""
    now = datetime.now(UTC)
    trouble = _with(settings, lambda pool: federation_desk.leave(pool, settings, city, actor=who, reason=why, now=now))
    say(f"the link of {city} is ended, and what was issued for it holds no more")
    _say_armed(_with(settings, lambda pool: shared_entries.armed_elsewhere(pool, city, now=now)))
    if trouble is not None:
        raise AggregatorError(f"but the broker was not told: {trouble}. Then run: aggregator broker config")


def _say_armed(entries: int) -> None:
    if entries:
        say(f"{entries} of its entries stay armed in other cities until they expire")


def _link(settings: Settings) -> Link:
    link = federation_link.read(settings) if settings.role == "city" else None
    if link is None:
        raise NotThere(f"{settings.city} is not linked to a region; see: aggregator federation status")
    return link


def _with(settings: Settings, ask: Callable[[Pool], Awaitable[T]]) -> T:
    async def work() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await ask(database.pool)

    return asyncio.run(work())
