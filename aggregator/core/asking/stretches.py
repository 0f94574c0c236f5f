"""Where counts and coverage come from: the coarsest view that answers exactly.

1. Minutes come from ask.minute, hours from ask.hour (of whole cities from ask.city_hour), days, weeks and months from
   ask.day, whose days follow each point's own clock. The stretch is widened to whole buckets.
2. One sum over a stretch comes from its whole hours, and from the minutes before and after them.
3. Coverage begins with the cameras that are registered, so that one which never said anything is blind and not absent.
   Nobody is blind before he was registered, nor in the future.
"""

# ruff: noqa: S608  names are the catalogue's and ours, values are parameters

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aggregator.core.asking.conditions import Parameters, split
from aggregator.core.asking.question import Bucket, Question

LOCAL_BUCKETS: Final = ("day", "week", "month")
_HOUR: Final = timedelta(hours=1)
# Days follow each point's clock: rows of the stretch lie no further from its ends than this.
_MARGIN: Final = {"day": timedelta(days=3), "week": timedelta(days=9), "month": timedelta(days=34)}
_PLACE: Final = "city, point, camera"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to select from, what says in which bucket a row is, and conditions on it."""

    sql: str
    at: str = ""
    local_date: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """The question's times, as parameters and as they are."""

    question: Question
    parameters: Parameters
    time_zone: str

    def put(self, at: datetime) -> str:
        """An instant as SQL names it."""
        return self.parameters.put(at, "timestamptz")

    def zone(self) -> str:
        """The time zone as SQL names it."""
        return self.parameters.put(self.time_zone, "text")


def bucketed(stretch: Stretch, column: str, bucket: Bucket) -> Source:
    """The bucket of a column of times, without a source."""
    at = f"date_trunc('{bucket}', {column}, {stretch.zone()})"
    return Source("", at, f"({at} AT TIME ZONE {stretch.zone()})::date" if bucket in LOCAL_BUCKETS else "")


def counts(stretch: Stretch, measures: Iterable[str], *, is_by_camera: bool) -> Source:
    """What the counts of a question are summed over; by camera, or as coarsely as the question allows."""
    match stretch.question.bucket:
        case None:
            return Source(f"({_whole_hours(stretch, ', '.join([_PLACE, *measures]))})")
        case "minute":
            return Source("ask.minute", "date_trunc('minute', at)", conditions=_between(stretch, timedelta(minutes=1)))
        case "hour":
            view = "ask.hour" if is_by_camera or not _is_of_cities(stretch.question) else "ask.city_hour"
            return Source(view, "at", conditions=_between(stretch, _HOUR))
        case "day" | "week" | "month" as unit:
            return _days(stretch, unit)


def coverage(stretch: Stretch, filters: list[str]) -> Source:
    """Every registered camera, in every bucket, with the seconds that it saw and those that it did not."""
    bucket = stretch.question.bucket
    seen = _seen(stretch, filters)
    same = {None: "true", "minute": "seen.at = stretch.at", "hour": "seen.at = stretch.at"}
    on = same.get(bucket, "seen.local_date = stretch.local_date")
    where = "".join(f" AND {condition}" for condition in filters)
    sql = (
        "(SELECT stretch.at, stretch.local_date, camera.city, camera.point, camera.camera,"
        " coalesce(seen.coverage_s, 0) AS coverage_s,"
        " greatest(extract(epoch FROM least(stretch.until, now()) - greatest(stretch.at, camera.registered_at))"
        " - coalesce(seen.coverage_s, 0), 0)::double precision AS blind_s"
        f" FROM {_stretches(stretch)} AS stretch"
        f" CROSS JOIN (SELECT * FROM ask.camera WHERE true{where}) AS camera"
        f" LEFT JOIN {seen} AS seen ON {on}"
        " AND (seen.city, seen.point, seen.camera) = (camera.city, camera.point, camera.camera)"
        " WHERE stretch.until > camera.registered_at)"
    )
    return Source(sql, "at" if bucket else "", "local_date" if bucket in LOCAL_BUCKETS else "")


