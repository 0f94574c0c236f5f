"""Hotlists: entries that two officers signed, withdrawals that one did, snapshots and the manifest that names them.

1. A batch of entries is one payload; two officers of different names sign it (COSE_Sign). Not two keys of one
   officer, not one officer twice, not an officer without a grant for every city of the scope.
2. A withdrawal needs one officer and works at once, whatever the batch.
3. A snapshot holds batches and withdrawals as signed, byte for byte. It is an artefact, fetched by its SHA-256.
4. The manifest (retained on the broker) names the current snapshot under the server's key. A manifest with a lower
   list version than the last accepted one is a rollback and is refused; an expired one arms nothing.

The box checks all of this itself (`assemble`): no server can put a plate on its list. What a box gets of an entry is
the plate, its id, the reason class, the scope and the expiry. The case number stays behind: a salted hash binds
it to the signatures, so that it can be shown later that the officers signed for that case.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Annotated, Final

import msgspec

from protocol.cosign import CoSignature, CoSigned, cosign, parse_cosigned
from protocol.envelope import Context, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import PublicKey, Signer
from protocol.messages import VERSION, Count, Hash, Id, Plate, TimeMs, Word
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import WireStruct, from_bytes, to_bytes

MAX_ENTRIES: Final = 200_000
MAX_SNAPSHOT_BYTES: Final = 64 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 4 * 1024
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

    version: int = msgspec.field(name="0")
    batch: Id = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")
    entries: Annotated[tuple[Entry, ...], msgspec.Meta(min_length=1, max_length=MAX_ENTRIES)] = msgspec.field(name="3")


class Withdrawal(WireStruct, frozen=True, kw_only=True):
    """What one officer signs to take entries off."""

    version: int = msgspec.field(name="0")
    entries: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=10_000)] = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")


class Snapshot(WireStruct, frozen=True, kw_only=True):
    """A whole list: signed batches and signed withdrawals, as received from the officers."""

    version: int = msgspec.field(name="0")
    list_version: Count = msgspec.field(name="1")
    batches: tuple[bytes, ...] = msgspec.field(name="2", default=())
    withdrawals: tuple[bytes, ...] = msgspec.field(name="3", default=())


class Manifest(WireStruct, frozen=True, kw_only=True):
    """Which snapshot is the current one of a city, until when."""

    version: int = msgspec.field(name="0")
    list_version: Annotated[int, msgspec.Meta(ge=1)] = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    sha256: Hash = msgspec.field(name="3")
    size_bytes: Count = msgspec.field(name="4")
    created_ms: TimeMs = msgspec.field(name="5")
    expires_ms: TimeMs = msgspec.field(name="6")


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
    """What a box arms: entries of its city by id, and what it refused of the snapshot, with how often."""

    list_version: int
    entries: tuple[Entry, ...]
    refused: dict[ListRefusal, int] = field(default_factory=dict)


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
    return sign(to_bytes(manifest), signer, Context.MANIFEST)


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
        manifest = from_bytes(envelope.payload, Manifest, max_bytes=MAX_MANIFEST_BYTES)
    except (BadEnvelope, DecodeError):
        return ListRefusal.BAD_FORM
    return _judge_manifest(manifest, city, last_version, now_ms) or manifest


def _judge_manifest(manifest: Manifest, city: str, last_version: int, now_ms: int) -> ListRefusal | None:
    if manifest.version != VERSION:
        return ListRefusal.UNKNOWN_VERSION
    if manifest.city != city:
        return ListRefusal.OTHER_CITY
    if manifest.list_version < last_version:
        return ListRefusal.ROLLED_BACK
    if manifest.expires_ms <= now_ms:
        return ListRefusal.EXPIRED
    return None


def assemble(artefact: bytes, manifest: Manifest, trust: TrustStore, *, now_ms: int) -> Assembled | ListRefusal:
    """The entries that a box of the manifest's city arms from a snapshot, each under two officers' signatures."""
    if len(artefact) != manifest.size_bytes or hashlib.sha256(artefact).digest() != manifest.sha256:
        return ListRefusal.WRONG_HASH
    try:
        snapshot = from_bytes(artefact, Snapshot, max_bytes=MAX_SNAPSHOT_BYTES)
    except DecodeError:
        return ListRefusal.BAD_FORM
    if snapshot.version != VERSION or snapshot.list_version != manifest.list_version:
        return ListRefusal.UNKNOWN_VERSION
    refused: dict[ListRefusal, int] = {}
    withdrawn = _withdrawn(snapshot.withdrawals, trust, manifest.city, now_ms, refused)
    entries: dict[str, Entry] = {}
    for raw in snapshot.batches:
        batch = check_batch(raw, trust, now_ms=now_ms)
        if isinstance(batch, ListRefusal):
            _count(refused, batch)
            continue
        for entry in batch.entries:
            if _is_armed(entry, manifest.city, withdrawn, now_ms):
                entries[entry.entry] = entry
    if len(entries) > MAX_ENTRIES:
        return ListRefusal.TOO_MANY
    return Assembled(manifest.list_version, tuple(entries.values()), refused)


def check_batch(raw: bytes, trust: TrustStore, *, now_ms: int) -> Batch | ListRefusal:
    """A batch that two different officers signed, each granted every city of every entry's scope, or why not."""
    try:
        signed = parse_cosigned(raw, max_bytes=MAX_SNAPSHOT_BYTES)
        batch = from_bytes(signed.payload, Batch, max_bytes=MAX_SNAPSHOT_BYTES)
    except (BadEnvelope, DecodeError):
        return ListRefusal.BAD_FORM
    if batch.version != VERSION:
        return ListRefusal.UNKNOWN_VERSION
    return check_officers(signed, batch, trust, now_ms=now_ms) or batch


