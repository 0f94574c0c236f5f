"""Composing a city's snapshot: which batches and withdrawals go in, and what stays out for which reason.

Boxes judge a snapshot by themselves; what they would refuse is left out here already, so that the count of entries is
what a box arms, and so that somebody is told:

- a batch whose officers do not hold the grants it needs any more leaves until somebody signs it anew;
- a batch with a withdrawn entry whose withdrawal no officer vouches for any more leaves whole. The others in it are
  lost to the boxes until an officer withdraws the entry again, but a cleared vehicle is never wanted again.

Batches of other cities go in by the same rules, under this city's own root, and behind its own: where there is no more
room it is theirs that stay out, so that nobody can crowd a city's own list off its boxes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aggregator.core.hotlist_reading import ReadEntry, Reading, judged
from aggregator.errors import BadInput
from protocol.clock import to_ms
from protocol.hotlist import (
    MAX_ENTRIES,
    MAX_SNAPSHOT_BYTES,
    ListRefusal,
    check_withdrawal,
    encode_snapshot,
)
from protocol.trust import TrustStore

WITHDRAWAL_LAPSED: Final = "withdrawal_lapsed"
_SPARE_BYTES: Final = 4 * 1024 * 1024
"""Kept free of others' batches, for withdrawals."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What the store has for a city: signed batches by id, signed withdrawals, and the entries that are withdrawn."""

    batches: dict[str, bytes] = field(repr=False)
    withdrawals: tuple[bytes, ...] = field(repr=False)
    withdrawn: frozenset[str]


NOTHING: Final = Ingredients({}, (), frozenset())
_UNREAD: Final[Mapping[str, Reading]] = {}


@dataclass(frozen=True, slots=True)
class Composed:
    """A snapshot's bytes, how many entries a box arms from it, the batches left out and why, and what was read."""

    artefact: bytes = field(repr=False)
    list_version: int
    entries: int
    left_out: dict[str, str]
    read: dict[str, Reading] = field(default_factory=dict, repr=False)


def compose(
    found: Ingredients,
    trust: TrustStore,
    *,
    city: str,
    list_version: int,
    now: datetime,
    most_entries: int = MAX_ENTRIES,
    foreign: Ingredients = NOTHING,
    readings: Mapping[str, Reading] = _UNREAD,
) -> Composed:
    """The snapshot of a city at an instant; raises `BadInput` if its own are more than a box takes.

    `readings` are of batches that were read before.
    """
    vouched = _vouched((*found.withdrawals, *foreign.withdrawals), trust, city, now)
    unvouched = (found.withdrawn | foreign.withdrawn) - vouched.keys()
    kept: list[bytes] = []
    entries: list[ReadEntry] = []
    left_out: dict[str, str] = {}
    read: dict[str, Reading] = {}
    for batch_id, raw in (found.batches | foreign.batches).items():
        batch = judged(raw, readings.get(batch_id), trust, now_ms=to_ms(now))
        if isinstance(batch, ListRefusal):
            left_out[batch_id] = batch.value
            continue
        read[batch_id] = batch
        if _lapsed(batch, unvouched, city, to_ms(now)):
            left_out[batch_id] = WITHDRAWAL_LAPSED
        elif batch_id in foreign.batches and not _has_room(kept, raw, len(entries) + len(batch.entries), most_entries):
            left_out[batch_id] = ListRefusal.TOO_MANY.value
        else:
            kept.append(raw)
            entries += batch.entries
    needed = {vouched[entry.entry] for entry in entries if entry.entry in vouched}
    artefact = encode_snapshot(list_version, kept, sorted(needed))
    if len(entries) > most_entries or len(artefact) > MAX_SNAPSHOT_BYTES:
        raise BadInput(f"the list would hold {len(entries)} entries; boxes take {most_entries}")
    now_ms = to_ms(now)
    armed = sum(_counts(entry, city, now_ms) and entry.entry not in vouched for entry in entries)
    return Composed(artefact, list_version, armed, left_out, read)


def _has_room(kept: list[bytes], raw: bytes, entries: int, most_entries: int) -> bool:
    """Whether a box would still take the snapshot with one batch more."""
    size = sum(map(len, kept)) + len(raw)
    return entries <= most_entries and size <= MAX_SNAPSHOT_BYTES - _SPARE_BYTES


def _vouched(withdrawals: Iterable[bytes], trust: TrustStore, city: str, now: datetime) -> dict[str, bytes]:
    """Each withdrawn entry's withdrawal that a box takes, the latest given."""
    found: dict[str, bytes] = {}
    for raw in withdrawals:
        withdrawal = check_withdrawal(raw, trust, city=city, now_ms=to_ms(now))
        if not isinstance(withdrawal, ListRefusal):
            found.update(dict.fromkeys(withdrawal.entries, raw))
    return found


def _lapsed(batch: Reading, unvouched: frozenset[str], city: str, now_ms: int) -> bool:
    """Whether a box would arm an entry of the batch that is withdrawn."""
    return any(entry.entry in unvouched and _counts(entry, city, now_ms) for entry in batch.entries)


def _counts(entry: ReadEntry, city: str, now_ms: int) -> bool:
    return entry.expires_ms > now_ms and (not entry.scope or city in entry.scope)
