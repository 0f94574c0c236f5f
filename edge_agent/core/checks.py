"""What is found when a box is looked over: a verdict, the value it rests on, and what a technician can do about it.

Rules
- A check is `pass`, `warn` (works, but will hurt; or could not be looked at) or `fail` (to be mended first).
- Whatever is not `pass` carries a remedy. Its text is a message of the technician's catalogue with its variables, so
  that the same check reads in any language; the value beside it is plain figures and names.
- No value holds a plate, an address with a password, or a key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, unique
from types import MappingProxyType

from protocol.fields import Word


@unique
class Verdict(IntEnum):
    """How good a thing is; the greater the worse. The numbers are those of the wire."""

    PASS = 1
    WARN = 2
    FAIL = 3


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do: a message id of the catalogue, and its variables."""

    message: str
    variables: Mapping[str, str | float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `camera` names whose it is, if it is a camera's."""

    name: Word
    verdict: Verdict
    value: str
    remedy: Remedy | None = None
    camera: str | None = None


def passed(name: Word, value: str, /, *, camera: str | None = None) -> Check:
    """A check that found nothing wrong."""
    return Check(name, Verdict.PASS, value, camera=camera)


def warned(name: Word, value: str, message: str, /, *, camera: str | None = None, **variables: str | float) -> Check:
    """A check of something that works and will hurt, or that could not be looked at."""
    return Check(name, Verdict.WARN, value, Remedy(message, variables), camera)


def failed(name: Word, value: str, message: str, /, *, camera: str | None = None, **variables: str | float) -> Check:
    """A check of something that must be mended before one leaves."""
    return Check(name, Verdict.FAIL, value, Remedy(message, variables), camera)


def worst(checks: Iterable[Check]) -> Verdict:
    """The verdict of all checks together."""
    return max((check.verdict for check in checks), default=Verdict.PASS)
