"""Hotlists: entries that two officers signed, withdrawals that one did, snapshots and the manifest that names them.

1. A batch of entries is one payload; two officers of different names sign it (COSE_Sign). Not two keys of one
   officer, not one officer twice, not an officer without a grant for every city of the scope. The grants must hold
   now: when an officer leaves, his batches leave with him, and somebody else approves them anew.
2. A withdrawal needs one officer and works at once, whatever the batch, in the cities that the officer is granted.
   Dates of his grant that have passed since do not end it, or a cleared vehicle would be wanted again; only
   taking his grant out of the trust bundle does.
3. A snapshot holds batches and withdrawals as signed, byte for byte. It is an artefact, fetched by its SHA-256. Of
   two batches with one entry id the younger counts.
4. The manifest (retained on the broker) names the current snapshot under the server's key. A manifest with a lower
   list version than the last accepted one is a rollback and is refused; an expired one arms nothing.
5. Signatures come first: no payload is read before they hold.

The box checks all of this itself (`assemble`, or step by step `protocol.hotlist_steps`, with the same outcome): no
server can put a plate on its list. What a box gets of an entry is the plate, its id, the reason class, the scope
and the expiry. The case number stays behind: a salted hash binds it to the signatures, so that it can be shown later
that the officers signed for that case.
"""

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Set
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Annotated, Final

import msgspec

from protocol.cosign import CoSignature, CoSigned, cosign, parse_cosigned
from protocol.envelope import OVERHEAD_BYTES, Context, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Count, Hash, Id, Number, Ordinal, Plate, TimeMs, Word
from protocol.keys import PublicKey, Signer
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_ENTRIES: Final = 200_000
MAX_SNAPSHOT_BYTES: Final = 64 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 4 * 1024
MAX_DELTAS: Final = 32
OFFICERS_NEEDED: Final = 2


class Entry(WireStruct, frozen=True, kw_only=True):
    """A wanted vehicle, as a box sees it. No city in `scope` means the whole region."""

    entry: Id = msgspec.field(name="0")
    plate: Plate = msgspec.field(name="1")
    reason: Word = msgspec.field(name="2")
    expires_ms: TimeMs = msgspec.field(name="3")
    case_commitment: Hash = msgspec.field(name="4")
    scope: Annotated[tuple[Id, ...], msgspec.Meta(max_length=64)] = msgspec.field(name="5", default=())


class Batch(WireStruct, frozen=True, kw_only=True):
    """What two officers sign."""

    version: Number = msgspec.field(name="0")
    batch: Id = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")
    entries: Annotated[tuple[Entry, ...], msgspec.Meta(min_length=1, max_length=MAX_ENTRIES)] = msgspec.field(name="3")


class Withdrawal(WireStruct, frozen=True, kw_only=True):
    """What one officer signs to take entries off."""

    version: Number = msgspec.field(name="0")
    entries: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=10_000)] = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")


class Snapshot(WireStruct, frozen=True, kw_only=True):
    """A whole list: signed batches and signed withdrawals, as received from the officers."""

    version: Number = msgspec.field(name="0")
    list_version: Ordinal = msgspec.field(name="1")
    batches: tuple[bytes, ...] = msgspec.field(name="2", default=())
    withdrawals: tuple[bytes, ...] = msgspec.field(name="3", default=())


class DeltaName(WireStruct, frozen=True, kw_only=True):
    """A shorter way to the manifest's snapshot: the artefact that makes it of the snapshot `base`."""

    base: Hash = msgspec.field(name="0")
    sha256: Hash = msgspec.field(name="1")
    size_bytes: Count = msgspec.field(name="2")


class Manifest(WireStruct, frozen=True, kw_only=True):
    """Which snapshot is the current one of a city, until when. `deltas` came with minor 1.2."""

    version: Number = msgspec.field(name="0")
    list_version: Ordinal = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    sha256: Hash = msgspec.field(name="3")
    size_bytes: Count = msgspec.field(name="4")
    created_ms: TimeMs = msgspec.field(name="5")
    expires_ms: TimeMs = msgspec.field(name="6")
    deltas: Annotated[tuple[DeltaName, ...], msgspec.Meta(max_length=MAX_DELTAS)] = msgspec.field(name="7", default=())


