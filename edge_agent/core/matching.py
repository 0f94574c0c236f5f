"""Matching: which armed hotlist entries a read names, exactly or possibly.

Rules
- `exact`: the read is the entry's plate.
- `possible`: the read is the plate with one character replaced by one that `protocol.plates.CONFUSIONS` says is
  mistaken for it, or the plate without its first or its last character. One such difference, never two; a read
  with a character too many matches nothing.
- An entry counts only while it has not expired, only in the cities of its scope, and only while the manifest that
  brought the list has not expired: all three are judged at the instant of the match, so a box that hears nothing
  any more disarms itself.
- Exact matches come first, then substitutions, then missing ends, each by entry id; at most `MAX_MATCHES`.

A list that changed a little is made of the last one (`changed`): the table is copied, which for 200,000 plates is some
milliseconds, and the entries in it are shared. A match in the old index goes on undisturbed meanwhile.

There is one table, from plate to entries, and the search runs from the read's side: a read of seven characters has
about 15 spellings by substitution and 72 by an end character it may have lost, so that a match is some ninety
look-ups, whatever the length of the list. An index of shortened plates would save 72 of them and treble the memory.

Nothing here prints a plate: an index says only how much it holds.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

import msgspec
from typing_extensions import override

from protocol.hotlist import Entry
from protocol.messages import Match, Quality
from protocol.plates import ALPHABET, CONFUSIONS

MAX_MATCHES: Final = 8


class _Armed(msgspec.Struct, frozen=True, gc=False):
    """What a match needs of an entry. Untracked: 200,000 of them must not lengthen every garbage collection."""

    entry: str
    reason: str
    expires_ms: int
    scope: tuple[str, ...]


class HotlistIndex:
    """The armed entries, ready to be matched. Never changes: a new list is a new index."""

    __slots__ = ("_by_plate", "_entries", "expires_ms", "list_version")

    def __init__(self, entries: Iterable[Entry] = (), *, list_version: int = 0, expires_ms: int | None = None) -> None:
        """Index entries; `expires_ms` is the manifest's, None for a list that has none (a test, a benchmark)."""
        self.list_version = list_version
        self.expires_ms = expires_ms
        self._by_plate: dict[str, tuple[_Armed, ...]] = {}
        self._entries = _put(self._by_plate, entries)

    def changed(
        self, *, added: Iterable[Entry], gone: Iterable[tuple[str, str]], list_version: int, expires_ms: int | None
    ) -> "HotlistIndex":
        """The index of the next list: without the entries that are `gone` (id and plate), then with those `added`."""
        index = HotlistIndex(list_version=list_version, expires_ms=expires_ms)
        index._by_plate = self._by_plate.copy()
        index._entries = self._entries - _take_off(index._by_plate, gone) + _put(index._by_plate, added)
        return index

    def __len__(self) -> int:
        """How many entries were indexed, expired ones and other cities' included."""
        return self._entries

    @override
    def __repr__(self) -> str:
        """Say nothing of the plates."""
        return f"HotlistIndex(list_version={self.list_version}, entries={self._entries})"

    def is_armed(self, now_ms: int) -> bool:
        """Whether the list still counts at an instant."""
        return self.expires_ms is None or now_ms < self.expires_ms

    def match(self, text: str, now_ms: int, city: str) -> tuple[Match, ...]:
        """The entries that a read of a city's box names at an instant: exact first, at most `MAX_MATCHES`."""
        if not self.is_armed(now_ms):
            return ()
        exact = self._armed((text,), now_ms, city)
        possible = chain(
            self._armed(substituted(text), now_ms, city),
            self._armed(completed(text), now_ms, city),
        )
        found = chain(_matches(exact, Quality.EXACT), _matches(possible, Quality.POSSIBLE))
        return tuple(islice(found, MAX_MATCHES))

    def _armed(self, plates: Iterable[str], now_ms: int, city: str) -> list[_Armed]:
        """Entries of these plates that count, by id."""
        found = [
            armed
            for plate in plates
            if plate in self._by_plate
            for armed in self._by_plate[plate]
            if armed.expires_ms > now_ms and (not armed.scope or city in armed.scope)
        ]
        found.sort(key=_by_id)
        return found


def substituted(text: str) -> Iterator[str]:
    """Every plate that a read may stand for by one mistaken character."""
    for at, character in enumerate(text):
        head, tail = text[:at], text[at + 1 :]
        for other in CONFUSIONS.get(character, ()):
            yield head + other + tail


def completed(text: str) -> set[str]:
    """Every plate that a read may stand for by one lost character at an end."""
    return {character + text for character in ALPHABET} | {text + character for character in ALPHABET}


def _by_id(armed: _Armed) -> str:
    return armed.entry


def _matches(found: Iterable[_Armed], quality: Quality) -> Iterator[Match]:
    return (Match(entry=armed.entry, quality=quality, reason=armed.reason) for armed in found)


def _put(table: dict[str, tuple[_Armed, ...]], entries: Iterable[Entry]) -> int:
    """Put entries under their plates; how many. Reasons and scopes are few: each is kept once."""
    reasons: dict[str, str] = {}
    scopes: dict[tuple[str, ...], tuple[str, ...]] = {}
    count = 0
    for entry in entries:
        reason = reasons.setdefault(entry.reason, entry.reason)
        scope = scopes.setdefault(entry.scope, entry.scope)
        armed = _Armed(entry.entry, reason, entry.expires_ms, scope)
        table[entry.plate] = (*table.get(entry.plate, ()), armed)
        count += 1
    return count


def _take_off(table: dict[str, tuple[_Armed, ...]], gone: Iterable[tuple[str, str]]) -> int:
    """Take entries off their plates; how many were there."""
    count = 0
    for entry, plate in gone:
        found = table.pop(plate, ())
        left = tuple(armed for armed in found if armed.entry != entry)
        count += len(found) - len(left)
        if left:
            table[plate] = left
    return count
