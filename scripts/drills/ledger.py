"""What is owed, and what the city has of it.

The ledger is kept outside the agent. A play that reached the video's end owes every hit of the video's own script,
once. A play that was killed owes each hit it had announced, once. And every message that a box gave a place in its
order must be stored, or its loss be told.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from stack.city import Box, LocalCity
from stack.measure import epoch, events, sent, stored
from street.script import StreetScript


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many hits were owed and are there once; what is missing, hits and messages; what is there twice."""

    expected: int = 0
    stored: int = 0
    lost: int = 0
    duplicates: int = 0
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing lost, nothing doubled."""
        return not self.lost and not self.duplicates

    def __add__(self, other: Self) -> "Outcome":
        return Outcome(
            self.expected + other.expected,
            self.stored + other.stored,
            self.lost + other.lost,
            self.duplicates + other.duplicates,
            (*self.missing, *other.missing),
        )


@dataclass(slots=True)
class Ledger:
    """What is owed: by (epoch, plate), how often. Kept here, never by the agent."""

    owed: Counter[tuple[int, str]] = field(default_factory=Counter)

    def book(self, box: Box, script: StreetScript, *, is_complete: bool) -> None:
        """The box's last play: to the video's end, or cut short after announcing what its events say."""
        played = epoch(box)
        if is_complete:
            self._owe(played, script.expected_hits)
        else:
            said = (line for line in events(box.events) if line["event"] == "hit" and line["epoch"] == played)
            self._owe(played, {line["plate"] for line in said})

    def judge(self, city: LocalCity, box: Box) -> Outcome:
        """Hold the city's database against what is owed of this box's outbox."""
        found = stored(city, box)
        have = Counter((hit.epoch, hit.plate) for hit in found.hits)
        missing = self.owed - have
        unexplained = max(sent(box) - found.distinct - found.told_dropped, 0)
        return Outcome(
            expected=sum(self.owed.values()),
            stored=sum((self.owed & have).values()),
            lost=sum(missing.values()) + unexplained,
            duplicates=sum((have - self.owed).values()) + found.messages - found.distinct,
            missing=tuple(f"{plate} of epoch {played}" for played, plate in sorted(missing.elements()))
            + ((f"{unexplained} messages",) if unexplained else ()),
        )

    def _owe(self, played: int, plates: Iterable[str]) -> None:
        self.owed.update((played, plate) for plate in plates)
