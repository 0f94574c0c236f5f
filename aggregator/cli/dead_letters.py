"""`aggregator federation dead|retry|dismiss`: what the region refused for good, without plates, and what to do."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from aggregator.adapters import federation_link
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.dead_letters import DeadLetters
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.cli.queries import Limit
from aggregator.core.forwarding import word_of
from aggregator.errors import BadInput, NotThere
from aggregator.settings import Settings
from protocol.names import check_id
from protocol.refusals import Refusal

T = TypeVar("T")
_COLUMNS: Final = ("refused_at", "why", "kind", "point", "device", "received_at", "event")
_WORDS: Final = tuple(word_of(each) for each in Refusal)
Reason = Annotated[str, Parameter(name="--reason", help="Why; it is kept.")]
Why = Annotated[str | None, Parameter(name="--why", help="Only what was refused for this word of `federation dead`.")]
Device = Annotated[str | None, Parameter(name="--device", help="Only messages of this box.")]


def dead(*, limit: Limit = 100, as_json: AsJson = False, config: Config = None) -> None:
    """In a city: messages that the region refused for good, the newest first, and why; no plates."""
    settings, who = _city(config), actor()
    letters = _at_desk(settings, lambda desk: desk.listed(limit, actor=who))
    columns = _COLUMNS if as_json else _COLUMNS[:-1]
    rows = [asdict(each) | {"event": each.event.hex()} for each in letters]
    show_rows(columns, [[row[column] for column in columns] for row in rows], as_json=as_json)


def retry(*, reason: Reason, why: Why = None, device: Device = None, config: Config = None) -> None:
    """In a city: send again what the region refused for good, once what it was refused for is mended there."""
    settings, who, told = _city(config), actor(), checked_reason(reason)
    whose, word = _device(device), _word(why)
    if federation_link.read(settings) is None:
        raise NotThere(f"{settings.city} is not linked to a region: nothing can be sent to it")
    done = _at_desk(settings, lambda desk: desk.retry(whose, word, actor=who, reason=told))
    say(f"{done.again} dead letters go to the region again")
    if done.gone:
        say(f"{done.gone} are forgotten: retention has taken the messages")


def dismiss(*, reason: Reason, why: Why = None, device: Device = None, config: Config = None) -> None:
    """In a city: take off the list what the region refused as it should; the messages stay in the city."""
    settings, who, told = _city(config), actor(), checked_reason(reason)
    whose, word = _device(device), _word(why)
    count = _at_desk(settings, lambda desk: desk.dismiss(whose, word, actor=who, reason=told))
    say(f"{count} dead letters are dismissed")


def _word(why: str | None) -> str | None:
    if why is not None and why not in _WORDS and not why.isdecimal():  # a newer region may have others, told as numbers
        raise BadInput(f"--why {why!r}: want one of {', '.join(_WORDS)}")
    return why


def _device(device: str | None) -> str | None:
    return None if device is None else check_id(device, "--device")


def _city(config: Config) -> Settings:
    settings = settings_of(config)
    if settings.role != "city":
        raise BadInput("a region passes nothing on; run this in a city's installation")
    return settings


def _at_desk(settings: Settings, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(DeadLetters(database.pool))

    return asyncio.run(ask())
