"""Who sees what of another city: the region's policy, and the one place where it is judged (`seen_by`).

1. What is a city's own it sees whole. The region sees what its cities forward to it, and shows it to another only here.
2. What may be shown of another city depends on why (`What`): the viewer's boxes look for the owner's wanted vehicles
   (`hotlist`); the viewer asked for a vehicle that the owner's boxes saw (`asked`); the viewer is the owner's neighbour
   (`neighbour`), or lies with it on a corridor (`corridor`). Who is neither neighbour nor on the corridor sees nothing
   by those, whatever else the policy says.
3. How much (`Sight`): `nothing`; `place`: that it was seen, when, by which camera, and why the vehicle is wanted;
   `plate`: beside that the box's own signed message, which has the plate, and the entries that it matched. A hotlist is
   seen as `plate` or `nothing`: no box can look for half a plate.
4. An exception is of an owner and a viewer (`*`: any) and goes before what holds for all; of several the last that
   speaks of it counts. So what is not said stays as narrow as `Sees` has it.
5. There is no sight of a picture, of a person, or of a read that matched no entry: no policy can grant what
   docs/privacy.md rules out.

The policy is a TOML file; a key that is not known is refused by name.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Annotated, Final

import msgspec

from aggregator.core.hotlist import ReasonClass
from aggregator.errors import BadInput
from protocol.federation import LONGEST_NOTICE_MS
from protocol.fields import Id, Label

ANY: Final = "*"
_MOST_MINUTES: Final = LONGEST_NOTICE_MS // 60_000
Minutes = Annotated[int, msgspec.Meta(ge=1, le=_MOST_MINUTES)]
Who = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,31})\Z")]
CorridorName = Annotated[Label, msgspec.Meta(min_length=1)]


@unique
class What(StrEnum):
    """Why something of a city would be shown to another."""

    HOTLIST = "hotlist"
    ASKED = "asked"
    NEIGHBOUR = "neighbour"
    CORRIDOR = "corridor"


@unique
class Sight(StrEnum):
    """How much of it is."""

    NOTHING = "nothing"
    PLACE = "place"
    PLATE = "plate"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Sees(Table, frozen=True, kw_only=True):
    """What holds for every two cities."""

    hotlist: Sight = Sight.PLATE
    asked: Sight = Sight.PLATE
    neighbour: Sight = Sight.PLACE
    corridor: Sight = Sight.PLACE


class But(Table, frozen=True, kw_only=True):
    """What holds for an owner and a viewer instead; none: as for all."""

    owner: Who = ANY
    viewer: Who = ANY
    hotlist: Sight | None = None
    asked: Sight | None = None
    neighbour: Sight | None = None
    corridor: Sight | None = None


class Corridor(Table, frozen=True, kw_only=True):
    """Cities along a road, in its order. A city is told of what is seen at most `reach` cities away."""

    name: CorridorName
    cities: Annotated[tuple[Id, ...], msgspec.Meta(min_length=2, max_length=64)]
    reach: Annotated[int, msgspec.Meta(ge=1, le=64)] = 64
    reasons: tuple[ReasonClass, ...] = ()
    minutes: Minutes = 120


class Policy(Table, frozen=True, kw_only=True):
    """The whole file. `reasons` (here and of a corridor): only vehicles wanted for one of these; none: for any."""

    sees: Sees = Sees()
    but: tuple[But, ...] = ()
    neighbours: dict[Id, tuple[Id, ...]] = msgspec.field(default_factory=dict)
    corridors: tuple[Corridor, ...] = ()
    reasons: tuple[ReasonClass, ...] = ()
    asked_minutes: Minutes = 24 * 60
    neighbour_minutes: Minutes = 60


def parse_policy(text: str) -> Policy:
    """The policy of a TOML text; raises `BadInput`."""
    try:
        policy = msgspec.convert(tomllib.loads(text), Policy)
    except tomllib.TOMLDecodeError as exc:
        raise BadInput(f"not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise BadInput(str(exc)) from exc
    problem = next(_problems(policy), None)
    if problem is not None:
        raise BadInput(problem)
    return policy


def seen_by(policy: Policy, viewer: str, owner: str, what: What) -> Sight:
    """How much of what is the owner's the viewer may be shown, for this reason. Nothing else decides it."""
    if viewer == owner:
        return Sight.PLATE
    if not _is_related(policy, viewer, owner, what):
        return Sight.NOTHING
    said = [getattr(each, what) for each in policy.but if _is_of(each, viewer, owner)]
    spoken: list[Sight] = [each for each in said if each is not None]
    if spoken:
        return spoken[-1]
    general: Sight = getattr(policy.sees, what)
    return general


