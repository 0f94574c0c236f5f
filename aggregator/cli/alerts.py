"""`aggregator alerts`: what is to be looked at now, and what people make of it.

Lists and the watch show no plate, unless a reason is given; `show` asks for one. Every look and every step is audited.
Exit code 4: somebody else was first, and who.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from aggregator.adapters.alert_desk import BY_WHAT, AlertDesk, Wish
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.hearing import hearing
from aggregator.adapters.picture_store import pictures_of
from aggregator.adapters.queries import Found
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.cli.queries import Camera, City, Limit, Point, To, copy_pictures, filter_of
from aggregator.core.alerts import OPEN, Act, Kind, Outcome, State, priority
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput, DatabaseUnwell
from aggregator.settings import Settings
from protocol.messages import Quality

app = App(name="alerts", help="What is to be looked at now, and what people make of it.")
T = TypeVar("T")
ON_DUTY: Final = "on duty"
TRIAL: Final = "panic_test"
_PEOPLES_OUTCOMES: Final = tuple(each for each in Outcome if each is not Outcome.WITHDRAWN)
_LOOK_EVERY_S: Final = 2.0
_MANY: Final = 500
_EVER: Final = "99999d"  # an alert that waits for somebody never drops out of the list
_LATELY: Final = "7d"
_COLUMNS: Final = ("alert", "priority", "state", "what", "city", "cameras", "first_at", "last_at", "raised_at", "hits",
                   "reasons", "entries", "plates", "note", "unit", "decided_by", "outcome", "is_historical",
                   "ended_at", "merged_into", "is_erased")  # fmt: skip
_NARROW: Final = ("alert", "state", "what", "city", "cameras", "first_at", "hits", "reasons", "plates", "note", "unit",
                  "outcome")  # fmt: skip
_PRECISION: Final = ("city", "by", "what", "n", "errors", "precision", "low", "high")

AlertNumber = Annotated[int, Parameter(help="The alert's number.")]
Why = Annotated[str | None, Parameter(name="--reason", help="Why. Kept in the audit and the history; no plates.")]
MustSay = Annotated[str, Parameter(name="--reason", help="Why. Kept in the audit and the history; no plates.")]
Correct = Annotated[bool, Parameter(name="--correct", negative="", help="Take back what was decided before.")]
KindOption = Annotated[str | None, Parameter(help="One of: " + ", ".join(Kind) + ".")]


@app.command(name="list")
def list_alerts(
    *,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Raised since: a time (UTC), or so long ago. Of what is open: ever.")
    ] = None,
    to: To = "0s",
    city: City = None,
    point: Point = None,
    camera: Camera = None,
    state: Annotated[str | None, Parameter(help="Only in this state: " + ", ".join(State) + ".")] = None,
    kind: KindOption = None,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Those that are over as well.")] = False,
    reason: Annotated[str | None, Parameter(help="Show plates, for this reason. Kept in the audit.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Alerts that somebody has something to do with, the most urgent first."""
    why, states = None if reason is None else checked_reason(reason), _states(state, everything=everything)
    if kind is not None and kind not in list(Kind):
        raise BadInput(f"--kind {kind!r}: want one of {', '.join(Kind)}")
    since = from_ or (_LATELY if everything or state is not None else _EVER)
    wanted, who = filter_of(since, to, city=city, point=point, camera=camera, limit=limit), actor()
    rows = _at_desk(settings_of(config), lambda desk: desk.listed(wanted, states, kind, actor=who, reason=why))
    columns = _COLUMNS if as_json else tuple(each for each in _NARROW if each != "plates" or why is not None)
    show_rows(columns, [[_cells(row)[column] for column in columns] for row in rows], as_json=as_json)


