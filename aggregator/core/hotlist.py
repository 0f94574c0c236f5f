"""Hotlist rules of the aggregator: which reasons there are, how a batch is made, who may approve what.

Life of an entry: a line of a file is accepted (`aggregator.core.hotlist_import`) and waits as a draft; an officer
proposes drafts as a batch under his signature; a second officer approves the batch under his, and its entries are
armed; one officer withdraws an entry, or its expiry passes. A batch none of whose entries can be armed any more is
retired: it leaves the snapshots, with the withdrawals that only it needed.

- The server holds officers to the same rules as the box (`protocol.hotlist`), first, so that a batch that
  no box would take is refused while its officer can still be told.
- What an officer signs is rebuilt from nothing: the stored payload is checked against the drafts' case numbers and
  salts before each signature, so that a changed row cannot be signed by the way.
- List versions follow the clock (seconds since 1970, or one more than the last): a database that was restored from
  a backup still publishes lists that boxes take for newer ones.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from typing_extensions import override

from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.errors import DecodeError
from protocol.hotlist import (
    MAX_SNAPSHOT_BYTES,
    Batch,
    Entry,
    ListRefusal,
    check_batch,
    check_officers,
    commit_case,
    encode_batch,
)
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import from_bytes

SALT_BYTES: Final = 16
_ENTRY_ID_BYTES: Final = 8

Token = Callable[[int], bytes]
"""Gives that many random bytes."""


@unique
class ReasonClass(StrEnum):
    """Why a vehicle is wanted: a closed list, since the word is what an operator's screen shows beside a hit."""

    STOLEN_VEHICLE = "stolen-vehicle"
    STOLEN_PLATE = "stolen-plate"
    ABDUCTION = "abduction"
    MISSING_PERSON = "missing-person"
    ARREST_WARRANT = "arrest-warrant"
    USED_IN_CRIME = "used-in-crime"
    PROTECTION_ORDER = "protection-order"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """An accepted line. No city in `scope` means the whole region."""

    line: int
    plate: str
    reason: ReasonClass
    case_number: str
    expires_at: datetime
    scope: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate or the case."""
        return f"Draft(line={self.line})"


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """What stays behind of an entry: the case number, and the salt that its commitment was made with."""

    case_number: str
    salt: bytes

    @override
    def __repr__(self) -> str:
        """Say nothing of the case."""
        return "Case()"


@dataclass(frozen=True, slots=True, repr=False)
class NewBatch:
    """A batch ready to be signed, and the case of each of its entries, by entry id."""

    batch_id: str
    payload: bytes
    entries: tuple[Entry, ...]
    cases: dict[str, Case]

    @override
    def __repr__(self) -> str:
        """Say nothing of the plates."""
        return f"NewBatch({self.batch_id!r}, entries={len(self.entries)})"


def make_batch(drafts: Iterable[Draft], *, now: datetime, token: Token) -> NewBatch:
    """Entries with ids, salts and commitments of their own, as one payload."""
    batch_id = f"b-{now:%Y%m%d}-{token(4).hex()}"
    cases: dict[str, Case] = {}
    entries: list[Entry] = []
    for draft in drafts:
        entry_id = f"e-{token(_ENTRY_ID_BYTES).hex()}"
        case = cases[entry_id] = Case(draft.case_number, token(SALT_BYTES))
        entries.append(
            Entry(
                entry=entry_id,
                plate=draft.plate,
                reason=draft.reason.value,
                expires_ms=to_ms(draft.expires_at),
                case_commitment=commit_case(case.case_number, case.salt),
                scope=draft.scope,
            )
        )
    payload = encode_batch(batch_id, entries, created_ms=to_ms(now))
    return NewBatch(batch_id, payload, tuple(entries), cases)


def read_batch(payload: bytes, cases: dict[str, Case]) -> Batch | None:
    """The batch that a payload says, or None if it does not bind exactly these cases."""
    try:
        batch = from_bytes(payload, Batch, max_bytes=MAX_SNAPSHOT_BYTES)
    except DecodeError:
        return None
    bound = {entry.entry: entry.case_commitment for entry in batch.entries}
    kept = {entry: commit_case(case.case_number, case.salt) for entry, case in cases.items()}
    return batch if bound == kept else None


def officer_of(trust: TrustStore, key_id: bytes, *, now: datetime) -> Grant | None:
    """Whose key it is, if an officer's that is granted now."""
    current = (g for g in trust.grants if g.role is Role.OFFICER and g.is_current(to_ms(now)))
    return next((g for g in current if g.key_id == key_id), None)


def judge_proposal(signed: CoSigned, batch: Batch, trust: TrustStore, *, now: datetime) -> ListRefusal | None:
    """None if one officer's signature holds for the whole batch; the second is still to come."""
    scopes = {entry.scope for entry in batch.entries}
    why = check_officers(signed, scopes, trust, now_ms=to_ms(now))
    if why is not ListRefusal.ONE_OFFICER:
        return why
    officers = [officer_of(trust, signature.key_id, now=now) for signature in signed.signatures]
    reach = all(officer and _reaches(officer, scope) for officer in officers for scope in scopes)
    return None if reach else ListRefusal.UNKNOWN_OFFICER


def _reaches(officer: Grant, scope: tuple[str, ...]) -> bool:
    """A scope of no city is the whole region: only a grant for everywhere reaches it."""
    return all(officer.covers(city) for city in scope) if scope else not officer.cities


def judge_approval(signed: CoSigned, trust: TrustStore, *, now: datetime) -> ListRefusal | None:
    """None if every box will take the batch, else why none will."""
    verdict = check_batch(signed.to_bytes(), trust, now_ms=to_ms(now))
    return verdict if isinstance(verdict, ListRefusal) else None


REFUSALS: Final[dict[ListRefusal, str]] = {
    ListRefusal.ONE_OFFICER: "both signatures are one officer's; a second officer must approve",
    ListRefusal.UNKNOWN_OFFICER: "an officer who signed is not granted now, or not for every city of the scopes",
    ListRefusal.BAD_SIGNATURE: "a signature does not fit the batch",
    ListRefusal.BAD_FORM: "the stored batch is not what a box can read",
    ListRefusal.UNKNOWN_VERSION: "the batch is of another version of the format",
}
"""What an officer is told. Other refusals are of manifests and snapshots, and no officer's doing."""


def told(why: ListRefusal) -> str:
    """A refusal in words."""
    return REFUSALS.get(why, why.value)


def next_list_version(last: int, *, now: datetime) -> int:
    """The version of the next snapshot."""
    return max(last + 1, int(now.timestamp()))


def is_spent(entries: Sequence[Entry], withdrawn: set[str], *, now: datetime) -> bool:
    """Whether none of a batch's entries can be armed any more."""
    return all(entry.expires_ms <= to_ms(now) or entry.entry in withdrawn for entry in entries)
