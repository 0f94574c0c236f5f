"""The next trust bundle: what is in the current one, what comes in, what goes out. The root signs the whole.

1. Numbers rise by one. A box refuses a lower one, so what the next bundle leaves out is revoked for good.
2. The same key may hold several roles (a server signs receipts and manifests); key and role together name a grant,
   and granting them again replaces the grant, with its cities and dates.
3. Expired grants are left out of the next bundle: they no longer hold, and a bundle is bounded.
4. A key has one holder. Were it two officers', one person could be both signatures of a batch.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from aggregator.errors import BadInput, NotThere
from protocol.clock import to_ms
from protocol.keys import KeyId, Signer
from protocol.messages import VERSION
from protocol.trust import EVERYWHERE, Grant, Role, TrustBundle, TrustStore, sign_bundle

SERVER_ROLES: Final = (Role.RECEIPT, Role.MANIFEST, Role.AUDIT, Role.SETTINGS)
# Boxes' clocks are off: what is granted now holds for a box that is a day behind.
BACKDATED: Final = timedelta(days=1)


def make_grant(
    role: Role,
    spki: bytes,
    subject: str,
    *,
    now: datetime,
    valid: timedelta,
    cities: tuple[str, ...] = EVERYWHERE,
) -> Grant:
    """A key, its role and its holder, from now on."""
    return Grant(
        role=role,
        spki=spki,
        subject=subject,
        not_before_ms=to_ms(now - BACKDATED),
        not_after_ms=to_ms(now + valid),
        cities=cities,
    )


def server_grants(
    spki: bytes, subject: str, *, now: datetime, valid: timedelta, cities: tuple[str, ...]
) -> tuple[Grant, ...]:
    """What an aggregator's key may do: receipts, manifests, audit checkpoints, boxes' settings."""
    return tuple(make_grant(role, spki, subject, now=now, valid=valid, cities=cities) for role in SERVER_ROLES)


def missing_grants(store: TrustStore, kid: KeyId) -> tuple[Grant, ...]:
    """Grants that this release's servers need and a server's key has not, as far and as long as it may answer boxes."""
    answering = [g for g in store.grants if g.key_id == kid and g.role is Role.RECEIPT]
    held = {(g.role, g.cities) for g in store.grants if g.key_id == kid}
    return tuple(
        msgspec.structs.replace(g, role=role)
        for g in answering
        for role in SERVER_ROLES
        if (role, g.cities) not in held
    )


def granted(store: TrustStore, new: Iterable[Grant], *, now: datetime) -> tuple[Grant, ...]:
    """The grants after new ones; raises `BadInput` if a key would get a second holder."""
    grants = {(g.key_id, g.role): g for g in store.grants if g.not_after_ms > to_ms(now)}
    for grant in new:
        holders = {g.subject for g in grants.values() if g.key_id == grant.key_id}
        if not holders <= {grant.subject}:
            raise BadInput(f"the key {grant.key_id.hex()} is {holders.pop()}'s already")
        grants[grant.key_id, grant.role] = grant
    return tuple(grants.values())


def withdrawn(
    store: TrustStore, gone: Sequence[KeyId], *, now: datetime, role: Role | None = None
) -> tuple[Grant, ...]:
    """The grants after some keys lost a role, or every role; raises `NotThere` for a key that has none."""
    for kid in gone:
        if not any(_is_named(g, kid, role) for g in store.grants):
            raise NotThere(f"no grant for the key {kid.hex()}")
    return tuple(
        g for g in store.grants if g.not_after_ms > to_ms(now) and not any(_is_named(g, k, role) for k in gone)
    )


def next_bundle(store: TrustStore, grants: tuple[Grant, ...], *, now: datetime) -> TrustBundle:
    """The bundle that follows the store's, to be signed by the root."""
    return TrustBundle(version=VERSION, number=store.number + 1, created_ms=to_ms(now), grants=grants)


def signed(bundle: TrustBundle, root: Signer) -> bytes:
    """A bundle under the root's signature."""
    return sign_bundle(bundle.number, bundle.grants, root, created_ms=bundle.created_ms)


def _is_named(grant: Grant, kid: KeyId, role: Role | None) -> bool:
    return grant.key_id == kid and role in (None, grant.role)
