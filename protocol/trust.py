"""Trust: which keys may say what, signed by the offline root.

A box knows one fingerprint for good: the root key's. Everything else it believes comes from a trust bundle, which
the root signs whole: grants of keys to roles. A bundle replaces the one before; an older one is refused, so taking
a grant out of the next bundle revokes it. A grant names a person or a server (`subject`), its cities, and its dates.

A grant of a role that this code does not know is passed over, so that the root can name new roles before every box
is upgraded; a known role with a key that cannot fill it makes the whole bundle unfit.

The root's private key lives off line. `TrustStore.accept` is the one place where a bundle becomes believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Annotated, Any, Final, TypeVar

import msgspec

from protocol.envelope import OVERHEAD_BYTES, Context, Envelope, parse, sign
from protocol.errors import BadEnvelope, DecodeError, SealError
from protocol.fields import Id, Number, Ordinal, TimeMs
from protocol.keys import KeyId, PublicKey, Signer, key_id
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.sealing import check_evidence_key
from protocol.wire import WireStruct, from_tree, from_versioned, to_bytes

T = TypeVar("T")
MAX_TRUST_BYTES: Final = 120 * 1024
EVERYWHERE: Final[tuple[str, ...]] = ()


@unique
class Role(IntEnum):
    """What a granted key may do."""

    RECEIPT = 1  # an aggregator: receipts and resends
    MANIFEST = 2  # an aggregator: which hotlist snapshot is the current one
    OFFICER = 3  # a person: half of a hotlist batch, or a withdrawal
    EVIDENCE = 4  # the evidence authority: X25519, opens sealed originals; never signs
    AUDIT = 5  # an aggregator: checkpoints of the audit chain
    SETTINGS = 6  # an aggregator: what boxes run


class Grant(WireStruct, frozen=True, kw_only=True):
    """A key, its role, its holder, where (no city: everywhere) and from when to when."""

    role: Role = msgspec.field(name="0")
    spki: Annotated[bytes, msgspec.Meta(max_length=512)] = msgspec.field(name="1")
    subject: Id = msgspec.field(name="2")
    not_before_ms: TimeMs = msgspec.field(name="3")
    not_after_ms: TimeMs = msgspec.field(name="4")
    cities: Annotated[tuple[Id, ...], msgspec.Meta(max_length=64)] = msgspec.field(name="5", default=EVERYWHERE)

    @property
    def key_id(self) -> KeyId:
        """The id that this key's envelopes carry."""
        return key_id(self.spki)

    def covers(self, city: str) -> bool:
        """Whether the grant reaches a city."""
        return not self.cities or city in self.cities

    def is_current(self, at_ms: int) -> bool:
        """Whether an instant lies within the grant's dates."""
        return self.not_before_ms <= at_ms <= self.not_after_ms


class TrustBundle(WireStruct, frozen=True, kw_only=True):
    """All grants that hold from now on. `number` only rises."""

    version: Number = msgspec.field(name="0")
    number: Ordinal = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")
    grants: Annotated[tuple[Grant, ...], msgspec.Meta(max_length=512)] = msgspec.field(name="3")


class _Received(WireStruct, frozen=True, kw_only=True):
    """A bundle whose grants are not judged yet."""

    version: Number = msgspec.field(name="0")
    number: Ordinal = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")
    # `Any`: the tree of a grant whose role this version may not know.
    grants: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=512)] = msgspec.field(name="3")


@unique
class TrustRefusal(IntEnum):
    """Why a bundle was not accepted."""

    BAD_FORM = 1
    BAD_SIGNATURE = 2
    ROLLED_BACK = 3
    UNKNOWN_VERSION = 4


