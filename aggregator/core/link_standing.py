"""How old what a city has of other cities is, and what of it does not count: in words, for health and commands.

A city alone keeps looking for others' vehicles until their entries expire. What it cannot know then is what was
reported or cleared meanwhile, so it says how old its knowledge is. The region signs the head of the log every half
minute, whether or not there is anything new: four that do not come are worth a word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

STALE_AFTER: Final = timedelta(minutes=2)
WAITING: Final = "unknown_officer"
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_WHY: Final = {
    WAITING: "wait: our root has not granted their officers; see: aggregator federation adopt",
    "too_many": "are left out: boxes have no room for more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStanding:
    """What a linked city knows of others. `as_of`: then this was all there was, by the region's clock."""

    number: int = 0
    as_of: datetime | None = None
    problem: str | None = None
    problems: int = 0
    batches: int = 0
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)

    def age(self, now: datetime) -> timedelta | None:
        """How old it is; None if the region was never heard."""
        return None if self.as_of is None else max(timedelta(), now - self.as_of)

    def warnings(self, now: datetime) -> Iterator[str]:
        """What people should know."""
        age = self.age(now)
        if age is None or age >= STALE_AFTER:
            yield self.told(now)
        if self.problem is not None:
            yield f"the region's log is not followed ({self.problem}): docs/federation.md says what to do"
        for (city, why), count in self.left_out.items():
            yield f"{count} hotlist batches of {city} {_WHY.get(why, f'are left out ({why})')}"
        for kind, count in self.refused.items():
            yield f"the region refused {count} items of ours for good ({kind})"

    def told(self, now: datetime) -> str:
        """How old it is, in a sentence."""
        age = self.age(now)
        if age is None:
            return "other cities' lists: the region was not heard yet"
        return f"other cities' lists are {in_words(age)} old (as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC)"


def in_words(age: timedelta) -> str:
    """A length of time, to the unit that matters."""
    for unit, name in ((timedelta(days=1), "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if age >= 2 * unit:
            return f"{age // unit} {name}"
    return f"{age // timedelta(seconds=1)} s"
