"""The chain auditor's rules: what is missing of an outbox, what was given up, where the chain does not hold.

All of it is a function of the set of messages and tombstones seen, whatever their order of arrival:

    known       there is a message, or a tombstone, of that sequence number
    missing     not known, below the highest known: a gap, asked for again
    fork        two messages of one number (of different epochs: a disk that lost its last rows, or a cloned box)
    dropped     a tombstone and no message
    break       a single message that names another predecessor than the one there is. Where either is a fork nothing is
                said: with two candidates there is no one chain to hold. Number 1 follows 32 zero bytes.

`Chain` keeps no message, only stretches (`Run`) with the hashes at their ends. A dropped number is never inside a run,
so that a message that arrives after its own tombstone finds its neighbours' hashes still there. An empty hash means
that several are claimed, and compares with nothing.

Gaps are asked for with growing pauses, and given up after `MAX_ASKS`: `lost`, until the messages arrive after all.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from protocol.order import NO_PREVIOUS

AMBIGUOUS: Final = b""
GRACE: Final = timedelta(seconds=5)  # reordering heals by itself within moments
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=30)
MAX_ASKS: Final = 12


@dataclass(frozen=True, slots=True)
class Link:
    """A stored message's place."""

    sequence: int
    hash: bytes
    previous: bytes


@dataclass(frozen=True, slots=True)
class Stone:
    """A tombstone's place."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive messages: the hash that the first names as its predecessor, and the hash of the last."""

    first: int
    last: int
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What is known of an outbox."""

    runs: tuple[Run, ...] = ()
    dropped: Mapping[int, bytes] = field(default_factory=dict)
    forks: frozenset[int] = frozenset()
    breaks: frozenset[int] = frozenset()

    @property
    def highest(self) -> int:
        """The highest number known; 0 before the first."""
        return max((*(run.last for run in self.runs[-1:]), *self.dropped), default=0)

    @property
    def head(self) -> int:
        """Everything up to here is accounted for."""
        gap = next(iter(self.missing()), None)
        return self.highest if gap is None else gap[0] - 1

    def missing(self) -> Iterator[tuple[int, int]]:
        """The gaps, first and last number included."""
        known = [(run.first, run.last) for run in self.runs]
        known += [(number, number) for number in self.dropped]
        expected = 1
        for first, last in sorted(known):
            if first > expected:
                yield expected, first - 1
            expected = last + 1

    def after(self, links: Iterable[Link], stones: Iterable[Stone] = ()) -> "Chain":
        """The chain after more messages and tombstones, in any order."""
        work = _Work(list(self.runs), dict(self.dropped), set(self.forks), set(self.breaks))
        for link in links:
            work.add_link(link)
        for stone in stones:
            work.add_stone(stone)
        return Chain(tuple(work.runs), work.dropped, frozenset(work.forks), frozenset(work.breaks))


@dataclass(slots=True)
class _Work:
    """A chain being added to."""

    runs: list[Run]
    dropped: dict[int, bytes]
    forks: set[int]
    breaks: set[int]

    def add_link(self, link: Link) -> None:
        at = bisect_right(self.runs, link.sequence, key=lambda run: run.first)
        if at > 0 and link.sequence <= self.runs[at - 1].last:
            self._fork(at - 1, link.sequence)
            return
        self.dropped.pop(link.sequence, None)
        self._judge(link.sequence, self._hash_before(at, link.sequence), link.previous)
        left = self.runs[at - 1] if at > 0 and self.runs[at - 1].last == link.sequence - 1 else None
        right = self.runs[at] if at < len(self.runs) and self.runs[at].first == link.sequence + 1 else None
        if right is not None:
            self._judge(right.first, link.hash, right.previous)
        first, previous = (link.sequence, link.previous) if left is None else (left.first, left.previous)
        last, end = (link.sequence, link.hash) if right is None else (right.last, right.hash)
        self.runs[at - (left is not None) : at + (right is not None)] = [Run(first, last, previous, end)]

    def add_stone(self, stone: Stone) -> None:
        at = bisect_right(self.runs, stone.sequence, key=lambda run: run.first)
        if at > 0 and stone.sequence <= self.runs[at - 1].last:
            return  # it arrived after all, or had arrived before it was given up
        agrees = self.dropped.get(stone.sequence, stone.hash) == stone.hash
        self.dropped[stone.sequence] = stone.hash if agrees else AMBIGUOUS
        if at < len(self.runs) and self.runs[at].first == stone.sequence + 1:
            self._judge(stone.sequence + 1, self.dropped[stone.sequence], self.runs[at].previous)

    def _hash_before(self, at: int, sequence: int) -> bytes:
        if sequence == 1:
            return NO_PREVIOUS
        if at > 0 and self.runs[at - 1].last == sequence - 1:
            return self.runs[at - 1].hash
        return self.dropped.get(sequence - 1, AMBIGUOUS)

    def _judge(self, sequence: int, there: bytes, named: bytes) -> None:
        """Whether the chain breaks before a number: what is there is not what it names."""
        if AMBIGUOUS not in (there, named) and there != named:
            self.breaks.add(sequence)
        else:
            self.breaks.discard(sequence)

    def _fork(self, at: int, sequence: int) -> None:
        run = self.runs[at]
        self.forks.add(sequence)
        self.breaks -= {sequence, sequence + 1}
        self.runs[at] = replace(
            run,
            previous=AMBIGUOUS if sequence == run.first else run.previous,
            hash=AMBIGUOUS if sequence == run.last else run.hash,
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing, and how often they were asked for. No next time: given up, `lost`."""

    first: int
    last: int
    opened_at: datetime
    asked: int = 0
    next_ask_at: datetime | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it was asked for often enough."""
        return self.next_ask_at is None

    def after_asking(self, now: datetime) -> "Gap":
        """The gap once it was asked for."""
        asked = self.asked + 1
        if asked >= MAX_ASKS:
            return replace(self, asked=asked, next_ask_at=None)
        pause = min(FIRST_PAUSE * 2 ** (asked - 1), LONGEST_PAUSE)
        return replace(self, asked=asked, next_ask_at=now + pause)


def reconciled(old: Iterable[Gap], missing: Iterable[tuple[int, int]], now: datetime) -> tuple[Gap, ...]:
    """The gaps of now. What is left of an older gap keeps its age and its count."""
    in_order = sorted(old, key=lambda gap: gap.first)
    return tuple(_gap(first, last, in_order, now) for first, last in missing)


def _gap(first: int, last: int, old: Sequence[Gap], now: datetime) -> Gap:
    """`old` are in order and apart from each other, so that those which overlap lie side by side."""
    at = bisect_left(old, first, key=lambda gap: gap.last)
    overlapping = takewhile(lambda gap: gap.first <= last, islice(old, at, None))
    eldest = min(overlapping, key=lambda gap: gap.opened_at, default=None)
    if eldest is None:
        return Gap(first, last, now, next_ask_at=now + GRACE)
    return eldest if (eldest.first, eldest.last) == (first, last) else replace(eldest, first=first, last=last)