def _seen(stretch: Stretch, filters: list[str]) -> str:
    source = counts(stretch, ("coverage_s",), is_by_camera=True)
    where = " AND ".join(["true", *source.conditions, *filters])
    buckets = [f"{each} AS {name}" for each, name in ((source.at, "at"), (source.local_date, "local_date")) if each]
    grouped = ", ".join(str(n) for n in range(1, len(buckets) + 4))
    return (
        f"(SELECT {', '.join([*buckets, _PLACE, 'sum(coverage_s) AS coverage_s'])}"
        f" FROM {source.sql} AS counted WHERE {where} GROUP BY {grouped})"
    )


def _stretches(stretch: Stretch) -> str:
    bucket, from_at, to_at = stretch.question.bucket, stretch.question.from_at, stretch.question.to_at
    if bucket is None:
        return f"(SELECT {stretch.put(from_at)} AS at, {stretch.put(to_at)} AS until, NULL::date AS local_date)"
    last = f"({stretch.put(to_at)} - interval '1 microsecond')"
    if bucket in LOCAL_BUCKETS:
        zone = stretch.zone()
        first = f"date_trunc('{bucket}', {stretch.put(from_at)} AT TIME ZONE {zone})"
        return (
            f"(SELECT day::date AS local_date, day AT TIME ZONE {zone} AS at,"
            f" (day + interval '1 {bucket}') AT TIME ZONE {zone} AS until"
            f" FROM generate_series({first}, {last} AT TIME ZONE {zone}, interval '1 {bucket}') AS day)"
        )
    first = f"date_trunc('{bucket}', {stretch.put(from_at)})"
    return (
        f"(SELECT at, at + interval '1 {bucket}' AS until, NULL::date AS local_date"
        f" FROM generate_series({first}, {last}, interval '1 {bucket}') AS at)"
    )


def _days(stretch: Stretch, unit: str) -> Source:
    question, zone = stretch.question, stretch.zone()
    local = f"date_trunc('{unit}', local_date::timestamp)"
    first = f"date_trunc('{unit}', {stretch.put(question.from_at)} AT TIME ZONE {zone})::date"
    last = f"date_trunc('{unit}', ({stretch.put(question.to_at)} - interval '1 microsecond') AT TIME ZONE {zone})"
    margin = _MARGIN[unit]
    return Source(
        "ask.day",
        f"({local} AT TIME ZONE {zone})",
        f"{local}::date",
        (
            *(f"local_date >= {first}", f"local_date < ({last} + interval '1 {unit}')::date"),
            *(f"at >= {stretch.put(question.from_at - margin)}", f"at < {stretch.put(question.to_at + margin)}"),
        ),
    )


def _whole_hours(stretch: Stretch, names: str) -> str:
    question = stretch.question
    first, last = _ceiling(question.from_at, _HOUR), _floor(question.to_at, _HOUR)
    if first >= last:
        return _piece(stretch, names, "ask.minute", question.from_at, question.to_at)
    pieces = [_piece(stretch, names, "ask.hour", first, last)]
    pieces += [
        _piece(stretch, names, "ask.minute", from_at, to_at)
        for from_at, to_at in ((question.from_at, first), (last, question.to_at))
        if from_at < to_at
    ]
    return " UNION ALL ".join(pieces)


def _piece(stretch: Stretch, names: str, view: str, from_at: datetime, to_at: datetime) -> str:
    return f"SELECT {names} FROM {view} WHERE at >= {stretch.put(from_at)} AND at < {stretch.put(to_at)}"


def _between(stretch: Stretch, width: timedelta) -> tuple[str, str]:
    question = stretch.question
    first, last = _floor(question.from_at, width), _ceiling(question.to_at, width)
    return f"at >= {stretch.put(first)}", f"at < {stretch.put(last)}"


def _is_of_cities(question: Question) -> bool:
    asked = {*question.group_by, *(split(name)[0] for name, _ in question.filters)}
    return asked <= {"city"}


def _floor(at: datetime, width: timedelta) -> datetime:
    return at - (at - datetime(2000, 1, 1, tzinfo=at.tzinfo)) % width


def _ceiling(at: datetime, width: timedelta) -> datetime:
    return at + (datetime(2000, 1, 1, tzinfo=at.tzinfo) - at) % width
