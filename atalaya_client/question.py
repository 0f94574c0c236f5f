"""What is asked, as the API's parameters.

A stretch of time is `from_at` (a day ago unless said) up to `to_at` (now), not included: an aware `datetime`, a
`timedelta` ago, or the API's own words ("24h", "2026-11-22T08:00:00Z"). `bucket` and `group_by` sum. `where` holds any
other filter of the resource by the API's name for it, such as `{"confidence.min": 900, "camera.not": "cam-1"}`: several
values mean any of them, None means that there is none.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal, TypeAlias, TypedDict

PAGE_ROWS: Final = 10_000
_PLACES: Final = ("city", "point", "camera")

Bucket: TypeAlias = Literal["minute", "hour", "day", "week", "month"]
Order: TypeAlias = Literal["ascending", "descending"]
When: TypeAlias = str | datetime | timedelta
One: TypeAlias = str | int | float | bool | datetime | date | None
Many: TypeAlias = One | Sequence[One]


class Asked(TypedDict, total=False):
    """What every resource takes. `limit`: at most so many rows in all; else all of them."""

    from_at: When
    to_at: When
    city: str | Sequence[str]
    point: str | Sequence[str]
    camera: str | Sequence[str]
    bucket: Bucket
    group_by: Sequence[str]
    where: Mapping[str, Many]
    order: Order
    limit: int


def parameters_of(asked: Asked, *, now: datetime, page_rows: int = PAGE_ROWS) -> list[tuple[str, str]]:
    """The parameters of a question; raises `ValueError`."""
    said: dict[str, Many] = {"limit": min(asked.get("limit", page_rows), page_rows)}
    if "from_at" in asked:
        said["from"] = when(asked["from_at"], now)
    if "to_at" in asked:
        said["to"] = when(asked["to_at"], now)
    if asked.get("group_by"):
        said["group_by"] = ",".join(asked["group_by"])
    given: Mapping[str, object] = asked
    said |= {name: given[name] for name in ("bucket", "order", *_PLACES) if name in given}  # type: ignore[misc]
    said |= asked.get("where", {})
    return [(name, text_of(one)) for name, wanted in said.items() for one in _each(wanted)]


def when(said: When, now: datetime) -> str:
    """An instant as the API takes it; raises `ValueError` for a time without its zone."""
    match said:
        case datetime():
            if said.tzinfo is None:
                raise ValueError(f"{said}: say which zone, such as datetime(2026, 11, 22, tzinfo=UTC)")
            return said.isoformat()
        case timedelta():
            return (now - said).isoformat()
        case _:
            return said


def text_of(value: One) -> str:
    """A filter's value as the API takes it: nothing is an empty text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return when(value, value)
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _each(wanted: Many) -> Sequence[One]:
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return wanted
    return (wanted,)