def sign_bundle(number: int, grants: tuple[Grant, ...], root: Signer, *, created_ms: int) -> bytes:
    """A bundle under the root's signature."""
    bundle = TrustBundle(version=VERSION, number=number, created_ms=created_ms, grants=grants)
    return sign(to_bytes(bundle, max_bytes=MAX_TRUST_BYTES - OVERHEAD_BYTES), root, Context.TRUST)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The root a box was given, and the last bundle it accepted."""

    root: PublicKey
    number: int = 0
    created_ms: int = 0
    grants: tuple[Grant, ...] = ()

    def accept(self, raw: bytes) -> "TrustStore | TrustRefusal":
        """The store after a bundle, or why the bundle is refused. The same number again must be the same bundle."""
        try:
            envelope = parse(raw, max_bytes=MAX_TRUST_BYTES)
            if envelope.check(self.root, Context.TRUST) is not None:
                return TrustRefusal.BAD_SIGNATURE
            bundle = _read_bundle(envelope.payload)
        except (BadEnvelope, DecodeError) as exc:
            is_version = exc.refusal is Refusal.UNKNOWN_VERSION
            return TrustRefusal.UNKNOWN_VERSION if is_version else TrustRefusal.BAD_FORM
        accepted = TrustStore(self.root, bundle.number, bundle.created_ms, bundle.grants)
        is_other = bundle.number == self.number and accepted != self
        return TrustRefusal.ROLLED_BACK if bundle.number < self.number or is_other else accepted

    def find(self, role: Role, kid: bytes, *, city: str, at_ms: int) -> Grant | None:
        """The grant that lets a key act in a role, in a city, at an instant."""
        return next((g for g in self._current(role, city, at_ms) if g.key_id == kid), None)

    def evidence_key(self, *, city: str, at_ms: int) -> Grant | None:
        """The evidence authority's key for a city: the one granted last, if several hold."""
        return max(self._current(Role.EVIDENCE, city, at_ms), key=lambda g: g.not_before_ms, default=None)

    def check(self, envelope: Envelope, context: Context, role: Role, *, city: str, at_ms: int) -> Refusal | None:
        """None if a key granted this role signed this envelope in this context, else why not."""
        grant = self.find(role, envelope.key_id, city=city, at_ms=at_ms)
        if grant is None:
            return Refusal.UNKNOWN_KEY
        return envelope.check(PublicKey.from_spki(grant.spki), context)

    def signed_for(
        self, envelope: Envelope, context: Context, role: Role, *, city: str
    ) -> "tuple[Grant, ...] | Refusal":
        """The grants, whatever their dates, under which a key signed an envelope, or why it holds under none.

        For what is judged at the time written in it: the caller reads that, and asks `is_current` of these.
        """
        grants = tuple(g for g in self.grants if g.role is role and g.covers(city) and g.key_id == envelope.key_id)
        if not grants:
            return Refusal.UNKNOWN_KEY
        return envelope.check(PublicKey.from_spki(grants[0].spki), context) or grants

    def read_signed(
        self, raw: bytes, context: Context, role: Role, read: Callable[[Envelope], T], *, city: str, max_bytes: int
    ) -> "tuple[T, tuple[Grant, ...]] | Refusal":
        """What `signed_for` holds for, read once it does, with these grants; or why not."""
        try:
            envelope = parse(raw, max_bytes=max_bytes)
            grants = self.signed_for(envelope, context, role, city=city)
            return grants if isinstance(grants, Refusal) else (read(envelope), grants)
        except (BadEnvelope, DecodeError) as exc:
            return exc.refusal

    def _current(self, role: Role, city: str, at_ms: int) -> list[Grant]:
        return [g for g in self.grants if g.role is role and g.covers(city) and g.is_current(at_ms)]


def _read_bundle(payload: bytes) -> TrustBundle:
    """A bundle without the grants whose role is not known here; raises `DecodeError`."""
    received = from_versioned(payload, _Received, max_bytes=MAX_TRUST_BYTES)
    grants = tuple(from_tree(tree, Grant) for tree in received.grants if not _is_of_newer_role(tree))
    for grant in grants:
        _check_key(grant)
    return TrustBundle(version=received.version, number=received.number, created_ms=received.created_ms, grants=grants)


def _is_of_newer_role(tree: dict[str, Any]) -> bool:
    role = tree.get("0")
    return type(role) is int and role not in Role.__members__.values()


def _check_key(grant: Grant) -> None:
    """Raise `DecodeError` unless the granted key can do what its role asks."""
    if grant.role is not Role.EVIDENCE:
        PublicKey.from_spki(grant.spki)
        return
    try:
        check_evidence_key(grant.spki)
    except SealError as exc:
        raise DecodeError("an evidence key that cannot be sealed to") from exc