def corridors_between(policy: Policy, viewer: str, owner: str) -> tuple[Corridor, ...]:
    """The corridors on which the viewer is told of what the owner sees, in the order of the file."""
    return tuple(each for each in policy.corridors if _is_within(each, viewer, owner))


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the matrix."""

    viewer: str
    owner: str
    what: What
    sight: Sight


def matrix(policy: Policy, cities: Sequence[str]) -> tuple[Cell, ...]:
    """What each city sees of each other one, for each reason."""
    pairs = [(viewer, owner) for owner in cities for viewer in cities if viewer != owner]
    return tuple(
        Cell(viewer, owner, what, seen_by(policy, viewer, owner, what)) for viewer, owner in pairs for what in What
    )


def named_cities(policy: Policy) -> frozenset[str]:
    """Every city that the policy speaks of."""
    sides = {*policy.neighbours, *(city for cities in policy.neighbours.values() for city in cities)}
    along = {city for corridor in policy.corridors for city in corridor.cities}
    but = {city for each in policy.but for city in (each.owner, each.viewer)} - {ANY}
    return frozenset(sides | along | but)


def lasting(policy: Policy, what: What, corridor: Corridor | None = None) -> timedelta:
    """For how long a notice holds."""
    if what is What.CORRIDOR and corridor is not None:
        return timedelta(minutes=corridor.minutes)
    return timedelta(minutes=policy.asked_minutes if what is What.ASKED else policy.neighbour_minutes)


def _is_related(policy: Policy, viewer: str, owner: str, what: What) -> bool:
    match what:
        case What.HOTLIST | What.ASKED:
            return True
        case What.NEIGHBOUR:
            return viewer in policy.neighbours.get(owner, ()) or owner in policy.neighbours.get(viewer, ())
        case What.CORRIDOR:
            return bool(corridors_between(policy, viewer, owner))


def _is_of(but: But, viewer: str, owner: str) -> bool:
    return but.owner in (ANY, owner) and but.viewer in (ANY, viewer)


def _is_within(corridor: Corridor, viewer: str, owner: str) -> bool:
    if viewer not in corridor.cities or owner not in corridor.cities:
        return False
    return abs(corridor.cities.index(viewer) - corridor.cities.index(owner)) <= corridor.reach


def _problems(policy: Policy) -> Iterator[str]:
    """What contradicts itself, in words."""
    if Sight.PLACE in {policy.sees.hotlist, *(each.hotlist for each in policy.but)}:
        yield "hotlist: want plate or nothing, since no box can look for half a plate"
    for city, beside in policy.neighbours.items():
        if city in beside:
            yield f"neighbours: {city} is named as its own neighbour"
    for corridor in policy.corridors:
        if len(set(corridor.cities)) != len(corridor.cities):
            yield f"corridors: {corridor.name} names a city twice"
    names = [corridor.name for corridor in policy.corridors]
    if len(set(names)) != len(names):
        yield "corridors: two have one name"
    for each in policy.but:
        if each.owner == each.viewer != ANY:
            yield f"but: {each.owner} sees all that is its own, and no policy changes that"
