"""`aggregator city|partner|point|camera|device`: the registry, row by row or from CSV files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from aggregator.adapters import installation, keyfiles
from aggregator.adapters.database import opened
from aggregator.adapters.registry_files import read_rows, time_zones
from aggregator.adapters.registry_store import Registry
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_object, show_rows
from aggregator.core.registry import Line, Outcome, name_of, parse_row
from aggregator.errors import BadInput
from aggregator.settings import Settings

Replace = Annotated[bool, Parameter(negative="", help="Overwrite a row that is registered otherwise.")]
KeepGoing = Annotated[bool, Parameter(negative="", help="Register the good lines even if others are refused.")]

city = App(name="city", help="Cities.")
partner = App(name="partner", help="Private companies that connect their own cameras.")
point = App(name="point", help="Street sites: one box and its cameras.")
camera = App(name="camera", help="Cameras of the points.")
device = App(name="device", help="Identities that boxes speak under, and their certificates.")
APPS: Final = (city, partner, point, camera, device)
for _command in ("invite", "invitations", "uninvite", "approve", "answer"):
    device.command(f"aggregator.cli.invite:{_command}", name=_command)
for _command in ("revoke", "revocations", "replace", "move"):
    device.command(f"aggregator.cli.succession:{_command}", name=_command)
for _command in ("invite", "terms", "suspend", "report", "cameras"):
    partner.command(f"aggregator.cli.partner:{_command}", name=_command)
partner.command("aggregator.cli.partner:list_", name="list")


@city.command(name="add")
def add_city(
    city_id: str, /, *, name: str, time_zone: str = "America/Monterrey", replace: Replace = False, config: Config = None
) -> None:
    """Register a city."""
    _add("city", {"city_id": city_id, "name": name, "time_zone": time_zone}, replace=replace, config=config)


@partner.command(name="add")
def add_partner(
    partner_id: str,
    /,
    *,
    name: str,
    terms: Annotated[str, Parameter(help="Where the signed terms are filed.")],
    signed_on: Annotated[str, Parameter(help="YYYY-MM-DD.")],
    contact: Annotated[str, Parameter(help="Whom to ask about its cameras: who, and by which telephone.")] = "",
    replace: Replace = False,
    config: Config = None,
) -> None:
    """Register a partner."""
    cells = {"partner_id": partner_id, "name": name, "terms": terms, "signed_on": signed_on, "contact": contact}
    _add("partner", cells, replace=replace, config=config)


@point.command(name="add")
def add_point(
    point_id: str,
    /,
    *,
    city_id: Annotated[str, Parameter(name="--city")],
    name: str,
    latitude: Annotated[str, Parameter(help="Degrees, WGS 84, north positive.", allow_leading_hyphen=True)],
    longitude: Annotated[str, Parameter(help="Degrees, WGS 84, east positive.", allow_leading_hyphen=True)],
    time_zone: Annotated[str, Parameter(help="IANA name; the city's if none.")] = "",
    partner_id: Annotated[str, Parameter(name="--partner")] = "",
    replace: Replace = False,
    config: Config = None,
) -> None:
    """Register a point."""
    cells = {"point_id": point_id, "city_id": city_id, "name": name, "latitude": latitude, "longitude": longitude}
    cells |= {"time_zone": time_zone, "partner_id": partner_id}
    _add("point", cells, replace=replace, config=config)


@camera.command(name="add")
def add_camera(
    camera_id: str,
    /,
    *,
    point_id: Annotated[str, Parameter(name="--point")],
    heading: Annotated[str, Parameter(help="Where it looks: degrees clockwise from north, 0 to 359.")],
    lane: str = "",
    name: str = "",
    replace: Replace = False,
    config: Config = None,
) -> None:
    """Register a camera of a point."""
    cells = {"point_id": point_id, "camera_id": camera_id, "heading_deg": heading, "lane": lane, "name": name}
    _add("camera", cells, replace=replace, config=config)


@device.command(name="add")
def add_device(
    device_id: str,
    /,
    *,
    point_id: Annotated[str, Parameter(name="--point")],
    profile: Annotated[str, Parameter(help="Firmware profile.")] = "",
    replace: Replace = False,
    config: Config = None,
) -> None:
    """Register a device at a point."""
    cells = {"device_id": device_id, "point_id": point_id, "profile": profile}
    _add("device", cells, replace=replace, config=config)


@city.command(name="show")
def show_city(city_id: str, /, *, json: AsJson = False, config: Config = None) -> None:
    """Show a city."""
    _show("city", city_id, as_json=json, config=config)


@partner.command(name="show")
def show_partner(partner_id: str, /, *, json: AsJson = False, config: Config = None) -> None:
    """Show a partner."""
    _show("partner", partner_id, as_json=json, config=config)


@point.command(name="show")
def show_point(point_id: str, /, *, json: AsJson = False, config: Config = None) -> None:
    """Show a point."""
    _show("point", point_id, as_json=json, config=config)


@camera.command(name="show")
def show_camera(
    camera_id: str,
    /,
    *,
    point_id: Annotated[str, Parameter(name="--point")],
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Show a camera."""
    _show("camera", point_id, camera_id, as_json=json, config=config)


