"""Terms as a person writes them, TOML, and the document that they become.

    tier = "connected"                     # or "registered"
    purpose = "Stolen vehicles at the store's entrance"
    from = 2026-12-01                      # the first day, and
    until = 2027-11-30                     # the last, in the terms' time zone
    time_zone = "America/Monterrey"        # else the city's
    uses = ["hit", "panic"]                # hit, alarm, panic, condition
    shown = ["counts", "health"]           # to the company: counts, health, hit_counts, hit_times
    hours = "always"                       # or a list of windows; past midnight is meant where `to` is not after `from`

    [[hours]]
    days = ["mon", "tue", "wed", "thu", "fri"]
    from = "07:00"
    to = "22:00"

    [points]
    store-12 = ["cam-1", "cam-2"]

Nothing has a default that allows something. Points and cameras must be the company's own, as the registry has them.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from aggregator.errors import BadInput
from protocol.clock import to_ms
from protocol.errors import EncodeError
from protocol.fields import Id
from protocol.messages import VERSION
from protocol.terms import DAY_MINUTES, Hours, Shown, Terms, TermsPoint, Tier, Use
from protocol.wire import to_tree

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)", re.ASCII)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the file's tables."""


class Window(_Part, frozen=True, kw_only=True):
    """Hours of some days."""

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1)]
    from_: str = msgspec.field(name="from")
    to: str


class TermsFile(_Part, frozen=True, kw_only=True):
    """The file."""

    tier: Literal["registered", "connected"]
    purpose: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    from_: dt.date = msgspec.field(name="from")
    until: dt.date
    time_zone: str | None = None
    uses: tuple[Literal["hit", "alarm", "panic", "condition"], ...] = ()
    shown: tuple[Literal["counts", "health", "hit_counts", "hit_times"], ...] = ()
    hours: Literal["always"] | tuple[Window, ...] = ()
    points: dict[Id, tuple[Id, ...]]


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose terms they are, in which city, under which number, signed when."""

    city: str
    partner: str
    number: int
    now: dt.datetime


def parse_terms_file(text: str) -> TermsFile:
    """What a file says; raises `BadInput`."""
    try:
        found = msgspec.toml.decode(text, type=TermsFile)
    except msgspec.MsgspecError as exc:
        raise BadInput(f"the terms: {exc}") from exc
    if found.tier == "connected" and not found.uses:
        raise BadInput("the terms: `uses` is empty, and connected terms allow something")
    if found.tier == "connected" and not found.hours:
        raise BadInput('the terms: no `hours`; say "always" if all hours are meant')
    if not found.points:
        raise BadInput("the terms: no `points`, so they are about no camera")
    return found


def check_own(file: TermsFile, own: Mapping[str, Iterable[str]], partner: str) -> None:
    """Raise `BadInput` for a point or a camera that is not registered as the company's."""
    for point, cameras in file.points.items():
        if point not in own:
            raise BadInput(f"the terms: point {point} is not registered as {partner}'s in this city")
        missing = sorted(set(cameras) - set(own[point]))
        if missing:
            raise BadInput(f"the terms: {point} has no camera {', '.join(missing)}; register it: aggregator camera add")


def terms_of(file: TermsFile, who: Parties, zone: dt.tzinfo, zone_name: str) -> Terms:
    """The document that a file becomes; raises `BadInput`."""
    if file.until == dt.date.max:
        raise BadInput("the terms: `until` is the last day of the calendar; name one that will come")
    begins, ends = (_midnight(day, zone) for day in (file.from_, file.until + dt.timedelta(days=1)))
    if begins >= ends:
        raise BadInput("the terms: `until` lies before `from`")
    if ends <= who.now:
        raise BadInput(f"the terms: they would have ended on {file.until}")
    try:
        made = Terms(
            version=VERSION,
            number=who.number,
            city=who.city,
            partner=who.partner,
            tier=Tier[file.tier.upper()],
            purpose=file.purpose,
            created_ms=to_ms(who.now),
            from_ms=to_ms(begins),
            until_ms=to_ms(ends),
            time_zone=zone_name,
            points=tuple(TermsPoint(point=name, cameras=cameras) for name, cameras in sorted(file.points.items())),
            hours=() if file.hours == "always" else _hours(file.hours),
            uses=tuple(sorted({Use[each.upper()] for each in file.uses})),
            shown=tuple(sorted({Shown[each.upper()] for each in file.shown})),
        )
        to_tree(made)
    except EncodeError as exc:
        raise BadInput(f"the terms: {exc}") from exc
    return made


def _midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone)


def _hours(windows: Iterable[Window]) -> tuple[Hours, ...]:
    """The windows by weekday; one that goes past midnight goes on with the next day."""
    found: set[tuple[int, int, int]] = set()
    for window in windows:
        begins, ends = _minute(window.from_), _minute(window.to)
        if begins == DAY_MINUTES:
            raise BadInput('the terms: no hours begin at "24:00"; say "00:00" of the next day')
        for day in window.days:
            weekday = DAYS.index(day) + 1
            found.add((weekday, begins, ends if ends > begins else DAY_MINUTES))
            if 0 < ends <= begins:
                found.add((weekday % 7 + 1, 0, ends))
    return tuple(Hours(weekday=day, from_minute=begins, to_minute=ends) for day, begins, ends in sorted(found))


def _minute(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise BadInput(f"the terms: {text!r} is no time of day such as 07:30")
    hour, minute = (int(part) for part in text.split(":"))
    return hour * 60 + minute