@unique
class ListRefusal(Enum):
    """Why a manifest, a snapshot, a batch or a withdrawal was not taken; counted under these words."""

    BAD_FORM = "bad_form"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_CITY = "other_city"
    ROLLED_BACK = "rolled_back"
    EXPIRED = "expired"
    WRONG_HASH = "wrong_hash"
    ONE_OFFICER = "one_officer"
    UNKNOWN_OFFICER = "unknown_officer"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Assembled:
    """What a box arms, what it knows to be withdrawn, and what it refused of the snapshot, with how often."""

    list_version: int
    entries: tuple[Entry, ...]
    refused: dict[ListRefusal, int] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Listed:
    """What some batches list: the entry that counts of each id, and the batches that two officers vouch for."""

    entries: tuple[Entry, ...] = field(repr=False)
    vouched: tuple[bytes, ...] = field(repr=False)
    has_doubles: bool
    """Whether an id stood in more than one place: which entry counts then depends on all of the batches."""


def commit_case(case_number: str, salt: bytes) -> bytes:
    """The salted hash that binds a case number to an entry. The salt (16 random bytes) is kept with the case."""
    return hashlib.sha256(b"atalaya/v1/case\x00" + salt + case_number.encode()).digest()


def encode_batch(batch: str, entries: Iterable[Entry], *, created_ms: int) -> bytes:
    """The payload that officers sign."""
    return to_bytes(Batch(version=VERSION, batch=batch, created_ms=created_ms, entries=tuple(entries)))


def approve(payload: bytes, officer: Signer) -> CoSignature:
    """One officer's signature over a batch's payload."""
    return cosign(payload, officer, Context.BATCH)


def withdraw(entries: Iterable[str], officer: Signer, *, created_ms: int) -> bytes:
    """A withdrawal under one officer's signature."""
    withdrawal = Withdrawal(version=VERSION, entries=tuple(entries), created_ms=created_ms)
    return sign(to_bytes(withdrawal), officer, Context.WITHDRAWAL)


def sign_manifest(manifest: Manifest, signer: Signer) -> bytes:
    """A manifest under the server's key."""
    return sign(to_bytes(manifest, max_bytes=MAX_MANIFEST_BYTES - OVERHEAD_BYTES), signer, Context.MANIFEST)


def encode_snapshot(list_version: int, batches: Iterable[bytes], withdrawals: Iterable[bytes]) -> bytes:
    """A snapshot's bytes: the artefact that the manifest names by hash."""
    return to_bytes(
        Snapshot(version=VERSION, list_version=list_version, batches=tuple(batches), withdrawals=tuple(withdrawals))
    )