@app.command
def show(
    number: AlertNumber,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why you look: the case, the entry. Kept in the audit; no plates.")],
    pictures: Annotated[Path | None, Parameter(help="Copy the redacted pictures into this folder.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """One alert: its events in order with their plates, and all that happened to it."""
    settings, who, why = settings_of(config), actor(), checked_reason(reason)
    with_pictures = pictures is not None
    shown = _at_desk(settings, lambda desk: desk.show(number, actor=who, reason=why, with_pictures=with_pictures))
    if pictures is not None:
        say(f"{copy_pictures(shown.sightings, pictures_of(settings), pictures)} pictures in {pictures}")
    fields: dict[str, object] = {**_cells(dict(shown.alert)), "sightings": _objects(shown.sightings)}
    fields.pop("plates")
    fields["history"] = _objects(shown.history)
    # Through JSON once, so that people see what programs do.
    show_object(msgspec.json.decode(msgspec.json.encode(fields)), as_json=as_json)


@app.command
def watch(
    *,
    city: City = None,
    after: Annotated[int | None, Parameter(help="Go on after this line's number; else from now.")] = None,
    lines: Annotated[int | None, Parameter(help="End after so many.", validator=Number(gte=1))] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object a line.")] = False,
    config: Config = None,
) -> None:
    """What happens to alerts, and notices of other cities, a line each, without plates; until Ctrl-C."""
    asyncio.run(_watch(settings_of(config), city, after, lines, as_json=as_json))


@app.command
def report(
    *,
    point: Annotated[str, Parameter(help="Where: the point.")],
    note: Annotated[str, Parameter(help="What happened. No plates: put a wanted vehicle on the hotlist.")],
    camera: Annotated[str | None, Parameter(help="Which camera shows it.")] = None,
    at: Annotated[str, Parameter(help="When it happened: a time (UTC), or so long ago.")] = "0s",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Raise an alert of your own."""
    now, who, what = datetime.now(UTC), actor(), checked_reason(note)
    happened_at = parse_instant(at, "--at", now=now)
    settings = settings_of(config)
    number = _at_desk(
        settings, lambda desk: desk.report(point, camera, what, actor=who, happened_at=happened_at, now=now)
    )
    show_object({"alert": number, "state": State.NEW.value}, as_json=as_json)


@app.command
def ack(number: AlertNumber, /, *, reason: Why = None, config: Config = None) -> None:
    """Say that you have seen it, and look after it."""
    _step(number, Wish(act=Act.ACK), reason, config)


@app.command
def confirm(number: AlertNumber, /, *, reason: Why = None, correct: Correct = False, config: Config = None) -> None:
    """Say that it is true: of a hit, that the picture shows the wanted plate."""
    _step(number, Wish(act=Act.CONFIRM, is_correction=correct), reason, config)


@app.command
def reject(number: AlertNumber, /, *, reason: MustSay, correct: Correct = False, config: Config = None) -> None:
    """Say that it is not true. The plates of its `possible` hits are erased a day later."""
    _step(number, Wish(act=Act.REJECT, is_correction=correct), reason, config)


@app.command
def dispatch(
    number: AlertNumber,
    /,
    *,
    unit: Annotated[str, Parameter(help="Who is sent.")],
    reason: Why = None,
    config: Config = None,
) -> None:
    """Send somebody. A hit must have been confirmed."""
    if not unit.strip() or len(unit) > 64:
        raise BadInput("--unit: say who is sent, in at most 64 characters")
    _step(number, Wish(act=Act.DISPATCH, unit=unit.strip()), reason, config)


@app.command
def arrive(number: AlertNumber, /, *, reason: Why = None, config: Config = None) -> None:
    """Say that they are there."""
    _step(number, Wish(act=Act.ARRIVE), reason, config)


@app.command
def close(
    number: AlertNumber,
    /,
    *,
    outcome: Annotated[str, Parameter(help="How it ended: " + ", ".join(_PEOPLES_OUTCOMES) + ".")],
    reason: Why = None,
    correct: Correct = False,
    config: Config = None,
) -> None:
    """Say how it ended."""
    if outcome not in list(Outcome):
        raise BadInput(f"--outcome {outcome!r}: want one of {', '.join(Outcome)}")
    _step(number, Wish(act=Act.CLOSE, outcome=Outcome(outcome), is_correction=correct), reason, config)


@app.command
def precision(
    *,
    by: Annotated[str, Parameter(help="What it is counted by: " + ", ".join(BY_WHAT) + ".")] = "camera",
    city: City = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """How often reads were right, as people found: errors out of n, and where the share lies at 95 %."""
    if by not in BY_WHAT:
        raise BadInput(f"--by {by!r}: want one of {', '.join(BY_WHAT)}")
    found = _at_desk(settings_of(config), lambda desk: desk.precision(by, city))
    rows: list[list[Cell]] = []
    for row, counted in found:
        low, high = counted.interval
        shares = [None if each is None else round(each, 4) for each in (counted.share, low, high)]
        rows.append([*row.values(), *shares])
    show_rows(_PRECISION, rows, as_json=as_json)


def _step(number: int, wish: Wish, reason: str | None, config: Path | None) -> None:
    settings, who, now = settings_of(config), actor(), datetime.now(UTC)
    why = ON_DUTY if reason is None else checked_reason(reason)
    state = _at_desk(settings, lambda desk: desk.step(number, wish, actor=who, reason=why, now=now))
    say(f"alert {number} is {state.replace('_', ' ')}")


async def _watch(settings: Settings, city: str | None, after: int | None, most: int | None, *, as_json: bool) -> None:
    async with (
        opened(settings.database, role=settings.role) as database,
        hearing(database.access, "alert_changed") as heard,
    ):
        desk = AlertDesk(database.pool, settings.alerts.dispatchers)
        newest = await desk.begin_watch(actor=actor())
        number, told = newest if after is None else after, 0
        while not heard.is_lost:
            for row in await desk.happened(number, city, _MANY):
                number, told = row["number"], told + 1
                sys.stdout.write(_told(dict(row), as_json=as_json) + "\n")
                sys.stdout.flush()
                if told == most:
                    return
            await heard.wait(_LOOK_EVERY_S)
    raise DatabaseUnwell(f"the database went away; go on with: aggregator alerts watch --after {number}")


def _told(row: dict[str, object], *, as_json: bool) -> str:
    is_notice = "notice" in row
    fields = {**row, "what": "notice" if is_notice else _what(row)}
    if as_json:
        return msgspec.json.encode(fields).decode()
    if is_notice:
        return _of_notice(row)
    sent = " ".join(str(row[name]) for name in ("unit", "outcome") if row[name])
    where, since = row["cameras"] or row["point"], f"since {row['first_at']:%Y-%m-%d %H:%M:%S}"
    words = (
        *(f"{row['at']:%H:%M:%S}", f"alert {row['alert']}", row["act"], row["state"], fields["what"]),
        *(row["city"], where, since, row["actor"], sent),
    )
    return "  ".join(str(word) for word in words if word)


def _of_notice(row: dict[str, object]) -> str:
    where, why = f"{row['city']}/{row['point']}/{row['camera']}", row["corridor"] or row["why"]
    times = f"at {row['captured_at']:%Y-%m-%d %H:%M:%S}", f"until {row['until_at']:%Y-%m-%d %H:%M:%S}"
    return "  ".join((f"{row['at']:%H:%M:%S}", f"notice {row['notice']}", str(row["act"]), str(why), str(row["reason"]),
                      where, *times))  # fmt: skip


def _states(state: str | None, *, everything: bool) -> tuple[State, ...]:
    if state is None:
        return tuple(State) if everything else OPEN
    if state not in list(State):
        raise BadInput(f"--state {state!r}: want one of {', '.join(State)}")
    return (State(state),)


def _what(row: dict[str, object]) -> str:
    if row["kind"] == Kind.HIT:
        certain = "exact" if row["exact"] else "possible" if row["possible"] else "withdrawn"
        return f"{certain} hit"
    return " ".join(str(row[name]) for name in ("kind", "word") if row[name])


def _cells(row: dict[str, object]) -> dict[str, Cell]:
    """A row as it is listed; every value of it is a cell."""
    quality = Quality.EXACT if row["exact"] else Quality.POSSIBLE if row["possible"] else None
    rank = priority(Kind(str(row["kind"])), quality, is_trial=row["word"] == TRIAL)
    hits = sum(count for name in ("exact", "possible", "withdrawn") if isinstance(count := row[name], int))
    told = {"plates": "", **row, "what": _what(row), "priority": rank, "hits": hits}
    cameras = told["cameras"] or told["point"]
    return {name: _cell(value) for name, value in {**told, "cameras": cameras}.items()}


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float | bool | datetime) else str(value)


def _objects(rows: Found) -> list[dict[str, object]]:
    return [dict(row) for row in rows]


def _at_desk(settings: Settings, work: Callable[[AlertDesk], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(AlertDesk(database.pool, settings.alerts.dispatchers))

    return asyncio.run(ask())
