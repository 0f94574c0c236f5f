"""`aggregator webhooks`: who is told of what happens to alerts. Secrets lie in files, never on a command line."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number

from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.webhook_desk import WebhookDesk
from aggregator.cli.console import AsJson, Config, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.core.alerts import Act
from aggregator.errors import BadInput
from aggregator.settings import Settings

app = App(name="webhooks", help="Who is told of what happens to alerts.")
T = TypeVar("T")
NOTICE: Final = "notice"  # beside what happens to alerts: a notice of another city came, changed or is over
_COLUMNS: Final = ("webhook", "url", "city", "acts", "waiting", "dead", "delivered", "last_delivered_at", "failures",
                   "is_private", "added_by", "added_at")  # fmt: skip
_DEAD: Final = ("webhook", "number", "alert", "waiting_since", "dead_at", "attempts", "problem", "body")

Name = Annotated[str, Parameter(help="The webhook's name.")]
Why = Annotated[str, Parameter(name="--reason", help="Why. Kept in the audit; no plates.")]


@app.command
def add(
    name: Name,
    /,
    *,
    url: Annotated[str, Parameter(help="Where to post: https://...")],
    reason: Why,
    act: Annotated[tuple[str, ...], Parameter(help="Only when this happens; may be repeated. None: all.")] = (),
    city: Annotated[str | None, Parameter(help="Only alerts of this city.")] = None,
    private: Annotated[bool, Parameter(negative="", help="Its address may be one of a private network.")] = False,
    secret_file: Annotated[Path | None, Parameter(help="File of the secret to sign with; else one is made.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tell a receiver from now on. Give it the secret out of the file that is named."""
    known = (*Act, NOTICE)
    unknown = [each for each in act if each not in known]
    if unknown:
        raise BadInput(f"--act {unknown[0]!r}: want one of {', '.join(known)}")
    settings, who, why = settings_of(config), actor(), checked_reason(reason)
    secret = None if secret_file is None else keyfiles.read_file(secret_file).decode("ascii", "replace")
    path = _at_desk(
        settings,
        lambda desk: desk.add(
            name, url, city=city, acts=act, is_private=private, secret=secret, actor=who, reason=why,
            now=datetime.now(UTC),
        ),
    )  # fmt: skip
    show_object({"webhook": name, "secret_file": str(path)}, as_json=as_json)


@app.command(name="list")
def list_webhooks(*, as_json: AsJson = False, config: Config = None) -> None:
    """Webhooks: what waits, what was given up, what was taken."""
    rows = _at_desk(settings_of(config), lambda desk: desk.listed())
    show_rows(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows], as_json=as_json)


@app.command
def remove(name: Name, /, *, reason: Why, config: Config = None) -> None:
    """Tell a receiver nothing more. What waits for it, and its secret, are forgotten."""
    who, why = actor(), checked_reason(reason)
    _at_desk(settings_of(config), lambda desk: desk.remove(name, actor=who, reason=why))
    say(f"webhook {name} is removed")


@app.command
def dead(
    name: Annotated[str | None, Parameter(help="Only this webhook's.")] = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="At most so many.", validator=Number(gte=1))] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Messages that were given up, and why."""
    rows = _at_desk(settings_of(config), lambda desk: desk.dead(name, limit))
    columns = _DEAD if as_json else _DEAD[:-1]
    show_rows(columns, [[row[column] for column in columns] for row in rows], as_json=as_json)


@app.command
def retry(
    name: Name,
    /,
    *,
    reason: Why,
    number: Annotated[int | None, Parameter(help="Only this message.")] = None,
    config: Config = None,
) -> None:
    """Try a receiver's dead letters again, and what waits for it, at once."""
    who, why, now = actor(), checked_reason(reason), datetime.now(UTC)
    count = _at_desk(settings_of(config), lambda desk: desk.retry(name, number, actor=who, reason=why, now=now))
    say(f"{count} dead letters of {name} are tried again")


def _at_desk(settings: Settings, work: Callable[[WebhookDesk], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(WebhookDesk(database.pool, settings.alerts.webhooks_dir))

    return asyncio.run(ask())