def check_manifest(
    raw: bytes, trust: TrustStore, *, city: str, last_version: int, now_ms: int
) -> Manifest | ListRefusal:
    """A manifest to follow, or why not. The same version again is followed (a restart fetches it anew)."""
    try:
        envelope = parse(raw, max_bytes=MAX_MANIFEST_BYTES)
        grant = trust.find(Role.MANIFEST, envelope.key_id, city=city, at_ms=now_ms)
        if grant is None:
            return ListRefusal.UNKNOWN_KEY
        if envelope.check(PublicKey.from_spki(grant.spki), Context.MANIFEST) is not None:
            return ListRefusal.BAD_SIGNATURE
        manifest = from_versioned(envelope.payload, Manifest, max_bytes=MAX_MANIFEST_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        return _refusal_of(exc)
    return _judge_manifest(manifest, city, last_version, now_ms) or manifest


def _judge_manifest(manifest: Manifest, city: str, last_version: int, now_ms: int) -> ListRefusal | None:
    if manifest.city != city:
        return ListRefusal.OTHER_CITY
    if manifest.list_version < last_version:
        return ListRefusal.ROLLED_BACK
    if manifest.expires_ms <= now_ms:
        return ListRefusal.EXPIRED
    return None


def assemble(
    artefact: bytes, manifest: Manifest, trust: TrustStore, *, now_ms: int, withdrawn: frozenset[str] = frozenset()
) -> Assembled | ListRefusal:
    """The entries that a box of the manifest's city arms from a snapshot, each under two officers' signatures.

    `withdrawn` are the entries that earlier assemblies found withdrawn: they stay so, whatever became of the officer.
    """
    snapshot = open_snapshot(artefact, manifest)
    if isinstance(snapshot, ListRefusal):
        return snapshot
    refused: Counter[ListRefusal] = Counter()
    withdrawn |= read_withdrawals(snapshot.withdrawals, trust, refused, city=manifest.city, now_ms=now_ms)
    listed = read_batches(snapshot.batches, trust, refused, now_ms=now_ms)
    if isinstance(listed, ListRefusal):
        return listed
    armed = tuple(entry for entry in listed.entries if is_armed(entry, manifest.city, withdrawn, now_ms))
    return Assembled(manifest.list_version, armed, dict(refused), withdrawn)


def open_snapshot(artefact: bytes, manifest: Manifest) -> Snapshot | ListRefusal:
    """The snapshot that a manifest names, none of its signatures looked at yet, or why these bytes are not it."""
    if len(artefact) != manifest.size_bytes or hashlib.sha256(artefact).digest() != manifest.sha256:
        return ListRefusal.WRONG_HASH
    try:
        snapshot = from_versioned(artefact, Snapshot, max_bytes=MAX_SNAPSHOT_BYTES)
    except DecodeError as exc:
        return _refusal_of(exc)
    return snapshot if snapshot.list_version == manifest.list_version else ListRefusal.BAD_FORM


def read_batches(
    raws: Iterable[bytes], trust: TrustStore, refused: Counter[ListRefusal], *, now_ms: int
) -> Listed | ListRefusal:
    """What batches list that hold; the others are counted in `refused`."""
    newest: dict[str, tuple[int, Entry]] = {}
    vouched: list[bytes] = []
    read = 0
    for raw in raws:
        batch = check_batch(raw, trust, now_ms=now_ms)
        if isinstance(batch, ListRefusal):
            refused[batch] += 1
            continue
        vouched.append(raw)
        read += len(batch.entries)
        for entry in batch.entries:
            _keep_newest(newest, entry, batch.created_ms)
        if len(newest) > MAX_ENTRIES:
            return ListRefusal.TOO_MANY
    return Listed(tuple(entry for _, entry in newest.values()), tuple(vouched), read > len(newest))


def check_batch(raw: bytes, trust: TrustStore, *, now_ms: int) -> Batch | ListRefusal:
    """A batch that two different officers signed, each granted every city of every entry's scope, or why not."""
    try:
        signed = parse_cosigned(raw, max_bytes=MAX_SNAPSHOT_BYTES)
        refusal = _check_signatures(signed, trust, now_ms)
        if refusal is not None:
            return refusal
        batch = from_versioned(signed.payload, Batch, max_bytes=MAX_SNAPSHOT_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        return _refusal_of(exc)
    return _check_scopes(signed, _scopes_of(batch), trust, now_ms) or batch


def check_officers(
    signed: CoSigned, scopes: Set[tuple[str, ...]], trust: TrustStore, *, now_ms: int
) -> ListRefusal | None:
    """None if two officers of different names, both granted now and for these scopes, signed the batch."""
    return _check_signatures(signed, trust, now_ms) or _check_scopes(signed, scopes, trust, now_ms)


def _check_signatures(signed: CoSigned, trust: TrustStore, now_ms: int) -> ListRefusal | None:
    officers: set[str] = set()
    keys: set[bytes] = set()
    for signature in signed.signatures:
        grants = _officer_grants(signature, trust, now_ms)
        if not grants:
            return ListRefusal.UNKNOWN_OFFICER
        if not signed.is_signed_by(signature, PublicKey.from_spki(grants[0].spki), Context.BATCH):
            return ListRefusal.BAD_SIGNATURE
        if signature.key_id in keys:
            return ListRefusal.ONE_OFFICER
        keys.add(signature.key_id)
        officers.add(grants[0].subject)
    return None if len(officers) >= OFFICERS_NEEDED else ListRefusal.ONE_OFFICER


def _scopes_of(batch: Batch) -> Set[tuple[str, ...]]:
    return {entry.scope for entry in batch.entries}


def _check_scopes(signed: CoSigned, scopes: Set[tuple[str, ...]], trust: TrustStore, now_ms: int) -> ListRefusal | None:
    for signature in signed.signatures:
        grants = _officer_grants(signature, trust, now_ms)
        if not all(_covers(grants, scope) for scope in scopes):
            return ListRefusal.UNKNOWN_OFFICER
    return None


def _officer_grants(signature: CoSignature, trust: TrustStore, now_ms: int) -> list[Grant]:
    current = (g for g in trust.grants if g.role is Role.OFFICER and g.is_current(now_ms))
    return [g for g in current if g.key_id == signature.key_id]


def _covers(grants: list[Grant], scope: tuple[str, ...]) -> bool:
    """A scope of no city is the whole region: only a grant for everywhere covers it."""
    if not scope:
        return any(not grant.cities for grant in grants)
    return all(any(grant.covers(city) for grant in grants) for city in scope)


def is_armed(entry: Entry, city: str, withdrawn: Container[str], now_ms: int) -> bool:
    """Whether a box of a city looks for an entry at an instant."""
    in_scope = not entry.scope or city in entry.scope
    return in_scope and entry.expires_ms > now_ms and entry.entry not in withdrawn


def _keep_newest(newest: dict[str, tuple[int, Entry]], entry: Entry, created_ms: int) -> None:
    """Of two entries with one id the younger counts: a server must not choose by the order of the batches."""
    other = newest.get(entry.entry)
    if other is None or (other[0], other[1].expires_ms) <= (created_ms, entry.expires_ms):
        newest[entry.entry] = (created_ms, entry)


def read_withdrawals(
    raws: Iterable[bytes], trust: TrustStore, refused: Counter[ListRefusal], *, city: str, now_ms: int
) -> frozenset[str]:
    """The entries that withdrawals take off which hold; the others are counted in `refused`."""
    entries: set[str] = set()
    for raw in raws:
        withdrawal = check_withdrawal(raw, trust, city=city, now_ms=now_ms)
        if isinstance(withdrawal, ListRefusal):
            refused[withdrawal] += 1
        else:
            entries.update(withdrawal.entries)
    return frozenset(entries)


def check_withdrawal(raw: bytes, trust: TrustStore, *, city: str, now_ms: int) -> Withdrawal | ListRefusal:
    """A withdrawal that an officer granted for the city signed, or why not."""
    try:
        envelope = parse(raw, max_bytes=MAX_SNAPSHOT_BYTES)
        granted = [g for g in trust.grants if g.role is Role.OFFICER and g.covers(city)]
        grants = [g for g in granted if g.key_id == envelope.key_id]
        if not grants:
            return ListRefusal.UNKNOWN_OFFICER
        if envelope.check(PublicKey.from_spki(grants[0].spki), Context.WITHDRAWAL) is not None:
            return ListRefusal.BAD_SIGNATURE
        withdrawal = from_versioned(envelope.payload, Withdrawal, max_bytes=MAX_SNAPSHOT_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        return _refusal_of(exc)
    was_granted = any(g.is_current(at) for g in grants for at in (now_ms, withdrawal.created_ms))
    return withdrawal if was_granted else ListRefusal.UNKNOWN_OFFICER


def _refusal_of(exc: BadEnvelope | DecodeError) -> ListRefusal:
    return ListRefusal.UNKNOWN_VERSION if exc.refusal is Refusal.UNKNOWN_VERSION else ListRefusal.BAD_FORM
