"""Instants as operators write them: `2026-11-22T14:05`, `2026-11-22`, or so long ago: `90s`, `15m`, `2h`, `7d`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from aggregator.errors import BadInput

_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_instant(text: str, option: str, *, now: datetime) -> datetime:
    """The instant that a text names; UTC unless it carries an offset. Raises `BadInput`."""
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - int(ago[1]) * _UNITS[ago[2]]
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as exc:
        raise BadInput(f"{option} {text!r}: want a time such as 2026-11-22T14:05, or so long ago such as 2h") from exc
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def parse_span(text: str, option: str) -> timedelta:
    """The length that a text names, such as `15m`; raises `BadInput`."""
    found = _AGO.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise BadInput(f"{option} {text!r}: want a length such as 15m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]
