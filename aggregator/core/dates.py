"""What ends one day, and how soon it must be seen to.

Everything here is judged long before it ends, by what it takes to mend it. An authority is not worn to its last day: a
certificate cannot outlast its issuer, so one is rotated while it still covers a whole term of a box. Servers, our own
clients, links and grants are renewed by a command; a box renews by itself, so that one whose certificate is near its
end has failed to, for months.

    good      nothing to do
    warning   to be done at the next occasion
    bad       ends within days, or has ended: somebody is about to be locked out
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

from aggregator.core.broker_health import Finding, Grade


@unique
class Kind(Enum):
    """What ends; by it the thresholds are chosen and the remedy is named."""

    ROOT = "root"
    ISSUING = "issuing CA"
    REVOCATIONS = "revocation list"
    SERVER = "server"
    CLIENT = "client of ours"
    LINK = "link of"
    DEVICE = "box"
    GRANT = "grant"


REMEDIES: Final = {
    Kind.ROOT: "found a new installation and enrol the boxes there; docs/certificates.md says how",
    Kind.ISSUING: "aggregator ca rotate --begin",
    Kind.REVOCATIONS: "aggregator ca crl",
    Kind.SERVER: "aggregator broker renew",
    Kind.CLIENT: "aggregator broker renew",
    Kind.LINK: "at the region: aggregator federation invite {name}; then in the city: aggregator federation join",
    Kind.DEVICE: "see `edge-agent status` on the box for why it does not renew by itself",
    Kind.GRANT: "aggregator trust grant",
}


@dataclass(frozen=True, slots=True)
class Before:
    """So long before the end there is a warning, and so long before it an alarm."""

    warn: timedelta
    alarm: timedelta


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that holds until a date, and what is in danger when that has passed."""

    kind: Kind
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Dating:
    """A judged date."""

    dated: Dated
    grade: Grade
    days_left: int

    @property
    def text(self) -> str:
        """For a line of health or log."""
        what, until = f"{self.dated.kind.value} {self.dated.name}", f"{self.dated.until:%Y-%m-%d}"
        if self.grade is Grade.GOOD:
            return f"{what} holds until {until}"
        said = f"ended on {until}" if self.days_left < 0 else f"ends on {until}, in {self.days_left} days"
        remedy = REMEDIES[self.dated.kind].format(name=self.dated.name)
        return f"{what} {said}: {remedy}"

    @property
    def finding(self) -> Finding:
        """For `broker check`."""
        what = f"{self.dated.kind.value} {self.dated.name}"
        return Finding(self.grade, what, self.text.removeprefix(f"{what} "))


def judge(dated: Dated, before: Before, *, now: datetime) -> Dating:
    """How bad a date is."""
    left = dated.until - now
    grade = Grade.BAD if left <= before.alarm else Grade.WARNING if left <= before.warn else Grade.GOOD
    return Dating(dated, grade, left // timedelta(days=1))


def worst_first(found: Iterable[Dating]) -> list[Dating]:
    """By what is to be done first."""
    order = [Grade.BAD, Grade.WARNING, Grade.GOOD]
    return sorted(found, key=lambda each: (order.index(each.grade), each.dated.until))
