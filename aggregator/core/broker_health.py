"""What `broker check` finds, and how bad it is.

Dates are judged before they pass: an expired CRL locks out the whole fleet at once, an expired broker certificate too,
and an expired client certificate one of our own. A warning comes months ahead, in time for the next visit of the root.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

WARN_BEFORE: Final = timedelta(days=90)


@unique
class Grade(Enum):
    """How bad."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    grade: Grade
    what: str
    found: str


def judge_date(what: str, until: datetime, *, now: datetime) -> Finding:
    """Whether something that holds until a date holds for long enough."""
    if until <= now:
        return Finding(Grade.BAD, what, f"expired on {until:%Y-%m-%d}")
    grade = Grade.WARNING if until - now < WARN_BEFORE else Grade.GOOD
    return Finding(grade, what, f"holds until {until:%Y-%m-%d}")


def judge(what: str, *, holds: bool, good: str, otherwise: str, grade: Grade = Grade.BAD) -> Finding:
    """Whether a claim holds."""
    return Finding(Grade.GOOD, what, good) if holds else Finding(grade, what, otherwise)


def judge_dropped(count: int) -> Finding:
    """The broker's own count of messages it lost since it started."""
    return judge(
        "messages dropped by the broker",
        holds=count == 0,
        good="none since it started",
        otherwise=f"{count} since it started: a queue was full. Agents send them again until they get their receipts",
        grade=Grade.WARNING,
    )
