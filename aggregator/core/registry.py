"""What is registered: cities, partners, points, cameras, devices; and what a row from a file or a command line must be.

A row arrives as text by column name. It becomes a Struct or a reason: an unknown column, a missing one, a value outside
its range, each by the name of its column. An empty cell is an absent value. Ids follow `protocol.names`; a time zone
must be one that the caller's list knows, since the list is a file's business and not this module's.

A row that is registered already, equal in every column, is `unchanged`: a corrected file can be imported again as a
whole. One that differs is refused unless the caller asks for it to be replaced. What a row belongs to (a point's city,
a device's point) is part of what was signed by boxes, and is never replaced.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, unique
from typing import Annotated, Final, TypeAlias

import msgspec

from aggregator.errors import BadInput
from protocol.fields import Id

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class City(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A municipality, and the time zone that its points are in unless they say otherwise."""

    city_id: Id
    name: Text
    time_zone: Text = "America/Monterrey"


class Partner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A private company that connects its own cameras under signed terms, and whom to ask about them."""

    partner_id: Id
    name: Text
    terms: Text
    signed_on: dt.date
    contact: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A street site: one box and its cameras. WGS 84, degrees."""

    point_id: Id
    city_id: Id
    name: Text
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    time_zone: Text | None = None
    partner_id: Id | None = None


class Camera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera of a point: where it looks (degrees clockwise from north) and on which lane."""

    point_id: Id
    camera_id: Id
    heading_deg: Annotated[int, msgspec.Meta(ge=0, le=359)]
    lane: str = ""
    name: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identity that a box speaks under, and the point where it stands."""

    device_id: Id
    point_id: Id
    profile: str = ""


Row: TypeAlias = City | Partner | Point | Camera | Device
KINDS: Final[dict[str, type[Row]]] = {
    "city": City,
    "partner": Partner,
    "point": Point,
    "camera": Camera,
    "device": Device,
}


@unique
class Outcome(Enum):
    """What became of a row; also the words of an import's report."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    LEFT_OUT = "left out"  # good, but another line of the import was refused


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an import and what became of it."""

    number: int
    outcome: Outcome
    what: str
    reason: str = ""


def parse_row(noun: str, cells: Mapping[str, str], time_zones: Collection[str]) -> Row:
    """The row of a noun from its cells; raises `BadInput` that names the column."""
    filled = {column: cell.strip() for column, cell in cells.items() if cell.strip()}
    try:
        row = msgspec.convert(filled, KINDS[noun], strict=False)
    except msgspec.ValidationError as exc:
        raise BadInput(_in_words(str(exc))) from exc
    zone = getattr(row, "time_zone", None)
    if zone is not None and zone not in time_zones:
        raise BadInput(f"time_zone: {zone!r} is no IANA time zone, such as America/Monterrey")
    return row


def check_header(noun: str, columns: Iterable[str]) -> None:
    """Hold a file's columns to the noun's; raises `BadInput` that names those missing and those unknown."""
    fields = msgspec.structs.fields(KINDS[noun])
    found = list(columns)
    missing = [f.name for f in fields if f.required and f.name not in found]
    unknown = sorted(set(found) - {f.name for f in fields})
    if missing or unknown or len(set(found)) != len(found):
        complaints = [f"no column {name}" for name in missing] + [f"unknown column {name!r}" for name in unknown]
        said = "; ".join(complaints) or "a column stands there twice"
        raise BadInput(f"{said}. The columns of {noun}: {', '.join(f.name for f in fields)}")


def left_out(lines: Iterable[Line]) -> list[Line]:
    """The report of an import that was undone."""
    return [line if line.outcome is Outcome.REFUSED else replace(line, outcome=Outcome.LEFT_OUT) for line in lines]


def name_of(row: Row) -> str:
    """What a row is called in a report."""
    match row:
        case City():
            return row.city_id
        case Partner():
            return row.partner_id
        case Point():
            return row.point_id
        case Camera():
            return f"{row.point_id}/{row.camera_id}"
        case Device():
            return row.device_id


def _in_words(text: str) -> str:
    """msgspec's complaint with the column in front of it."""
    complaint, _, place = text.partition(" - at `$.")
    if "matching regex" in complaint:
        complaint = "want 1 to 32 of a-z, 0-9 and '-', starting with a letter or digit"
    return f"{place.rstrip('`')}: {complaint}" if place else complaint
