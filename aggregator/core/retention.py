"""Retention: how long each kind of row and file is kept, what never goes, and the receipt of what went.

1. Age counts from when we received a thing, by our own clock: no box's clock makes a row immortal, and none makes one
   vanish. Counts alone, which prove nothing about anybody, go by the time they count.
2. A legal hold outranks every rule but one. What belongs to a held hit (its amendments, matches, evidence, pictures) is
   held with it. A purge and the placing of a hold never overlap: the hold waits for a batch to end, a batch for the
   hold. The one is the day of a `possible` hit that a person rejected: its plate goes whatever is held, and of its
   pictures the hold keeps the sealed original, which no server can open.
   At a region, where nobody hears of a city's rejections, what is no more than `possible` goes a day after the vehicle
   was there. The plate in a notice of another city goes with the notice's time, by no setting; a hold keeps it.
3. A hit goes whole: with its amendments, or a withdrawn one would show its plate again. A picture may go before its
   hit; the evidence row then still says that it was there and which hash it had. It goes when every evidence row
   that names it is due.
4. Rows first, files after: rows, receipt and a note of the files to remove are one transaction, the files follow. A
   crash in between leaves a file that the note names, and never a row whose file is gone. What neither a row nor a note
   names (a folder restored from a backup) is shown by `retention sweep`, and removed by hand only: it may be the
   database that is older than the files.
5. Each batch leaves a receipt: rule, kind, range of time, count, and a hash over the sorted ids (envelope hashes and
   pictures' SHA-256, 32 bytes each; never a plate).
6. No count goes before the sums of its hour have it in (docs/storage.md), and sums are kept at least as long as what
   they are made of.
7. A clock that leaped would purge years at once. If it runs behind the last run or far ahead of it, the schedule stops,
   and a person says that the clock is right.

A receipt is a row of the audit, of an action of its own, and no table beside it. So it cannot differ from its place in
the chain, `audit verify` checks it as it stands, the triggers that guard the audit guard it, and a checkpoint that is
published off the machine covers it. A second chain would need checkpoints of its own, and could be cut off alone.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Final

import msgspec

RECEIPT: Final = "retention.purge"
REJECTED_DAYS: Final = 1  # one of the limits of docs/privacy.md: no setting lifts it
LAPSED_DAYS: Final = 0  # after a notice's time is up
LONGEST_PAUSE: Final = timedelta(days=7)


@unique
class Keeping(StrEnum):
    """What has a rule of its own, in the order in which it is purged.

    The delivery ledger has none: without its line, a message that comes again would be stored again. Neither have the
    chain auditor's memory, equivocations and tombstones, which hold no plate and say what is missing.
    """

    HITS = "hits"
    REJECTED = "rejected"
    SEALED = "sealed"
    REDACTED = "redacted"
    ALARMS = "alarms"
    CONDITIONS = "conditions"
    ACCEPTANCES = "acceptances"
    SETTINGS = "settings"
    REPORTS = "reports"
    COUNTS = "counts"
    HOURLY = "hourly"
    DAILY = "daily"
    PIECES = "pieces"
    REFUSED = "refused"
    REFUSALS = "refusals"
    ALERTS = "alerts"
    LAPSED = "lapsed"
    NOTICES = "notices"
    TRANSITS = "transits"


@dataclass(frozen=True, slots=True)
class Rule:
    """How many days a kind is kept; none: for good."""

    kind: Keeping
    days: int | None
    limit_bytes: int | None = None  # what exceeds it goes too, the oldest first

    @property
    def text(self) -> str:
        """The rule as receipts tell it."""
        if self.limit_bytes is not None:
            return f"{self.limit_bytes} bytes"
        return "kept" if self.days is None else f"{self.days} days"

    def cutoff(self, now: datetime) -> datetime | None:
        """What is older is due. Counts go by whole days (UTC): hours are summed from all of their minutes."""
        if self.days is None:
            return None
        cutoff = now.astimezone(UTC) - timedelta(days=self.days)
        is_counts = self.kind is Keeping.COUNTS
        return cutoff.replace(hour=0, minute=0, second=0, microsecond=0) if is_counts else cutoff


@dataclass(slots=True)
class Gone:
    """What one batch removed: ids by table, and the times of what the rule is about."""

    ids: dict[str, list[bytes]] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, table: str, ids: Collection[bytes]) -> None:
        """Ids that went from a table."""
        if ids:
            self.ids.setdefault(table, []).extend(ids)

    def add_times(self, times: Collection[datetime]) -> None:
        """When what went was received."""
        if times:
            self.first_at = min([*times, self.first_at or max(times)])
            self.last_at = max([*times, self.last_at or min(times)])


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit keeps of a batch, as JSON in the row's reason."""

    kind: str
    rule: str
    first_at: datetime
    last_at: datetime
    count: int
    tables: dict[str, int]
    ids_sha256: str

    @property
    def text(self) -> str:
        """The receipt as the audit holds it."""
        return msgspec.json.encode(self).decode()


def receipt_of(rule: Rule, gone: Gone) -> Receipt | None:
    """The receipt of a batch; nothing, if nothing went."""
    if not gone.ids or gone.first_at is None or gone.last_at is None:
        return None
    ids = [each for table in gone.ids.values() for each in table]
    return Receipt(
        kind=rule.kind,
        rule=rule.text,
        first_at=gone.first_at,
        last_at=gone.last_at,
        count=len(ids),
        tables={table: len(each) for table, each in sorted(gone.ids.items())},
        ids_sha256=ids_hash(ids).hex(),
    )


def read_receipt(text: str) -> Receipt | None:
    """The receipt in a row's reason; nothing, if it holds none."""
    try:
        return msgspec.json.decode(text, type=Receipt)
    except msgspec.DecodeError:
        return None


def ids_hash(ids: Iterable[bytes]) -> bytes:
    """SHA-256 over ids of 32 bytes, sorted and one after the other."""
    return hashlib.sha256(b"".join(sorted(ids))).digest()


def clock_problem(now: datetime, last_run: datetime | None) -> str | None:
    """Why the clock is not trusted with a purge, if it is not."""
    if last_run is None or last_run <= now <= last_run + LONGEST_PAUSE:
        return None
    said = f"it is {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC here, and retention last ran {last_run:%Y-%m-%d %H:%M}"
    return f"{said}; if the clock is right, say so once: aggregator retention run --clock-is-right"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold is on: exactly one of a hit, an entry, a device, a camera in a stretch of time."""

    hit: bytes | None = None
    entry: str | None = None
    device: str | None = None
    point: str | None = None
    camera: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The scope as the audit names it."""
        if self.hit is not None:
            return f"hit:{self.hit.hex()}"
        if self.entry is not None:
            return f"entry:{self.entry}"
        if self.device is not None:
            return f"device:{self.device}"
        return f"camera:{self.point}/{self.camera}"


def rules_of(days: Mapping[Keeping, int | None]) -> tuple[Rule, ...]:
    """A rule for every kind, in order; a kind that is left out is kept for good."""
    return tuple(Rule(kind, days.get(kind)) for kind in Keeping)
