"""What is owed, and what the city has of it.

The ledger is kept outside the agent. A play that reached the video's end owes every hit of the video's own script, and
each once; a play that was killed owes what it had announced. And every message that a box gave a place in its order
must be stored, or its loss be told.

The agent promises one hit a passage, and takes what is read again within `same_vehicle_s` for the same passage. A video
that is not played in real time is stamped with the time at which its frames are read, so that on a busy machine one
vehicle can lie further apart than that: then, and only then, it owes a hit more.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Self

from stack.city import Box, LocalCity
from stack.measure import epoch, events, sent, stored
from street.script import StreetScript

from edge_agent.core.passages import ReadingSettings

SAME_VEHICLE_S: Final = ReadingSettings().same_vehicle_s


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


def passages(said: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each plate passed, by the lines in which the agent announced hits: as often as it promises to tell."""
    counted, last_s = Counter[str](), dict[str, float]()
    for line in sorted(said, key=lambda line: line["decided_mono_s"]):
        plate, at_s = line["plate"], line["decided_mono_s"]
        if at_s - last_s.get(plate, -inf) > SAME_VEHICLE_S:
            counted[plate] += 1
        last_s[plate] = at_s
    return counted


@dataclass(slots=True)
class Ledger:
    """What is owed: by (epoch, plate), how often. Kept here, never by the agent."""

    owed: Counter[tuple[int, str]] = field(default_factory=Counter)

    def book(self, box: Box, script: StreetScript, *, is_complete: bool) -> None:
        """The box's last play: to the video's end, or cut short after announcing what its events say."""
        played = epoch(box)
        said = [line for line in events(box.events) if line["event"] == "hit" and line["epoch"] == played]
        announced = passages(said)
        due = Counter(script.expected_hits) | announced if is_complete else announced
        self.owed.update({(played, plate): times for plate, times in due.items()})

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
            duplicates=sum(self._beyond(have)) + found.messages - found.distinct,
            missing=tuple(f"{plate} of epoch {played}" for played, plate in sorted(missing.elements()))
            + ((f"{unexplained} messages",) if unexplained else ()),
        )

    def _beyond(self, have: Counter[tuple[int, str]]) -> Iterator[int]:
        """How often each hit is there beyond what is owed; one that was stored and never announced is no double."""
        for hit, times in have.items():
            yield max(0, times - max(self.owed[hit], 1))
