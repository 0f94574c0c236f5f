"""Reading a hotlist file: what becomes of each line, and why.

The file is CSV in UTF-8 with a header. `plate`, `reason`, `case_number` and `expires` must be there, `scope` may be:

- `plate` in any spelling; hyphens, spaces and lower case are normalised away, nothing else is changed.
- `reason` is one of the closed list, `case_number` is free text of at most 64 characters.
- `expires` is a day (`2026-12-31`: to its end, in the city's time zone) or an instant with its offset
  (`2026-12-31T18:00:00-06:00`). It must lie ahead, at most `MAX_LIFE` ahead.
- `scope` names cities, separated by `;`. Empty means our own city; `*` is the whole region, and has to be written.

A line is refused for the first reason that holds. Two lines with the same plate and case are one too many, in one
file or against the list; the same plate under another case is not. Lines are counted as an editor counts them.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum, unique
from typing import Final

from typing_extensions import override

from aggregator.core.hotlist import Draft, ReasonClass
from aggregator.errors import BadInput
from protocol.plates import classify, normalise

REQUIRED: Final = ("plate", "reason", "case_number", "expires")
OPTIONAL: Final = ("scope",)
MAX_LIFE: Final = timedelta(days=366)
MIN_PLATE: Final = 4
"""A shorter text would be a `possible` match of half the street."""
MAX_PLATE: Final = 12
MAX_CASE: Final = 64
REGION: Final = "*"


@unique
class Why(StrEnum):
    """Why a line was refused."""

    COLUMNS = "columns"
    PLATE = "plate"
    REASON = "reason"
    CASE_MISSING = "case_missing"
    CASE_LENGTH = "case_length"
    EXPIRY_MISSING = "expiry_missing"
    EXPIRY_FORM = "expiry_form"
    EXPIRY_PAST = "expiry_past"
    EXPIRY_TOO_FAR = "expiry_too_far"
    UNKNOWN_CITY = "unknown_city"
    DUPLICATE = "duplicate"
    ALREADY_LISTED = "already_listed"


ADVICE: Final[dict[Why, str]] = {
    Why.COLUMNS: "the line has more or fewer fields than the header",
    Why.PLATE: f"want {MIN_PLATE} to {MAX_PLATE} letters and digits",
    Why.REASON: f"want one of {', '.join(ReasonClass)}",
    Why.CASE_MISSING: "no entry without a case number",
    Why.CASE_LENGTH: f"a case number has at most {MAX_CASE} characters",
    Why.EXPIRY_MISSING: "no entry without an expiry",
    Why.EXPIRY_FORM: "want 2026-12-31, or 2026-12-31T18:00:00-06:00 with its offset",
    Why.EXPIRY_PAST: "has expired already",
    Why.EXPIRY_TOO_FAR: f"more than {MAX_LIFE.days} days ahead; renew it when it is due",
    Why.UNKNOWN_CITY: "a city of the scope is not registered",
    Why.DUPLICATE: "the same plate and case as an earlier line",
    Why.ALREADY_LISTED: "the same plate and case are on the list, proposed or imported already",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What lines are held against. `listed` holds (plate, case number) of everything that still counts."""

    now: datetime
    time_zone: tzinfo
    own_city: str
    cities: frozenset[str]
    listed: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not taken."""

    line: int
    why: Why


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """A line that was taken; `form` names the Mexican form of the plate, if it has one."""

    line: int
    draft: Draft
    form: str | None

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate."""
        return f"Accepted(line={self.line})"


Verdict = Accepted | Refused


def read_file(text: str, rules: Rules) -> tuple[Verdict, ...]:
    """A verdict per line; raises `BadInput` for a file that is not CSV or lacks the header."""
    rows = _numbered(text.removeprefix("\ufeff"))
    _, first = next(rows, (1, []))
    header = [name.strip().lower() for name in first]
    _check_header(header)
    return tuple(_verdicts(rows, header, rules))


def _numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        for row in reader:
            first, line = line + 1, reader.line_num
            if row:
                yield first, row
    except csv.Error as exc:
        raise BadInput(f"line {reader.line_num} is not CSV: {exc}") from exc


def _check_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    if missing or unknown or len(set(header)) != len(header):
        raise BadInput(f"the first line must name the columns {', '.join(REQUIRED)} and may name {', '.join(OPTIONAL)}")


def _verdicts(rows: Iterable[tuple[int, list[str]]], header: list[str], rules: Rules) -> Iterator[Verdict]:
    seen: set[tuple[str, str]] = set()
    for line, row in rows:
        verdict = _judge(line, dict(zip(header, row, strict=True)), rules) if len(row) == len(header) else Why.COLUMNS
        if isinstance(verdict, Draft):
            verdict = _unless_known(verdict, seen, rules.listed)
        yield Refused(line, verdict) if isinstance(verdict, Why) else Accepted(line, verdict, classify(verdict.plate))


def _unless_known(draft: Draft, seen: set[tuple[str, str]], listed: frozenset[tuple[str, str]]) -> Draft | Why:
    key = (draft.plate, draft.case_number)
    if key in seen:
        return Why.DUPLICATE
    if key in listed:
        return Why.ALREADY_LISTED
    seen.add(key)
    return draft


def _judge(line: int, row: dict[str, str], rules: Rules) -> Draft | Why:
    plate, case_number = normalise(row["plate"]), row["case_number"].strip()
    if not MIN_PLATE <= len(plate) <= MAX_PLATE:
        return Why.PLATE
    try:
        reason = ReasonClass(row["reason"].strip().lower())
    except ValueError:
        return Why.REASON
    if not 0 < len(case_number) <= MAX_CASE:
        return Why.CASE_LENGTH if case_number else Why.CASE_MISSING
    expires_at = _expiry(row["expires"].strip(), rules)
    if isinstance(expires_at, Why):
        return expires_at
    scope = _scope(row.get("scope", ""), rules)
    if scope is None:
        return Why.UNKNOWN_CITY
    return Draft(line, plate, reason, case_number, expires_at, scope)


def _expiry(text: str, rules: Rules) -> datetime | Why:
    if not text:
        return Why.EXPIRY_MISSING
    expires_at = _instant(text, rules.time_zone)
    if expires_at is None:
        return Why.EXPIRY_FORM
    if expires_at <= rules.now:
        return Why.EXPIRY_PAST
    return expires_at if expires_at <= rules.now + MAX_LIFE else Why.EXPIRY_TOO_FAR


def _instant(text: str, time_zone: tzinfo) -> datetime | None:
    """The instant that a text names: the end of a day where we are, or a moment with its offset."""
    try:
        if len(text) == len("2026-12-31"):
            end = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(end, time(), time_zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _scope(text: str, rules: Rules) -> tuple[str, ...] | None:
    """Cities, none for the whole region, None if one of them is unknown."""
    names = [name.strip() for name in text.split(";") if name.strip()]
    if names == [REGION]:
        return ()
    cities = tuple(sorted(set(names or [rules.own_city])))
    return cities if set(cities) <= rules.cities else None
