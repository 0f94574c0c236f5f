"""Revocations: every device key that a city has taken out of service, for whoever else may hear of those devices.

A city's server signs the list, under a key granted RECEIPT there: it says what the city's receipts say of such a key,
ahead of time. Revocation is for good, so a list only grows. Its number is how many keys it names: of two lists the one
of the higher number is newer, and a receiver that has one refuses a list that lacks a key of it.
"""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from protocol.envelope import Context, Envelope, sign
from protocol.fields import Count, Id, Number, TimeMs
from protocol.keys import KEY_ID_BYTES, Signer
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.trust import Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_LIST_BYTES: Final = 4 * 1024 * 1024
MAX_KEYS: Final = 50_000


class RevokedKey(WireStruct, frozen=True, kw_only=True):
    """A key, whose it was, and since when it holds no more."""

    key_id: Annotated[bytes, msgspec.Meta(min_length=KEY_ID_BYTES, max_length=KEY_ID_BYTES)] = msgspec.field(name="0")
    device: Id = msgspec.field(name="1")
    revoked_ms: TimeMs = msgspec.field(name="2")


class RevocationList(WireStruct, frozen=True, kw_only=True):
    """A city's revoked keys, in the order of their ids."""

    version: Number = msgspec.field(name="0")
    number: Count = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    created_ms: TimeMs = msgspec.field(name="3")
    keys: Annotated[tuple[RevokedKey, ...], msgspec.Meta(max_length=MAX_KEYS)] = msgspec.field(name="4")


def sign_list(city: str, keys: Iterable[RevokedKey], signer: Signer, *, created_ms: int) -> bytes:
    """A city's list, sealed."""
    ordered = tuple(sorted(keys, key=lambda each: each.key_id))
    made = RevocationList(version=VERSION, number=len(ordered), city=city, created_ms=created_ms, keys=ordered)
    return sign(to_bytes(made, max_bytes=MAX_LIST_BYTES), signer, Context.REVOCATIONS)


def accept_list(
    raw: bytes, trust: TrustStore, *, city: str, known: RevocationList | None = None
) -> RevocationList | Refusal:
    """A list to believe from now on in place of the one that is known, or why not."""
    read = trust.read_signed(
        raw, Context.REVOCATIONS, Role.RECEIPT, _decode, city=city, max_bytes=MAX_LIST_BYTES + 1024
    )
    if isinstance(read, Refusal):
        return read
    found, grants = read
    if not any(grant.is_current(found.created_ms) for grant in grants):
        return Refusal.UNKNOWN_KEY
    ids = [each.key_id for each in found.keys]
    if found.city != city or found.number != len(ids) or ids != sorted(set(ids)):
        return Refusal.BAD_FORM
    is_shrunk = known is not None and not {each.key_id for each in known.keys} <= set(ids)
    return Refusal.EQUIVOCATION if is_shrunk else found


def _decode(envelope: Envelope) -> RevocationList:
    """A list whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, RevocationList, max_bytes=MAX_LIST_BYTES)
