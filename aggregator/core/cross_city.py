"""From a stored hit to notices: which other cities are told of it, why, how much of it, and until when.

1. A city is told once of a hit, for the first of these reasons by which the policy shows it anything: it asked for the
   vehicle (an entry is its own), it is a neighbour of the city that saw it, it lies with that city on a corridor.
2. Who asked is told of a `possible` as well, in time or late, and for the policy's minutes from now on. All others are
   told of `exact` hits only, of entries whose scope has them in it, of the reasons that the policy names, and until so
   long after the vehicle was there: what comes later than that is told to nobody else.
3. The box's own message, and so the plate, goes along where the policy lets the city see it, and even then not with a
   `possible`, which may be a stranger's and must be erasable in one place; not when a later frame read something else,
   since the message would say what the box no longer says; and to others than who asked only if a city that owns such
   an entry lets them see its hotlist: the plate is then on their own boxes.
4. Entries are named to who asked (his own ones), and with the plate to others. Nobody else is told which they were.
5. What is said anew of a hit replaces what was said. Once nothing is to be said any more (the box took the hit back,
   the entry was withdrawn) whoever was told is told that it is over.
6. A notice is for people to read. It arms nothing and disarms nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from aggregator.core.visibility import Policy, Sight, What, corridors_between, lasting, seen_by
from protocol.clock import to_ms
from protocol.federation import Notice
from protocol.messages import VERSION, Quality

_AT_ONCE: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Matched:
    """An entry that a hit matches now. `owner` listed it; none: it never left its city. No city in `scope`: all."""

    entry: str
    owner: str | None
    quality: Quality
    reason: str
    scope: tuple[str, ...] = ()

    def concerns(self, city: str) -> bool:
        """Whether its officers meant it for a city."""
        return self.owner is not None and (not self.scope or city in self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A stored hit as these rules see it: what it matches now; nothing, once it was taken back."""

    hit: bytes
    city: str
    point: str
    camera: str
    captured_at: datetime
    happened_at: datetime
    matches: tuple[Matched, ...]
    says_the_same: bool = True  # no later frame read another plate
    envelope: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a city is to be told of a hit."""

    to: str
    why: What
    reason: str
    entries: tuple[str, ...]
    has_plate: bool
    until: datetime
    corridor: str = ""

    def says_as(self, other: "Telling") -> bool:
        """Whether another says the same; when it ends is no news."""
        mine = (self.to, self.why, self.reason, self.entries, self.has_plate, self.corridor)
        return mine == (other.to, other.why, other.reason, other.entries, other.has_plate, other.corridor)


@dataclass(frozen=True, slots=True)
class _Way:
    """A reason to tell a city that did not ask."""

    why: What
    lasts: timedelta
    road: str = ""
    reasons: tuple[str, ...] = ()


def tellings(policy: Policy, seen: Seen, *, cities: Collection[str], now: datetime) -> tuple[Telling, ...]:
    """What the other ones of these cities are to be told of a hit now."""
    found = (next(_of_city(policy, seen, city, now), None) for city in sorted(cities) if city != seen.city)
    return tuple(each for each in found if each is not None)


def notice_of(telling: Telling, seen: Seen, *, now: datetime) -> Notice:
    """A telling as it is signed."""
    return Notice(
        version=VERSION,
        to=telling.to,
        hit=seen.hit,
        city=seen.city,
        point=seen.point,
        camera=seen.camera,
        why=telling.why,
        reason=telling.reason,
        entries=telling.entries,
        captured_ms=to_ms(seen.captured_at),
        created_ms=to_ms(now),
        until_ms=to_ms(telling.until),
        envelope=seen.envelope if telling.has_plate else b"",
        corridor=telling.corridor,
    )


def over(telling: Telling, *, now: datetime) -> Telling:
    """What a city is told when there is nothing to be told any more: it ends at once, without entries or a plate."""
    return replace(telling, entries=(), has_plate=False, until=now + _AT_ONCE)


def _of_city(policy: Policy, seen: Seen, city: str, now: datetime) -> Iterator[Telling]:
    """All reasons to tell a city, the first one first."""
    own = [each for each in seen.matches if each.owner == city]
    if own:
        yield from _as_asked(policy, seen, city, own, now)
    for way in _ways(policy, seen.city, city):
        yield from _as_other(policy, seen, city, way, now)


def _ways(policy: Policy, owner: str, city: str) -> Iterator[_Way]:
    yield _Way(What.NEIGHBOUR, lasting(policy, What.NEIGHBOUR))
    for road in corridors_between(policy, city, owner):
        yield _Way(What.CORRIDOR, lasting(policy, What.CORRIDOR, road), road.name, road.reasons)


def _as_asked(policy: Policy, seen: Seen, city: str, own: Sequence[Matched], now: datetime) -> Iterator[Telling]:
    sight = seen_by(policy, city, seen.city, What.ASKED)
    if sight is not Sight.NOTHING:
        best = min(each.quality for each in own)
        yield Telling(
            to=city,
            why=What.ASKED,
            reason=_reason(own),
            entries=tuple(sorted(each.entry for each in own)),
            has_plate=sight is Sight.PLATE and best is Quality.EXACT and seen.says_the_same,
            until=now + lasting(policy, What.ASKED),
        )


def _as_other(policy: Policy, seen: Seen, city: str, way: _Way, now: datetime) -> Iterator[Telling]:
    sure = [each for each in seen.matches if each.quality is Quality.EXACT and each.concerns(city)]
    exact = [each for each in sure if _is_of(policy.reasons, each) and _is_of(way.reasons, each)]
    sight, until = seen_by(policy, city, seen.city, way.why), min(seen.happened_at, now) + way.lasts
    if not exact or sight is Sight.NOTHING or until <= now:
        return
    known = [each.entry for each in exact if _knows(policy, city, each.owner)] if sight is Sight.PLATE else []
    yield Telling(
        to=city,
        why=way.why,
        reason=_reason(exact),
        entries=tuple(sorted(known)),
        has_plate=bool(known) and seen.says_the_same,
        until=until,
        corridor=way.road,
    )


def _knows(policy: Policy, city: str, owner: str | None) -> bool:
    """Whether the plate of an owner's entry is on a city's boxes anyhow."""
    return owner is not None and seen_by(policy, city, owner, What.HOTLIST) is Sight.PLATE


def _is_of(reasons: Collection[str], matched: Matched) -> bool:
    return not reasons or matched.reason in reasons


def _reason(matches: Sequence[Matched]) -> str:
    """The reason to show: of the surest match."""
    return min((each.quality, each.reason) for each in matches)[1]