@device.command(name="show")
def show_device(device_id: str, /, *, json: AsJson = False, config: Config = None) -> None:
    """Show a device with its keys."""
    asyncio.run(_show_device(device_id, settings_of(config), as_json=json))


@device.command
def issue(device_id: str, /, *, csr: Path, out: Path, config: Config = None) -> None:
    """Certify a device's key, and write our half of its identity folder.

    Parameters
    ----------
    csr
        The certificate request that `edge-agent identity new` made (device.csr.pem).
    out
        The device's identity folder, or a new one to be copied into it.
    """
    asyncio.run(_issue(device_id, settings_of(config), csr, out))


def _list_command(noun: str, app: App) -> None:
    def list_rows(*, json: AsJson = False, config: Config = None) -> None:
        asyncio.run(_list(noun, settings_of(config), as_json=json))

    app.command(list_rows, name="list", help=f"List the {app.name[0]} rows.")


def _import_command(noun: str, app: App) -> None:
    def import_rows(
        file: Path,
        /,
        *,
        keep_going: KeepGoing = False,
        replace: Replace = False,
        json: AsJson = False,
        config: Config = None,
    ) -> None:
        asyncio.run(_import(noun, settings_of(config), file, keep_going=keep_going, replace=replace, as_json=json))

    app.command(import_rows, name="import", help="Register the rows of a CSV file: all of them, or none.")


for _app in APPS:
    _import_command(_app.name[0], _app)
    if _app is not partner:  # whose list says where its terms stand
        _list_command(_app.name[0], _app)


@asynccontextmanager
async def _registry(settings: Settings) -> AsyncIterator[Registry]:
    async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
        yield Registry(connection)


def _add(noun: str, cells: dict[str, str], *, replace: bool, config: Path | None) -> None:
    row = parse_row(noun, cells, time_zones())

    async def add(settings: Settings) -> Outcome:
        async with _registry(settings) as registry:
            return await registry.add(noun, row, replace=replace)

    say(f"{noun} {name_of(row)}: {asyncio.run(add(settings_of(config))).value}")


def _show(noun: str, *key: str, as_json: bool, config: Path | None) -> None:
    async def show(settings: Settings) -> None:
        async with _registry(settings) as registry:
            show_object(msgspec.to_builtins(await registry.show(noun, *key)), as_json=as_json)

    asyncio.run(show(settings_of(config)))


async def _show_device(device_id: str, settings: Settings, *, as_json: bool) -> None:
    async with _registry(settings) as registry:
        place = await registry.place(device_id)
        keys = [dict(record) | {"key_id": record["key_id"].hex()} for record in await registry.keys(device_id)]
        kin, stood = await registry.kin(device_id), [dict(record) for record in await registry.places(device_id)]
    state = "revoked" if place.is_revoked else "active"
    facts: dict[str, object] = {"device": place.device, "city": place.city, "point": place.point, "state": state}
    facts |= {"replaces": kin["replaces"], "replaced_by": kin["replaced_by"], "stood": stood}
    show_object(facts | {"keys": keys}, as_json=as_json)


async def _list(noun: str, settings: Settings, *, as_json: bool) -> None:
    async with _registry(settings) as registry:
        records = await registry.rows(noun)
        columns = await registry.columns(noun)
    show_rows(columns, [tuple(record.values()) for record in records], as_json=as_json)


async def _import(noun: str, settings: Settings, file: Path, *, keep_going: bool, replace: bool, as_json: bool) -> None:
    rows = list(read_rows(noun, file))
    async with _registry(settings) as registry:
        lines = await registry.import_rows(noun, rows, replace=replace, keep_going=keep_going)
    cells: list[tuple[Cell, ...]] = [(line.number, line.outcome.value, line.what, line.reason) for line in lines]
    show_rows(("line", "outcome", noun, "reason"), cells, as_json=as_json)
    _judge(lines, keep_going=keep_going)


def _judge(lines: list[Line], *, keep_going: bool) -> None:
    """Say how it went; raises `BadInput` if a line was refused."""
    refused = sum(line.outcome is Outcome.REFUSED for line in lines)
    if not refused:
        say(f"{len(lines)} lines, none refused")
    elif keep_going:
        raise BadInput(f"{refused} of {len(lines)} lines refused, the others are registered")
    else:
        raise BadInput(
            f"{refused} of {len(lines)} lines refused, so none is registered; --keep-going takes the good ones"
        )


async def _issue(device_id: str, settings: Settings, csr: Path, out: Path) -> None:
    request = keyfiles.read_file(csr)
    async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
        certified = await installation.issue(connection, settings, device_id, request, out, now=datetime.now(UTC))
    say(f"{device_id} is certified until {certified.not_after:%Y-%m-%d}; {out} holds our half of its identity")
