"""`aggregator partner`: companies with cameras of their own, their terms, what they are shown (docs/partners.md)."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import Parameter

from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.partner_desk import Deed, InForce, Partner, PartnerDesk
from aggregator.adapters.partner_report import PartnerReport, partner_report
from aggregator.adapters.settings_store import settings_signer
from aggregator.cli.console import AsJson, Cell, Config, print_json, say, settings_of, show_object, show_rows
from aggregator.cli.invite import invite as invite_device
from aggregator.cli.operator import actor
from aggregator.core.partners import state_of
from aggregator.core.terms_file import DAYS, parse_terms_file
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput
from aggregator.settings import Settings
from protocol.clock import from_ms, to_ms
from protocol.names import check_id
from protocol.terms import Hours, Terms

T = TypeVar("T")
Name = Annotated[str, Parameter(help="The company's id.")]
Reason = Annotated[str, Parameter(help="Why; it is kept.")]
EARTH_M: Final = 6_371_000
DEFAULT_WITHIN_M: Final = 500
_DEGREES: Final = re.compile(r"\s*([+-]?\d+(?:\.\d*)?)\s*,\s*([+-]?\d+(?:\.\d*)?)\s*", re.ASCII)
_COLUMNS: Final = (
    "partner", "name", "state", "until", "points", "cameras", "boxes", "refused_24h", "contact",
)  # fmt: skip
_CAMERA_COLUMNS: Final = (
    "partner", "name", "contact", "state", "point", "camera", "place", "latitude", "longitude", "heading_deg", "metres",
)  # fmt: skip


def terms(
    partner: Name,
    /,
    *,
    file: Annotated[Path | None, Parameter(help="Terms to sign, TOML (docs/partners.md).")] = None,
    again: Annotated[bool, Parameter(negative="", help="Sign the same terms anew, under today's key.")] = False,
    reason: Reason = "",
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Show a company's terms in force; or sign new ones in their place, and have its boxes told."""
    settings, name, now = settings_of(config), check_id(partner, "partner"), datetime.now(UTC)
    if file is not None and again:
        raise BadInput("either --file or --again")
    if file is None and not again:
        found = _ask(settings, lambda desk: desk.in_force(name))
        show_object(_facts(found.terms, now) | _signed(found), as_json=json)
        return
    signer, deed = settings_signer(settings, now=now), Deed(actor(), checked_reason(reason), now)
    if file is None:
        made = _ask(settings, lambda desk: desk.resign(name, signer, deed))
    else:
        wish = parse_terms_file(keyfiles.read_file(file).decode("utf-8", "replace"))
        made = _ask(settings, lambda desk: desk.sign(name, wish, signer, deed))
    say(f"terms {made.number} of {name} are signed; `aggregator run` tells its boxes")
    show_object(_facts(made, now), as_json=json)


