"""`aggregator audit list|verify`: who looked at what and why, and whether anybody has touched the record."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from aggregator.adapters import audit_log
from aggregator.adapters.database import Connection, opened
from aggregator.cli.console import AsJson, Config, say, settings_of, show_object, show_rows
from aggregator.settings import Settings

app = App(name="audit", help="The record of every look at a plate or a picture.")
TAMPERED: Final = 3
_COLUMNS: Final = ("number", "at", "actor", "action", "subject", "reason")
T = TypeVar("T")


@app.command(name="list")
def list_rows(
    *,
    subject: Annotated[str | None, Parameter(help="Only about this, such as hit:HASH.")] = None,
    who: Annotated[str | None, Parameter(name="--actor", help="Only by him, such as os:ana.")] = None,
    limit: Annotated[int, Parameter(help="The newest so many rows.")] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The newest rows, oldest first."""
    rows = _with(
        settings_of(config), lambda connection: audit_log.rows(connection, subject=subject, actor=who, limit=limit)
    )
    cells = [(row.number, row.at, row.actor, row.action, row.subject, row.reason) for row in rows]
    show_rows(_COLUMNS, cells, as_json=as_json)


@app.command
def verify(*, as_json: AsJson = False, config: Config = None) -> int:
    """Check the whole chain; exit code 3 if a row was changed, inserted or removed."""
    count, findings = _with(settings_of(config), audit_log.verify)
    if as_json:
        found = [{"number": each.number, "problem": each.problem} for each in findings]
        show_object({"rows": count, "findings": found}, as_json=True)
    for finding in findings:
        say(f"audit row {finding.number}: {finding.problem}")
    if not as_json:
        show_object({"rows": count, "findings": len(findings)}, as_json=False)
    return TAMPERED if findings else 0


def _with(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
            return await work(connection)

    return asyncio.run(run())
