"""`aggregator acceptances`: the certificates of acceptance that boxes signed, and what has drifted from them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number

from aggregator.adapters import acceptances
from aggregator.adapters.database import Connection, opened
from aggregator.cli.console import AsJson, Config, print_json, settings_of, show_object, show_rows
from aggregator.settings import Settings

app = App(name="acceptances", help="How points were when technicians left them, and how they have drifted since.")

T = TypeVar("T")
_COLUMNS: Final = (
    "acceptance", "accepted_at", "city", "point", "device", "technician", "profile", "verdict", "checks", "is_drift",
    "received_at",
)  # fmt: skip
_HEAD: Final = (
    "acceptance", "accepted_at", "city", "point", "device", "technician", "profile", "verdict", "is_drift", "versions",
    "created_at", "received_at", "is_clock_suspect",
)  # fmt: skip
_CHECK_COLUMNS: Final = ("verdict", "check", "camera", "value")
_DRIFT_COLUMNS: Final = (*_CHECK_COLUMNS, "since")


@app.command(name="list")
def list_acceptances(
    *,
    city: Annotated[str | None, Parameter(help="Only this city.")] = None,
    point: Annotated[str | None, Parameter(help="Only this point.")] = None,
    device: Annotated[str | None, Parameter(help="Only this box.")] = None,
    drift: Annotated[bool, Parameter(help="Later comparisons too.", negative="")] = False,
    limit: Annotated[int, Parameter(help="At most so many rows.", validator=Number(gte=1, lte=1_000_000))] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Acceptances, newest first."""
    rows = _with(
        settings_of(config),
        lambda connection: acceptances.listing(
            connection, city=city, point=point, device=device, with_drift=drift, limit=limit
        ),
    )
    show_rows(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows], as_json=as_json)


@app.command
def show(
    acceptance: Annotated[str, Parameter(help="The hash, its first digits, or what the certificate's QR code says.")],
    /,
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """One acceptance with every check, to hold a paper against, and what is worse now than it was then."""
    found = _with(settings_of(config), lambda connection: acceptances.certificate(connection, acceptance))
    head = {name: found.head[name] for name in _HEAD}
    if as_json:
        print_json(head | {"checks": list(found.checks), "drift": list(found.drift)})
        return
    show_object(head, as_json=False)
    show_rows(_CHECK_COLUMNS, [[row[column] for column in _CHECK_COLUMNS] for row in found.checks], as_json=False)
    if found.drift:
        show_rows(_DRIFT_COLUMNS, [[row[column] for column in _DRIFT_COLUMNS] for row in found.drift], as_json=False)


def _with(settings: Settings, ask: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
            return await ask(connection)

    return asyncio.run(run())