def check_officers(signed: CoSigned, batch: Batch, trust: TrustStore, *, now_ms: int) -> ListRefusal | None:
    """None if two officers of different names, both granted now and for the scope, signed the batch."""
    scopes = {entry.scope for entry in batch.entries}
    officers: set[str] = set()
    for signature in signed.signatures:
        grant = _officer(signature, trust, now_ms)
        if grant is None or not all(_covers(grant, scope) for scope in scopes):
            return ListRefusal.UNKNOWN_OFFICER
        if not signed.is_signed_by(signature, PublicKey.from_spki(grant.spki), Context.BATCH):
            return ListRefusal.BAD_SIGNATURE
        officers.add(grant.subject)
    return None if len(officers) >= OFFICERS_NEEDED else ListRefusal.ONE_OFFICER


def _officer(signature: CoSignature, trust: TrustStore, now_ms: int) -> Grant | None:
    current = (g for g in trust.grants if g.role is Role.OFFICER and g.is_current(now_ms))
    return next((g for g in current if g.key_id == signature.key_id), None)


def _covers(grant: Grant, scope: tuple[str, ...]) -> bool:
    """A scope of no city is the whole region: only a grant for everywhere covers it."""
    return all(grant.covers(city) for city in scope) if scope else not grant.cities


def _is_armed(entry: Entry, city: str, withdrawn: set[str], now_ms: int) -> bool:
    in_scope = not entry.scope or city in entry.scope
    return in_scope and entry.expires_ms > now_ms and entry.entry not in withdrawn


def _withdrawn(
    raws: tuple[bytes, ...], trust: TrustStore, city: str, now_ms: int, refused: dict[ListRefusal, int]
) -> set[str]:
    entries: set[str] = set()
    for raw in raws:
        withdrawal = check_withdrawal(raw, trust, city=city, now_ms=now_ms)
        if isinstance(withdrawal, ListRefusal):
            _count(refused, withdrawal)
        else:
            entries.update(withdrawal.entries)
    return entries


def check_withdrawal(raw: bytes, trust: TrustStore, *, city: str, now_ms: int) -> Withdrawal | ListRefusal:
    """A withdrawal that an officer granted for the city signed, or why not."""
    try:
        envelope = parse(raw, max_bytes=MAX_SNAPSHOT_BYTES)
        grant = trust.find(Role.OFFICER, envelope.key_id, city=city, at_ms=now_ms)
        if grant is None:
            return ListRefusal.UNKNOWN_OFFICER
        if envelope.check(PublicKey.from_spki(grant.spki), Context.WITHDRAWAL) is not None:
            return ListRefusal.BAD_SIGNATURE
        withdrawal = from_bytes(envelope.payload, Withdrawal, max_bytes=MAX_SNAPSHOT_BYTES)
    except (BadEnvelope, DecodeError):
        return ListRefusal.BAD_FORM
    return withdrawal if withdrawal.version == VERSION else ListRefusal.UNKNOWN_VERSION


def _count(refused: dict[ListRefusal, int], why: ListRefusal) -> None:
    refused[why] = refused.get(why, 0) + 1
