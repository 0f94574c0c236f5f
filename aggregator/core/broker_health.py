"""What `broker check` finds, and how bad it is. Dates are judged by `core.dates`."""

from dataclasses import dataclass
from enum import Enum, unique


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