def suspend(
    partner: Name,
    /,
    *,
    lift: Annotated[bool, Parameter(negative="", help="End the suspension.")] = False,
    reason: Reason,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Stop all of a company's boxes, until the suspension is lifted. Ingest refuses them from this moment on."""
    settings, name, now = settings_of(config), check_id(partner, "partner"), datetime.now(UTC)
    signer, deed = settings_signer(settings, now=now), Deed(actor(), checked_reason(reason), now)
    made = _ask(settings, lambda desk: (desk.lift if lift else desk.suspend)(name, signer, deed))
    say(f"{name} is {'no longer suspended' if lift else 'suspended'}; `aggregator run` tells its boxes")
    show_object(_facts(made, now), as_json=json)


def invite(
    partner: Name,
    /,
    *,
    point: Annotated[str, Parameter(help="One of the company's points.")],
    profile: Annotated[str, Parameter(help="Firmware profile of the box's hardware.")],
    device: Annotated[str | None, Parameter(help="Its id; without one it is the point's with a number.")] = None,
    expires: Annotated[str | None, Parameter(help="How long it holds: 12h, 3d; else as the settings say.")] = None,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Invite a box of a company: prints its token. Its terms must connect the point; a person approves its key."""
    settings, name, now = settings_of(config), check_id(partner, "partner"), datetime.now(UTC)
    _ask(settings, lambda desk: desk.check_invited(name, point, now))
    invite_device(
        city=settings.city,
        point=point,
        profile=profile,
        device=device,
        expires=expires,
        needs_approval=True,
        json=json,
        config=config,
    )


def list_(*, json: AsJson = False, config: Config = None) -> None:
    """List the companies: where they stand, until when, and whom to ask."""
    now = datetime.now(UTC)
    found = _ask(settings_of(config), lambda desk: desk.list(now))
    show_rows(_COLUMNS, [_line(each, now) for each in found], as_json=json)


def cameras(
    *,
    near: Annotated[
        str | None, Parameter(help="LATITUDE,LONGITUDE; the nearest first.", allow_leading_hyphen=True)
    ] = None,
    within: Annotated[int | None, Parameter(help="Metres around --near; 500 if it is not said.")] = None,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """List the companies' cameras, connected or registered only, and whom to ask about each."""
    now, centre = datetime.now(UTC), None if near is None else _place(near)
    if within is not None and centre is None:
        raise BadInput("--within is around a place; name it with --near LATITUDE,LONGITUDE")
    found = _ask(settings_of(config), lambda desk: desk.cameras())
    rows = [_camera(each, centre, now) for each in found]
    if centre is not None:
        limit = DEFAULT_WITHIN_M if within is None else within
        rows = sorted((row for row in rows if _metres_of(row) <= limit), key=_metres_of)
    show_rows(_CAMERA_COLUMNS, rows, as_json=json)


def report(
    partner: Name,
    /,
    *,
    since: Annotated[str, Parameter(help="A time such as 2026-11-22, or so long ago, such as 7d.")] = "7d",
    until: Annotated[str | None, Parameter(help="The same; else now.")] = None,
    out: Annotated[Path | None, Parameter(help="File for the company, JSON.")] = None,
    reason: Reason,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Show what a company may be shown of its own cameras: what its terms say, never a plate or a picture."""
    settings, name, now = settings_of(config), check_id(partner, "partner"), datetime.now(UTC)
    span = parse_instant(since, "--since", now=now), parse_instant(until, "--until", now=now) if until else now
    if span[0] >= span[1]:
        raise BadInput("--since lies after --until")
    deed = Deed(actor(), checked_reason(reason), now)

    async def make(pool: Pool) -> PartnerReport:
        found = await PartnerDesk(pool, settings.city).in_force(name)
        return await partner_report(pool, settings.city, found.terms, span, deed)

    found = _with(settings, make)
    value = msgspec.to_builtins(found)
    if out is not None:
        _write(out, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        say(f"{out} is the report for {name}, under its terms {found.terms}")
    elif json:
        print_json(value)
    else:
        _show_parts(found)


def _write(out: Path, report: bytes) -> None:
    """Whole, and for its owner alone: whom it is for is the operator's to see to."""
    try:
        keyfiles.replace(out, report, keyfiles.PRIVATE)
    except OSError as exc:
        raise BadInput(f"--out {out} cannot be written: {exc.strerror}") from exc


def _show_parts(found: PartnerReport) -> None:
    if not found.parts:
        say(f"the terms {found.terms} of {found.partner} show it nothing")
    for name, rows in found.parts.items():
        say(f"{name}:")
        columns = tuple(rows[0]) if rows else ()
        show_rows(columns, [tuple(row.values()) for row in rows], as_json=False)


def _facts(found: Terms, now: datetime) -> dict[str, object]:
    return {
        "partner": found.partner,
        "number": found.number,
        "state": state_of(found, to_ms(now)),
        "tier": found.tier.name.lower(),
        "purpose": found.purpose,
        "from": from_ms(found.from_ms),
        "until": from_ms(found.until_ms),
        "time_zone": found.time_zone,
        "uses": [each.slug for each in found.uses],
        "shown": [each.slug for each in found.shown],
        "hours": [_window(each) for each in found.hours] or ["always"],
        "points": [{"point": each.point, "cameras": " ".join(each.cameras)} for each in found.points],
    }


def _signed(found: InForce) -> dict[str, object]:
    return {"signed_by": found.signed_by, "signed_at": found.signed_at, "reason": found.reason}


def _window(hours: Hours) -> str:
    begins, ends = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.from_minute, hours.to_minute))
    return f"{DAYS[hours.weekday - 1]} {begins}-{ends}"


def _line(each: Partner, now: datetime) -> tuple[Cell, ...]:
    row = each.row
    until = from_ms(each.terms.until_ms) if each.terms else None
    counted = (row["points"], row["cameras"], row["boxes"], row["refused"])
    return (row["partner_id"], row["name"], each.state(now), until, *counted, row["contact"] or None)


def _camera(each: Partner, centre: tuple[float, float] | None, now: datetime) -> tuple[Cell, ...]:
    row = each.row
    named = (each.terms.cameras(row["point_id"]) or ()) if each.terms else ()
    state = each.state(now) if row["camera_id"] in named else "no_terms"
    metres = None if centre is None else round(_metres(centre, (row["latitude"], row["longitude"])))
    place = (row["place"], row["latitude"], row["longitude"], row["heading_deg"])
    return (row["partner_id"], row["partner"], row["contact"] or None, state, row["point_id"], row["camera_id"],
            *place, metres)  # fmt: skip


def _metres_of(row: tuple[Cell, ...]) -> int:
    return int(str(row[-1]))


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """On a sphere: haversine."""
    (lat, lon), (lat_b, lon_b) = (tuple(map(math.radians, each)) for each in (one, other))
    half = math.sin((lat_b - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat_b) * math.sin((lon_b - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


def _place(text: str) -> tuple[float, float]:
    found = _DEGREES.fullmatch(text)
    place = (float(found[1]), float(found[2])) if found else None
    if place is None or abs(place[0]) > 90 or abs(place[1]) > 180:
        raise BadInput(f"--near {text!r}: want LATITUDE,LONGITUDE in degrees, such as 25.42,-101.00")
    return place


def _ask(settings: Settings, question: Callable[[PartnerDesk], Awaitable[T]]) -> T:
    return _with(settings, lambda pool: question(PartnerDesk(pool, settings.city)))


def _with(settings: Settings, ask: Callable[[Pool], Awaitable[T]]) -> T:
    async def work() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await ask(database.pool)

    return asyncio.run(work())
