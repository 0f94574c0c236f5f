"""An answer in buckets as lines of values over time, for sparklines and plots.

A bucket without a row, or in which nothing was seen (no coverage), is a gap: a blind camera is not an empty street.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, TypeAlias

from aggregator.core.asking.question import Bucket

Place: TypeAlias = datetime | date

GAP: Final = "·"
_BARS: Final = "▁▂▃▄▅▆▇█"
_SECONDS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_MOST_BUCKETS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """Values of one group, a bucket each; none where there is a gap."""

    name: str
    values: tuple[float | None, ...]

    @property
    def seen(self) -> list[float]:
        """The values that are there."""
        return [value for value in self.values if value is not None]


def buckets(bucket: Bucket, first: Place, last: Place) -> list[Place]:
    """Every bucket from one to another: instants, or the first days of days, weeks and months."""
    found = [first]
    while found[-1] < last and len(found) < _MOST_BUCKETS:
        found.append(_next(bucket, found[-1]))
    return found


def lines(
    rows: Iterable[Mapping[str, object]], bucket: Bucket, groups: tuple[str, ...], measure: str
) -> tuple[list[Place], list[Line]]:
    """The buckets of an answer, and a line of a measure for each of its groups."""
    at = "at" if bucket in _SECONDS else "local_date"
    values: dict[str, dict[object, float]] = {}
    places: list[Place] = []
    for row in rows:
        place, value = row[at], row[measure]
        name = " ".join(str(row[group] or "-") for group in groups)
        line = values.setdefault(name, {})
        if isinstance(place, date):
            places.append(place)
            if isinstance(value, int | float) and (measure == "coverage_s" or row.get("coverage_s") != 0):
                line[place] = float(value)
    if not places:
        return [], []
    grid = buckets(bucket, min(places), max(places))
    return grid, [Line(name, tuple(line.get(each) for each in grid)) for name, line in values.items()]


def sparkline(values: Iterable[float | None], *, low: float, high: float, width: int) -> str:
    """Values as bars of eight heights between two bounds; more values than width are taken together by their mean."""
    squeezed = _squeezed(list(values), width)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(GAP if value is None else _BARS[round((value - low) / step)] for value in squeezed)


def _squeezed(values: list[float | None], width: int) -> list[float | None]:
    if len(values) <= width:
        return values
    edges = [n * len(values) // width for n in range(width + 1)]
    pieces = [[each for each in values[a:b] if each is not None] for a, b in pairwise(edges)]
    return [sum(piece) / len(piece) if piece else None for piece in pieces]


def _next(bucket: Bucket, place: Place) -> Place:
    if bucket in _SECONDS:
        return place + _SECONDS[bucket]
    if bucket == "month":
        return (place.replace(day=1) + timedelta(days=32)).replace(day=1)
    return place + timedelta(days=7 if bucket == "week" else 1)
