"""`aggregator token`: who may ask the HTTP API, what, about which cities, until when (docs/api.md).

A token is written once, to stdout or to a new file that only its owner can read. It never stands on a command line, in
a log or in the audit.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import asyncpg
from cyclopts import App, Parameter

from aggregator.adapters import keyfiles
from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.cli.console import AsJson, Cell, Config, print_json, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.core.api_tokens import Scope, checked_expiry, checked_name, checked_scopes
from aggregator.errors import AlreadyThere, BadInput
from aggregator.settings import Settings

app = App(name="token", help="Who may ask the HTTP API, and what.")
T = TypeVar("T")
_COLUMNS: Final = ("token", "state", "scopes", "cities", "expires_at", "last_used_at", "added_by", "added_at",
                   "revoked_at", "revoked_by")  # fmt: skip
_EVERY: Final = "*"

Name = Annotated[str, Parameter(help="The token's name; the audit knows it by this.")]
Why = Annotated[str, Parameter(name="--reason", help="Why. Kept in the audit; no plates.")]


@app.command
def add(
    name: Name,
    /,
    *,
    scope: Annotated[tuple[str, ...], Parameter(help=f"What it opens: {', '.join(Scope)}. May be repeated.")],
    expires: Annotated[str, Parameter(help="How long it holds: 90d, 12h; 366 days at most.")],
    reason: Why,
    city: Annotated[tuple[str, ...], Parameter(help="A city that it sees. May be repeated.")] = (),
    every_city: Annotated[bool, Parameter(negative="", help="It sees every city, also later ones.")] = False,
    out: Annotated[Path | None, Parameter(help="Write the token into this new file, mode 600; else to stdout.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a token and show it, once: nobody can show it again."""
    if bool(city) == every_city:
        raise BadInput("say which cities it sees: --city CITY, which may be repeated, or --every-city")
    if out is not None and out.exists():
        raise AlreadyThere(f"{out} is already there and is not written over")
    settings, who, why, now = settings_of(config), actor(), checked_reason(reason), datetime.now(UTC)
    scopes, expires_at, cities = checked_scopes(scope), checked_expiry(expires, now=now), city or None
    checked_name(name)
    text = _at_desk(
        settings,
        lambda desk: desk.add(name, scopes, cities, expires_at=expires_at, actor=who, reason=why, now=now),
    )
    if out is not None:
        keyfiles.write_new(out, f"{text}\n".encode(), keyfiles.PRIVATE)
    if as_json:
        shown = {"token_file": str(out)} if out is not None else {"secret": text}
        print_json({"token": name, "expires_at": expires_at, **shown})
    else:
        sys.stdout.write(f"{text if out is None else out}\n")
        say(f"the token {name} holds until {expires_at:%Y-%m-%d %H:%M} UTC; nobody can show it again")


@app.command(name="list")
def list_tokens(*, as_json: AsJson = False, config: Config = None) -> None:
    """Tokens: what they open, until when, and when they were last used."""
    now = datetime.now(UTC)
    rows = _at_desk(settings_of(config), lambda desk: desk.listed())
    told = [_told(row, now) for row in rows]
    if as_json:
        print_json(told)
    else:
        show_rows(_COLUMNS, [[_cell(row[column]) for column in _COLUMNS] for row in told], as_json=False)


@app.command
def revoke(name: Name, /, *, reason: Why, config: Config = None) -> None:
    """Let a token open nothing more, from now on; what it has open ends."""
    settings, who, why, now = settings_of(config), actor(), checked_reason(reason), datetime.now(UTC)
    _at_desk(settings, lambda desk: desk.revoke(name, actor=who, reason=why, now=now))
    say(f"the token {name} is revoked")


def _told(row: asyncpg.Record, now: datetime) -> dict[str, object]:
    state = "revoked" if row["revoked_at"] is not None else "expired" if now >= row["expires_at"] else "good"
    return {**row, "state": state, "cities": [_EVERY] if row["cities"] is None else row["cities"]}


def _cell(value: object) -> Cell:
    if isinstance(value, list):
        return ", ".join(value)
    return value if value is None or isinstance(value, datetime) else str(value)


def _at_desk(settings: Settings, work: Callable[[TokenDesk], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(TokenDesk(database.pool))

    return asyncio.run(ask())
