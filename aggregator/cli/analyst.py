"""`aggregator analyst`: database roles for people who ask in SQL, each limited to his cities (docs/analyst.md)."""

import asyncio
import getpass
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from aggregator.adapters.analyst_roles import Analyst, AnalystRoles
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.keyfiles import read_file
from aggregator.cli.console import AsJson, Config, print_json, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.core.analysts import verifier
from aggregator.errors import BadInput
from aggregator.settings import Settings

app = App(name="analyst", help="Database roles for people who ask in SQL, each limited to his cities.")
T = TypeVar("T")
_COLUMNS: Final = ("analyst", "cities", "can_login")
_SALT_BYTES: Final = 16
Why = Annotated[str, Parameter(name="--reason", help="Why. Kept in the audit; no plates.")]


@app.command
def add(
    name: Annotated[str, Parameter(help="The role's name: a-z, 0-9 and _.")],
    /,
    *,
    city: Annotated[tuple[str, ...], Parameter(help="A city that he may read. May be repeated.")],
    password_file: Annotated[
        Path | None, Parameter(help="At a server: a file with his password; else asked for.")
    ] = None,
    no_password: Annotated[
        bool,
        Parameter(
            name="--no-password", negative="", help="At a server that knows him otherwise: by certificate, LDAP."
        ),
    ] = False,
    reason: Why = "asks for his cities",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a role that reads the views of its cities, without plates, and nothing else."""
    settings, why = settings_of(config), checked_reason(reason)
    is_embedded = settings.database.dsn is None
    if is_embedded and password_file is not None:
        raise BadInput("the embedded PostgreSQL takes no password: it lets the owner of its folder in, and nobody else")
    kept = (
        None
        if is_embedded or no_password
        else verifier(_password(name, password_file), secrets.token_bytes(_SALT_BYTES))
    )
    made = _with_roles(settings, lambda roles: roles.add(name, city, verifier=kept, reason=why))
    show_object(_fields(made), as_json=as_json)
    if is_embedded:
        say(f'ask with: aggregator query --role {made.name} --sql "TABLE ask.point"')


@app.command(name="list")
def list_analysts(*, as_json: AsJson = False, config: Config = None) -> None:
    """Analysts' roles and their cities."""
    found = _with_roles(settings_of(config), lambda roles: roles.list())
    if as_json:
        print_json([_fields(each) for each in found])
    else:
        rows = [(each.name, ", ".join(each.cities), each.can_login) for each in found]
        show_rows(_COLUMNS, rows, as_json=False)


@app.command
def remove(name: str, /, *, reason: Why = "asks no longer", config: Config = None) -> None:
    """Drop a role; what it has open sees nothing from then on."""
    why = checked_reason(reason)
    _with_roles(settings_of(config), lambda roles: roles.remove(name, reason=why))
    say(f"{name} is gone")


def _with_roles(settings: Settings, act: Callable[[AnalystRoles], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await act(AnalystRoles(database.pool, actor=actor()))

    return asyncio.run(run())


def _fields(analyst: Analyst) -> dict[str, object]:
    return {"analyst": analyst.name, "cities": list(analyst.cities), "can_login": analyst.can_login}


def _password(name: str, file: Path | None) -> str:
    if file is not None:
        try:
            return read_file(file).decode().rstrip("\n")
        except UnicodeDecodeError as exc:
            raise BadInput(f"{file} is no text") from exc
    if not sys.stdin.isatty():
        raise BadInput(f"the password of {name}: no terminal to ask on; use --password-file, or --no-password")
    given = getpass.getpass(f"Password of {name}: ")
    if getpass.getpass("Once more: ") != given:
        raise BadInput("the two differ; nothing was done")
    return given
