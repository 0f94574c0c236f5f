"""`aggregator ca`: the certificate authority's life: its dates, its list, its rotation, its backup."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclopts import App

from aggregator.adapters import dates_probe, installation, mosquitto
from aggregator.adapters.database import opened
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from aggregator.core.broker_health import Grade
from aggregator.core.dates import Dating, worst_first
from aggregator.errors import DatesNear
from aggregator.settings import Settings

app = App(name="ca", help="The certificate authority: dates, revocation list, rotation, backup.")
app.command("aggregator.cli.ca_rotate:rotate", name="rotate")
app.command("aggregator.cli.ca_rotate:sign", name="sign")
app.command("aggregator.cli.ca_backup:backup", name="backup")
app.command("aggregator.cli.ca_backup:restore", name="restore")
COLUMNS = ("grade", "what", "name", "until", "days_left")


@app.command
def status(*, json: AsJson = False, config: Config = None) -> None:
    """Show what ends one day, the most urgent first. Fails if anything is bad."""
    found = asyncio.run(_judged(settings_of(config)))
    show_rows(COLUMNS, [_row(each) for each in found], as_json=json)
    due = [each for each in found if each.grade is not Grade.GOOD]
    for each in due:
        say(each.text)
    bad = sum(each.grade is Grade.BAD for each in due)
    if bad:
        raise DatesNear(f"{bad} of {len(found)} dates are near or past; the lines above say what to do")


@app.command
def crl(*, config: Config = None) -> None:
    """Sign the revocation list anew from the registry, and have a running broker read it."""
    settings = settings_of(config)
    count = asyncio.run(_write_crl(settings))
    say(f"{settings.keys.crl} names {count} revoked certificates")
    reload_broker(settings)


def reload_broker(settings: Settings) -> None:
    """Have the broker read its lists again, if it runs here."""
    if mosquitto.running(settings) is None:
        say("the broker does not run here; where it runs, have it read its files again: kill -HUP")
    else:
        mosquitto.reload(settings)
        say("the broker has read it")


def _row(found: Dating) -> Sequence[str | int | datetime]:
    return (found.grade.value, found.dated.kind.value, found.dated.name, found.dated.until, found.days_left)


async def _judged(settings: Settings) -> list[Dating]:
    async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
        return worst_first(await dates_probe.judged(connection, settings, now=datetime.now(UTC)))


async def _write_crl(settings: Settings) -> int:
    async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
        return await installation.write_crl(connection, settings, now=datetime.now(UTC))
