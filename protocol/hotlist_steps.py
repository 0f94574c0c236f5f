"""From one verified snapshot to the next: only what is new is verified, and what comes out is what changed.

1. A step builds on what is held. It may as long as a batch would be judged as before: the same trust bundle, the same
   officers in force (grants have dates), and a clock that did not go back. Else all is verified anew.
2. Batches and withdrawals are known by the SHA-256 of their bytes. One that was judged is not judged again; one that is
   gone takes its entries along.
3. Where one entry id stands in two batches, which of them counts depends on both: such a list is verified whole.
4. What a box arms after any number of steps is what `protocol.hotlist.assemble` says of the last snapshot alone. Only
   entries that expired meanwhile stay where they are until their batch goes: they match nothing.

Memory: of each entry its id and plate, which the box's index holds anyway; the snapshot's bytes, once.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace

from protocol.cosign import parse_cosigned
from protocol.hotlist import (
    MAX_ENTRIES,
    MAX_SNAPSHOT_BYTES,
    Batch,
    Entry,
    Listed,
    ListRefusal,
    Manifest,
    Snapshot,
    is_armed,
    open_snapshot,
    read_batches,
    read_withdrawals,
)
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import from_bytes

_DISARMED = ""
"""Stands for the plate of an entry that is listed and not armed."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A snapshot that was verified, and what the next step needs to know of it."""

    artefact: bytes = field(repr=False)
    trust: TrustStore
    judged_ms: int
    judged: frozenset[bytes] = field(repr=False)
    """Batches and withdrawals that were judged, good or bad, by the SHA-256 of their bytes."""
    vouched: frozenset[bytes] = field(repr=False)
    """Of these the batches that two officers vouch for."""
    plates: dict[str, str] = field(repr=False)
    """Every entry of these batches by its id, with its plate if it is armed."""
    withdrawn: frozenset[str] = field(repr=False)
    has_doubles: bool = False

    @classmethod
    def nothing(cls, trust: TrustStore, now_ms: int, withdrawn: frozenset[str]) -> "Held":
        """No snapshot, but what was seen withdrawn before."""
        return cls(b"", trust, now_ms, frozenset(), frozenset(), {}, withdrawn)

    def carries(self, trust: TrustStore, now_ms: int) -> bool:
        """Whether what was judged then would be judged the same way now."""
        if self.has_doubles or now_ms < self.judged_ms or trust != self.trust:
            return False
        return _in_force(trust, now_ms) == _in_force(trust, self.judged_ms)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do to the index. `is_whole`: build it of `added` alone; else take `gone` off first (id and plate)."""

    held: Held
    added: tuple[Entry, ...] = field(repr=False)
    gone: tuple[tuple[str, str], ...] = field(repr=False)
    refused: dict[ListRefusal, int]
    is_whole: bool


def take_snapshot(
    artefact: bytes,
    manifest: Manifest,
    trust: TrustStore,
    *,
    now_ms: int,
    held: Held | None = None,
    withdrawn: frozenset[str] = frozenset(),
) -> Step | ListRefusal:
    """Verify the snapshot that a manifest names, as a step from what is held where that can be.

    `withdrawn` is for a box that holds nothing: the entries that it has seen withdrawn before.
    """
    snapshot = open_snapshot(artefact, manifest)
    if isinstance(snapshot, ListRefusal):
        return snapshot
    if held is None or not held.carries(trust, now_ms):
        held = Held.nothing(trust, now_ms, held.withdrawn if held else withdrawn)
    return _Stepping(held, snapshot, manifest.city, trust, now_ms).step(artefact)


@dataclass(frozen=True, slots=True)
class _Stepping:
    """One step under way."""

    held: Held
    snapshot: Snapshot
    city: str
    trust: TrustStore
    now_ms: int
    refused: Counter[ListRefusal] = field(default_factory=Counter)

    def step(self, artefact: bytes) -> Step | ListRefusal:
        """The step; from nothing, if an entry id is in a batch that is held and in a new one."""
        held = self.held
        batches, withdrawals = _named(self.snapshot.batches), _named(self.snapshot.withdrawals)
        withdrawn = held.withdrawn | read_withdrawals(
            self._new(withdrawals), self.trust, self.refused, city=self.city, now_ms=self.now_ms
        )
        listed = read_batches(self._new(batches), self.trust, self.refused, now_ms=self.now_ms)
        if isinstance(listed, ListRefusal):
            return listed
        plates = dict(held.plates)
        gone = tuple(_taken_off(plates, held, held.vouched.difference(batches), withdrawn - held.withdrawn))
        if any(entry.entry in plates for entry in listed.entries):
            return replace(self, held=self._nothing(), refused=Counter()).step(artefact)
        added = tuple(self._put_on(plates, listed, withdrawn))
        if len(plates) > MAX_ENTRIES:
            return ListRefusal.TOO_MANY
        vouched = held.vouched.intersection(batches) | {_name(raw) for raw in listed.vouched}
        judged = frozenset(batches.keys() | withdrawals.keys())
        after = Held(artefact, self.trust, self.now_ms, judged, vouched, plates, withdrawn, listed.has_doubles)
        return Step(after, added, gone, dict(self.refused), is_whole=not held.judged)

    def _nothing(self) -> Held:
        return Held.nothing(self.trust, self.now_ms, self.held.withdrawn)

    def _new(self, named: dict[bytes, bytes]) -> Iterator[bytes]:
        return (raw for name, raw in named.items() if name not in self.held.judged)

    def _put_on(self, plates: dict[str, str], listed: Listed, withdrawn: Set[str]) -> Iterator[Entry]:
        """Note new entries; those that are armed."""
        for entry in listed.entries:
            armed = is_armed(entry, self.city, withdrawn, self.now_ms)
            plates[entry.entry] = entry.plate if armed else _DISARMED
            if armed:
                yield entry


def _taken_off(
    plates: dict[str, str], held: Held, left: Set[bytes], withdrawn: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Strike out what batches that left listed, and disarm what was withdrawn; the entries that were armed."""
    for entry in withdrawn:
        plate = plates.get(entry, _DISARMED)
        if plate != _DISARMED:
            plates[entry] = _DISARMED
            yield entry, plate
    for entry in _listed_in(held.artefact, left):
        plate = plates.pop(entry, _DISARMED)
        if plate != _DISARMED:
            yield entry, plate


def _listed_in(artefact: bytes, names: Set[bytes]) -> Iterator[str]:
    """The entry ids of some batches of a snapshot that was verified."""
    if not names:
        return
    batches = _named(from_bytes(artefact, Snapshot, max_bytes=MAX_SNAPSHOT_BYTES).batches)
    for name in names:
        payload = parse_cosigned(batches[name], max_bytes=MAX_SNAPSHOT_BYTES).payload
        for entry in from_bytes(payload, Batch, max_bytes=MAX_SNAPSHOT_BYTES).entries:
            yield entry.entry


def _named(raws: Iterable[bytes]) -> dict[bytes, bytes]:
    return {_name(raw): raw for raw in raws}


def _name(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _in_force(trust: TrustStore, at_ms: int) -> list[Grant]:
    """The officers whose word counts at an instant: all that a verdict on a batch depends on."""
    return [grant for grant in trust.grants if grant.role is Role.OFFICER and grant.is_current(at_ms)]
